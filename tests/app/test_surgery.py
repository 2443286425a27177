"""Slot surgery: a list of edits in the link, predictions before and after, every slot's effect, faithfulness."""

import json

import numpy as np
import pytest

from mtlviz.analysis.lesions.slots import slot_lesions
from mtlviz.engine import load
from mtlviz.plots.style import BUDGET
from mtlviz.ui import sources
from tests.app.conftest import png, said, spec, specs, upload

PAGE = "pages/10_surgery.py"
PARTS = ("predictions", "every slot", "weight and effect", "tasks")


@pytest.fixture
def table(open_page):
    """Open the page."""
    return lambda **query: open_page(PAGE, **query)


def healthy(at):
    assert not at.exception
    assert not at.error
    return at


def edits(at) -> str:
    return at.text_input(key="surgery_edits").value


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("model", ["kem", "skem", "none", "cross_attention", "ctal"])
def test_every_part_draws_or_says_why_not_for_every_model(table, model, part):
    at = healthy(table(model=model, surgery_part=part))
    shown = at.get("plotly_chart")
    if not shown:
        assert any(word in said(at) for word in ("has no memory slots", "no task reads another one"))
    assert max(map(len, specs(at)), default=0) < BUDGET
    assert "Nothing is edited yet" in said(at)


@pytest.mark.parametrize("model", ["inducing_points", "topk_attention", "heads"])
def test_every_part_draws_for_the_corners_and_for_several_heads(table, corners, model):
    at = table(model=model)
    for part in PARTS:
        at.segmented_control(key="surgery_part").set_value(part).run()
        assert healthy(at).get("plotly_chart") or "has no memory slots" in said(at)
    if model != "topk_attention":
        at.text_input(key="surgery_edits").set_value("picks-2 zero-1 give-0-3-room1").run()
        assert "K = 2, slot 1 dropped" in said(healthy(at))


def test_an_edit_shows_every_task_before_after_and_their_difference(table):
    at = healthy(table(surgery_edits="zero-3 residual-4"))
    maps = [figure for figure in map(json.loads, specs(at)) if "annotations" in figure["layout"]]
    titles = [figure["layout"]["annotations"][0]["text"] for figure in maps]
    assert len(titles) == 12
    assert titles[0].startswith("<b>Segmentation before")
    assert titles[1].startswith("<b>Segmentation after")
    assert sum("Different labels" in title or "−" in title or "Angle" in title for title in titles) == 4
    assert "slot 3 dropped and w_r = 4" in said(at)
    frame = at.table[0].value
    assert list(frame.index) == ["Segmentation", "Depth", "Normals", "Edges"]
    assert {"Moved by", "Pixels changed", "Before", "After"} <= set(frame.columns)


def test_the_colours_of_the_classes_are_named_with_their_shares_before_and_after(table):
    (legend,) = [json.loads(one) for one in specs(table(surgery_edits="residual-4", surgery_task="semseg"))][3:]
    assert [trace["name"] for trace in legend["data"]] == ["before", "after"]
    assert sum(legend["data"][0]["x"]) == pytest.approx(1, abs=0.02)
    assert len(table(surgery_task="depth").get("plotly_chart")) == 1


def test_before_and_after_share_their_colour_range(table):
    at = table(surgery_edits="residual-4", surgery_task="depth")
    ranges = []
    for index in (0, 1):
        (scale,) = (trace for trace in spec(at, index)["data"] if trace.get("name") == "scale")
        ranges.append((scale["marker"]["cmin"], scale["marker"]["cmax"]))
    assert len(at.get("plotly_chart")) == 3
    assert ranges[0] == ranges[1]


@pytest.mark.parametrize(
    "identity", ["residual-1", "picks-3", "slots-20", "swap-4-4", "noise-depth-0-0", "renormalise"]
)
def test_an_identity_edit_changes_nothing_to_the_last_bit(table, identity):
    at = healthy(table(surgery_edits=identity))
    assert "no prediction changes at all" in said(at)
    assert set(at.table[0].value["Pixels changed"]) == {"0% (0)"}


def test_dropping_all_slots_moves_predictions_as_w_r_0_does(table):
    every = " ".join(f"zero-{slot}" for slot in range(20))
    tables = [table(surgery_edits=text).table[0].value for text in (every, "residual-0")]
    assert tables[0].equals(tables[1])


