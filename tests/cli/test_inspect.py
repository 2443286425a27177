"""``inspect``: traces, statistics and figures of both interactions."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlviz.checkpoints import ModelCard, save_checkpoint
from mtlviz.cli.figure_files import AFFINITY_CAPTIONS, CAPTIONS
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS
from tests.cli.conftest import GRID, SIZE, TASK_NAMES, TINY

OUT = Path("o")


def test_kem_gives_trace_routing_attention_and_all_figures(cli):
    found = cli("inspect", "photograph:china", "--checkpoint", "kem", "--out", OUT, "--json").last
    assert {path.relative_to(OUT).as_posix() for path in OUT.rglob("*") if path.is_file()} == set(found["files"])
    assert {Path(file).stem for file in found["files"] if file.startswith("figures/")} == {*CAPTIONS, "plotly.min"}
    with np.load(OUT / "trace.npz", allow_pickle=False) as trace:
        tokens, slots = trace["write"].shape
        assert tuple(trace["tasks"]) == ("semseg", "depth", "normals", "edge")
        assert tokens == 4 * 8 * 10 == len(trace["valid_tokens"])
        assert trace["logits"].shape == (slots, tokens)
        assert trace["features_before"].shape == trace["features_after"].shape
        np.testing.assert_allclose(trace["write"].sum(1), 1, atol=1e-5)
        assert np.isneginf(trace["logits"][:, ~trace["valid_tokens"]]).all()
    routing = json.loads((OUT / "routing.json").read_text())
    assert routing["slots"] == slots == len(routing["per_slot"])
    assert sum(one["occupancy"] for one in routing["per_slot"]) == pytest.approx(1)
    assert routing["stamp"] == found["stamp"]


def test_cross_attention_gives_attention_and_no_routing(cli):
    found = cli("inspect", "rooms:val:2", "--checkpoint", "cross_attention", "--out", OUT, "--json").last
    assert found["routing"] is None
    assert not (OUT / "routing.json").exists()
    attention = json.loads((OUT / "attention.json").read_text())
    reads = attention["token_reads_from"]
    assert reads[attention["token"]["task"]] == 0  # its own task
    assert sum(reads.values()) == pytest.approx(1)
    assert any(one["name"] == "Weight on other labels" for one in attention["numbers"])  # a room has labels
    with np.load(OUT / "trace.npz") as trace:
        assert {"queries", "keys", "values", "written"} <= set(trace)


def save_other(folder, interaction, options):
    """A tiny network with an interaction that the common folder lacks."""
    tasks = tuple(TASKS[name] for name in TASK_NAMES)
    config = NetworkConfig(encoder=TINY, width=24, decoder_widths=(8, 8), interaction=interaction, options=options)
    card = ModelCard(
        name=interaction, title=interaction, summary="tiny", trained="random", architecture=config, tasks=tasks,
        input_size=SIZE, token_grid=GRID,
    )  # fmt: skip
    save_checkpoint(MultiTaskNetwork(config, tasks).state_dict(), card, folder)


def test_the_frame_of_stable_kem_is_among_the_arrays(cli, tmp_path):
    save_other(tmp_path / "kept", "stable_kem", {"rung": "collapse", "slots": 6})
    outcome = cli("inspect", "photograph:china", "--checkpoint", "stable_kem", "--checkpoints", tmp_path / "kept",
                  "--out", OUT)  # fmt: skip
    assert outcome.code == 0
    with np.load(OUT / "trace.npz", allow_pickle=False) as trace:
        assert trace["projection_projected"].shape == (4 * 8 * 10, 24)
        assert str(trace["projection_rung"]) == "collapse"


def test_ctal_gives_affinities_and_no_attention(cli, tmp_path):
    """Its rows of G are signed and spread a task's own values: shares and entropies of them do not exist."""
    save_other(tmp_path / "kept", "ctal", {"grid": GRID})
    found = cli("inspect", "rooms:val:2", "--checkpoint", "ctal", "--checkpoints", tmp_path / "kept", "--task", "depth",
                "--out", OUT, "--json").last  # fmt: skip
    assert found["attention"] is found["routing"] is None
    assert {path.relative_to(OUT).as_posix() for path in OUT.rglob("*") if path.is_file()} == set(found["files"])
    drawn = {Path(file).stem for file in found["files"] if file.startswith("figures/")}
    assert drawn == {*AFFINITY_CAPTIONS, "plotly.min"}
    affinity = json.loads((OUT / "affinity.json").read_text())
    assert affinity["token"]["task"] == "depth"
    assert affinity["cka"]["depth"]["depth"] == pytest.approx(1)
    assert set(affinity["rank_correlation"]) == {*affinity["tasks"], "fused"}
    assert sum(affinity["fused_row_follows"].values()) == pytest.approx(1)
    with np.load(OUT / "trace.npz", allow_pickle=False) as trace:
        assert trace["units"].shape[:2] == (4, 80)
        assert trace["weights"].shape == (1, 80, 4, 3, 3)
        assert str(trace["similarity"]) == "cosine"


def test_all_figures_share_the_one_script_beside_them(cli):
    cli("inspect", "photograph:flower", "--checkpoint", "kem", "--out", OUT)
    pages = sorted((OUT / "figures").glob("*.html"))
    assert [path.name for path in OUT.rglob("*.js")] == ["plotly.min.js"]
    for page in pages:
        text = page.read_text()
        assert re.findall(r'<script[^>]* src="([^"]*)"', text) == ["plotly.min.js"]
        assert "https://" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
        assert page.stat().st_size < 3_000_000
    index = (OUT / "index.html").read_text()
    assert all(f'href="figures/{page.name}"' in index for page in pages)


def test_the_token_that_is_asked_for_is_the_one_that_is_looked_at(cli):
    found = cli(
        "inspect", "photograph:china", "--task", "normals", "--row", 3, "--column", 7, "--out", OUT, "--json"
    ).last
    assert found["attention"]["token"] == {"task": "normals", "row": 3, "column": 7, "index": 2 * 80 + 37}


def test_a_name_with_markup_stays_text_in_the_pages(cli, tmp_path):
    path = tmp_path / "<script>alert(1)<b>.png"
    Image.new("RGB", (80, 64), "grey").save(path)
    assert cli("inspect", path, "--checkpoint", "cross_attention", "--out", OUT).code == 0
    assert all("<script>alert(1)" not in page.read_text() for page in OUT.rglob("*.html"))


def test_hard_sharing_has_nothing_to_inspect(cli):
    outcome = cli("inspect", "photograph:china", "--checkpoint", "none", "--out", OUT, "--json")
    assert outcome.code == 2
    assert "no interaction to inspect" in outcome.last["error"]
    assert not OUT.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--row", 8), "--row 8 does not show the image; choose"),
        (("--column", -1), "--column -1 does not show the image; choose 0 to 9"),
        (("--row", 0), "--row 0 does not show the image; choose 1 to 6"),  # padding of a wide photograph
        (("--task", "flow"), "--task 'flow' is not a task of this model; choose one of semseg"),
        (("--row", "middle"), "'--row'.*integer"),
    ],
)
def test_a_token_that_is_not_there_is_refused(cli, tmp_path, words, sentence):
    Image.new("RGB", (160, 96)).save(tmp_path / "wide.png")
    outcome = cli("inspect", tmp_path / "wide.png", "--out", OUT, *words)
    assert outcome.code == 2
    assert re.search(sentence, outcome.err)
    assert len(outcome.err.splitlines()) == 1
