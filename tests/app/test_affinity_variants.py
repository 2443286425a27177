"""What the pages say of CTAL's variants: several scales, a softmax, tasks laid end to end, one task, its own task."""

from pathlib import Path

import pytest
import torch

from mtlviz.adapters import sources
from mtlviz.models.multitask import NetworkConfig
from mtlviz.ui.affinity import words as affinity_words
from tests.app.conftest import SHARED, TINY, said, save_random, save_tiny, specs

AFFINITY, COMPARE = "pages/8_affinity.py", "pages/3_compare.py"
DETAILS = ("overview", "agreement", "fusion weights", "diffusion", "random walk")
READS = "what the token reads"


@pytest.fixture
def variants(checkpoints, tmp_path, monkeypatch) -> Path:
    """In place of the usual models CTAL's variants."""
    torch.manual_seed(0)
    save_tiny("soft", "Soft", "ctal", {"softmax": True}, tmp_path)
    save_tiny("laid", "Laid", "ctal", {"interleaved": False}, tmp_path)
    save_tiny("own", "Own", "ctal", {"fusion": "per_task", "own_task": True}, tmp_path)
    several = {"encoder": TINY, "width": 8, "decoder_widths": (8, 8), "interaction": "ctal"}
    scales = {"task_encoders": "multi_scale", "scales": (8, 16, 32), "deep_supervision": True}
    save_random("scales", "Scales", NetworkConfig.model_validate(several | scales), SHARED, tmp_path)
    save_random("one", "One", NetworkConfig.model_validate(several), ("depth",), tmp_path)
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("variants")
def test_a_network_of_several_scales_shows_its_affinities(open_page):
    at = open_page(AFFINITY, model="scales")
    for name in DETAILS:
        at.segmented_control(key="affinity_detail").set_value(name).run()
        assert not at.exception
        assert not at.error
        assert len(specs(at)) > len(SHARED) + 2


@pytest.mark.usefixtures("variants")
@pytest.mark.parametrize(
    ("model", "detail", "sentence"),
    [
        ("soft", "diffusion", "The rows of G sum to 1, whatever the size of the grid."),
        ("soft", "overview", "The rows of G are a softmax, so each sums to 1"),
        ("laid", "fusion weights", f"{affinity_words.END_TO_END} A map below"),
        ("one", "agreement", "there is one task only, Depth, and no other to contradict it."),
    ],
)
def test_a_variant_is_described_as_what_it_is(open_page, model, detail, sentence):
    at = open_page(AFFINITY, model=model, affinity_detail=detail)
    assert not at.exception
    assert not at.error
    assert sentence in said(at)


@pytest.mark.usefixtures("variants")
def test_who_moves_what_follows_from_the_options(open_page):
    at = open_page(COMPARE, model="soft", second="own", compare_part=READS)
    assert not at.error
    words = said(at)
    assert "Soft moves **weights**" in words
    assert "with weights that sum to 1, in Soft" in words
    assert "softmax of what the others add up to" in words
    assert "Own moves nothing: every token reads along its own task's affinities alone" in words


@pytest.mark.usefixtures("variants")
def test_deep_supervision_of_one_side_alone_is_said_and_counted(open_page):
    at = open_page(COMPARE, model="scales", second="laid", compare_part="cost")
    assert "Scales alone learned with deep supervision" in said(at)
    counts = at.table[0].value
    assert "First predictions, in training alone" in counts.index
    assert "deep supervision" not in said(open_page(COMPARE, model="soft", second="laid"))


def test_of_a_network_that_is_not_ours_nothing_is_claimed(open_page, monkeypatch):
    monkeypatch.setenv(sources.VARIABLE, "tests.adapters.broken:Small")
    at = open_page(COMPARE, model="small", second="ctal", compare_part=READS)
    assert not at.exception
    words = said(at)
    assert "Small shares in a way of its own, of which nothing is recorded." in words
    assert "Small has no attention map:** it records no weights between tokens." in words
    assert "CTAL moves **weights**" in words