def test_edits_are_added_removed_undone_and_reset(table):
    at = table(surgery_edits="zero-3")
    at.number_input(key="surgery_at").set_value(5).run()
    at.button(key="surgery_add").click().run()
    assert edits(at) == "zero-3 zero-5"
    at.button(key="surgery_remove_0").click().run()
    assert edits(at) == "zero-5"
    at.button(key="surgery_undo").click().run()
    assert edits(at) == "zero-3 zero-5"
    at.button(key="surgery_reset").click().run()
    assert edits(at) == ""
    assert "Nothing is edited yet" in said(at)
    for expected in ("zero-3 zero-5", "zero-3"):
        at.button(key="surgery_undo").click().run()
        assert edits(at) == expected
    assert at.button(key="surgery_undo").disabled


def test_a_typed_list_is_applied_and_can_be_undone(table):
    at = table(surgery_edits="zero-3")
    at.text_input(key="surgery_edits").set_value("freeze-1 silence-edge").run()
    assert "slot 1 frozen and Edges silenced" in said(healthy(at))
    at.button(key="surgery_undo").click().run()
    assert edits(at) == "zero-3"


@pytest.mark.parametrize(
    ("verb", "word"),
    [
        ("Drop a slot", "zero-0"), ("Renormalise what is left", "renormalise"), ("Freeze a slot", "freeze-0"),
        ("Swap two slots", "swap-0-1"), ("Transplant a content", "give-0-1-room1"),
        ("Silence a task", "silence-semseg"),
        ("Mute a token", "mute-semseg-8-10"), ("Move a token's write", "move-semseg-8-10-semseg-8-10"),
        ("Set the residual's weight", "residual-0"), ("Set K, picks a slot", "picks-1"),
        ("Set L, number of slots", "slots-10"), ("Noise on a task", "noise-semseg-1-0"),
    ],
)  # fmt: skip
def test_every_operation_can_be_chosen_and_applied(table, verb, word):
    at = table()
    at.selectbox(key="surgery_verb").select(verb).run()
    at.button(key="surgery_add").click().run()
    assert edits(healthy(at)) == word


@pytest.mark.parametrize(
    ("hostile", "words"),
    [("<script>alert(1)</script>", "Edit 1 of the list is unknown"), ("zero-77", "has 0 to 19"),
     ("give-0-0-room999", "a content comes from"), ("zero-3 zero-nan", "is not complete"),
     ("silence-semseg silence-depth silence-normals silence-edge", "keep at least one task")],
)  # fmt: skip
def test_a_hostile_list_is_left_out_with_one_sentence(table, hostile, words):
    at = healthy(table(surgery_edits=hostile))
    (sentence,) = [info.value for info in at.info if "shown without edits" in info.value]
    assert words.lower() in sentence.lower()
    assert "script" not in sentence
    assert "Nothing is edited yet" in said(at)


@pytest.mark.parametrize(
    ("key", "value"),
    [("surgery_part", "<b>"), ("surgery_task", "../x"), ("surgery_slot", "99"), ("surgery_lesion", "kill"),
     ("surgery_classes_of", "x")],
)  # fmt: skip
def test_a_hostile_link_falls_back_and_says_so(table, key, value):
    query = {"surgery_part": "every slot", key: value} if key not in ("surgery_part", "surgery_task") else {key: value}
    at = healthy(table(**query))
    assert f"The link's “{key}”" in said(at)


def test_the_matrix_holds_the_lesions_of_the_model_ranked(table, checkpoints):
    at = healthy(table(surgery_part="every slot"))
    engine = load("kem", folder=checkpoints)
    found = slot_lesions(engine, engine.run(sources.room(0)))
    cells = json.loads(specs(at)[0])["data"][1]
    order = [key for (key,) in cells["customdata"]][:: len(found.tasks)]
    assert order == found.ranked.tolist()
    assert len(cells["hovertext"]) == found.effects.size
    assert all("effect of all slots" in text for text in cells["hovertext"])
    assert at.number_input(key="surgery_slot").value == int(found.ranked[0])


def test_a_chosen_slot_is_shown_on_the_image_and_by_class(table):
    at = table(surgery_part="every slot", surgery_slot="7")
    assert "What slot 7 dropped changes on the image" in said(at)
    at.segmented_control(key="surgery_lesion").set_value("freeze").run()
    assert "What slot 7 frozen changes on the image" in said(healthy(at))
    at.selectbox(key="surgery_classes_of").set_value("depth").run()
    assert "On the pixels of which classes does Depth change?" in said(healthy(at))
    assert "mean change (m)" in specs(at)[-1]


