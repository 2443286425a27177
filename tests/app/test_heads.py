"""Pages about an interaction with several heads: they show one, and say which."""

import numpy as np
import pytest
import torch

from mtlviz.analysis.picks import slot_picks
from mtlviz.checkpoints import ModelCard, save_checkpoint
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS
from mtlviz.trace import Capture
from mtlviz.ui import sources, state
from tests.app.conftest import INPUT, TINY, said, spec

SLOTS, COMPARE = "pages/2_slots.py", "pages/3_compare.py"


@pytest.fixture
def two_heads(tmp_path, monkeypatch):
    """A folder with a KEM of two heads, and one of one head beside it."""
    tasks = tuple(TASKS[name] for name in ("semseg", "depth", "normals", "edge"))
    torch.manual_seed(0)
    for name, heads in (("kem", 2), ("plain", 1)):
        options = {"heads": heads, "pre_norm": True}
        config = NetworkConfig(encoder=TINY, width=8, decoder_widths=(8, 8), interaction="kem", options=options)
        card = ModelCard(
            name=name, title=name.upper(), summary=name, trained="random", architecture=config, tasks=tasks,
            input_size=INPUT, token_grid=(16, 20),
        )  # fmt: skip
        save_checkpoint(MultiTaskNetwork(config, tasks).state_dict(), card, tmp_path)
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(tmp_path))
    return tmp_path


def picks_on_the_maps(at) -> list[list[int]]:
    """Slots whose picks are drawn on each task's map."""
    found = []
    for index in range(4):
        texts = [trace.get("text", []) for trace in spec(at, index)["data"] if trace.get("name") == "picks"]
        found.append(sorted(int(text) for text in texts[0]) if texts else [])
    return found


def picks_of_head(head: int) -> list[list[int]]:
    run = state.engine_named("kem").run(sources.room(0), capture=Capture(head=head))
    picks = slot_picks(run.trace.interaction)
    return [sorted(pick.slot for pick in picks if pick.task == task) for task in run.trace.interaction.layout.tasks]


def test_the_slot_page_shows_the_head_that_is_asked_for(open_page, two_heads):
    at = open_page(SLOTS)
    assert "Head 0 of 2 (0 to 1): picks and weights are this head's" in said(at)
    assert picks_on_the_maps(at) == picks_of_head(0)
    at.number_input(key="slots_head").set_value(1).run()
    assert not at.exception
    assert picks_on_the_maps(at) == picks_of_head(1) != picks_of_head(0)
    linked = open_page(SLOTS, slots_head="1")
    assert linked.number_input(key="slots_head").value == 1
    assert picks_on_the_maps(linked) == picks_of_head(1)


@pytest.mark.parametrize("value", ["2", "x", "-1", "1e999"])
def test_a_head_that_does_not_exist_falls_back_and_is_said(open_page, two_heads, value):
    at = open_page(SLOTS, slots_head=value)
    assert not at.exception
    assert at.number_input(key="slots_head").value == 0
    assert "The link's “slots_head” is not a number from 0 to 1" in said(at)


def test_one_head_is_not_asked_for(open_page, two_heads):
    at = open_page(SLOTS, model="plain", slots_head="1")
    assert not at.exception
    assert "slots_head" not in [widget.key for widget in at.number_input]
    assert "Head" not in said(at)


def test_a_model_of_fewer_heads_after_one_of_more_is_shown(open_page, two_heads):
    at = open_page(SLOTS, slots_head="1")
    at.selectbox(key="model").set_value("plain").run()
    assert not at.exception
    at.selectbox(key="model").set_value("kem").run()
    assert not at.exception


def test_a_set_is_of_one_head(open_page, two_heads):
    at = open_page(SLOTS, slots_detail="set of images", slots_head="1")
    at.number_input(key="slots_rooms").set_value(1)
    at.button(key="slots_start").click().run()
    assert "Over **n = 1** image" in said(at)
    assert at.session_state["_slots_set"].belongs["head"] == 1
    at.number_input(key="slots_head").set_value(0).run()
    assert "was of another head" in said(at)


def test_a_model_can_be_compared_with_itself_head_by_head(open_page, two_heads):
    at = open_page(COMPARE, second="kem", compare_part="what the token reads", compare_head_b="1")
    assert not at.exception
    assert (at.number_input(key="compare_head_a").value, at.number_input(key="compare_head_b").value) == (0, 1)
    assert "Head 1 of 2" in said(at)
    pictures = [
        [image["source"] for image in spec(at, index)["layout"]["images"][1:]] for index in range(8)
    ]  # fmt: skip
    assert pictures[0::2] != pictures[1::2]
    same = open_page(COMPARE, second="kem", compare_part="what the token reads")
    pictures = [[image["source"] for image in spec(same, index)["layout"]["images"][1:]] for index in range(8)]
    assert pictures[0::2] == pictures[1::2]


def test_swapping_the_sides_takes_their_heads_along(open_page, two_heads):
    at = open_page(COMPARE, second="kem", compare_head_b="1")
    at.button(key="compare_swap").click().run()
    assert not at.exception
    assert (at.number_input(key="compare_head_a").value, at.number_input(key="compare_head_b").value) == (1, 0)


def test_numbers_of_a_comparison_are_those_of_the_chosen_heads(open_page, two_heads):
    at = open_page(COMPARE, second="kem", compare_part="reading in numbers", compare_head_b="1")
    values = at.table[0].value
    engine = state.engine_named("kem")
    for side, head in (("A", 0), ("B", 1)):
        trace = engine.run(sources.room(0), capture=Capture(head=head)).trace.interaction
        read = len(np.unique(trace.picks))
        assert values.loc["Tokens it reads", f"KEM ({side}), whole image"] == str(read)