def test_every_task_has_its_rank_correlation_with_its_count(table):
    at = table(surgery_part="weight and effect")
    assert said(at).count("(n = 20)") + said(at).count("no rank correlation") == 4
    assert len(at.get("plotly_chart")) == 4


def test_attention_mass_stands_against_the_effect_of_silencing(table):
    at = table(model="cross_attention", surgery_part="tasks")
    assert "(n = 12)" in said(at)
    scatter = json.loads(specs(at)[1])["data"]
    assert sum(trace["x"] not in ([None], [], None) and not trace["showlegend"] for trace in scatter) == 12
    ctal = table(model="ctal", surgery_part="tasks")
    assert "there is no mass" in said(ctal)


def test_what_a_model_does_not_allow_is_not_offered_in_one_sentence(table):
    none = table(model="none")
    assert none.selectbox(key="surgery_verb").options == ["Noise on a task"]
    assert "Not offered for this model, since it has no interaction between its tasks" in said(none)
    attention = table(model="cross_attention")
    assert "Drop a slot" not in attention.selectbox(key="surgery_verb").options
    assert "since it has no memory slots" in said(attention)
    assert "Not offered" not in said(table(model="kem"))


def test_a_new_edit_takes_the_place_of_those_that_the_model_does_not_allow(table):
    at = table(model="cross_attention", surgery_edits="zero-3 residual-2")
    assert "shown without edits" in said(at)
    at.selectbox(key="surgery_verb").select("Silence a task").run()
    at.button(key="surgery_add").click().run()
    assert edits(healthy(at)) == "residual-2 silence-semseg"
    assert "shown without edits" not in said(at)


def test_a_full_list_takes_no_more(table):
    full = " ".join(f"mute-depth-{row}-{column}" for row in range(2) for column in range(20))
    at = healthy(table(surgery_edits=full))
    assert at.button(key="surgery_add").disabled
    assert not table(surgery_edits=full.rpartition(" ")[0]).button(key="surgery_add").disabled


def test_an_edit_of_another_model_is_left_out_with_a_sentence_and_kept_for_the_way_back(table):
    at = table(surgery_edits="zero-3")
    at.selectbox(key="model").set_value("none").run()
    assert "does not allow the edit “zero\\-3”" in said(healthy(at))
    at.selectbox(key="model").set_value("kem").run()
    assert "slot 3 dropped" in said(healthy(at))


def test_a_photograph_without_labels_has_no_metrics(table):
    at = upload(table(surgery_edits="residual-0"), "mine.png", png(96, 40))
    assert "Before" not in at.table[0].value.columns
    assert "nothing says whether the edits made it better" in said(healthy(at))


def test_slots_beyond_those_of_the_model_come_back_into_range(table):
    at = table(surgery_part="every slot", surgery_slot="15")
    at.selectbox(key="model").set_value("skem").run()
    assert at.number_input(key="surgery_slot").value == 5
    assert np.isfinite(at.number_input(key="surgery_at").value)
    healthy(at)


@pytest.mark.parametrize("control", ["random weights", "shuffled slots", "permuted tokens", "mean image"])
def test_a_negative_control_takes_the_place_of_the_model_in_every_part(table, control):
    at = table(model="kem", control=control)
    for part in PARTS:
        at.segmented_control(key="surgery_part").set_value(part).run()
        assert f"**Negative control: {control}" in said(healthy(at))
        compared = "ρ" in said(at) or "constant map" in said(at)
        if part == "every slot":
            assert compared != (control == "random weights")  # its slots are others
            assert ("has no model's slot to be compared with" in said(at)) == (control == "random weights")
        if part == "weight and effect":
            assert said(at).count("(the model itself: **") == 4
        if part == "tasks":
            assert compared
            assert "The model itself: **" in said(at)


def test_the_matrix_of_a_control_is_another_one_and_goes_with_the_switch(table):
    own = spec(table(surgery_part="every slot"), 0)
    at = table(surgery_part="every slot", control="shuffled slots")
    assert spec(at, 0) != own
    at.selectbox(key="control").set_value("the model").run()
    assert spec(healthy(at), 0)["data"] == own["data"]  # the slot that is looked at stays the chosen one
    assert "ρ" not in said(at)


def test_an_edit_of_what_the_control_changes_is_left_out_with_a_sentence(table):
    at = healthy(table(surgery_edits="swap-1-2", control="shuffled slots"))
    assert any("already changes 'swapped'" in info.value for info in at.info)
    assert "slots 1 and 2 swapped" in said(healthy(table(surgery_edits="swap-1-2", control="mean image")))
