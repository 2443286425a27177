"""The Slot routing page: who won which slot, what a token reads, one slot, and the same over a set."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from mtlviz.analysis.routing import slot_routing
from mtlviz.analysis.routing_numbers import IMAGE_NUMBERS
from mtlviz.plots.style import BUDGET
from mtlviz.ui import sources, state
from tests.app.conftest import click_token, png, said, spec, specs, upload

PAGE = "pages/2_slots.py"
MAPS = 4


def page_routing():
    """What the page is about at its start."""
    engine = state.engine_named("kem")
    return slot_routing(engine.run(sources.room(0)).trace.interaction)


def texts(at, index: int, name: str) -> list[str]:
    """Texts of a trace of a figure."""
    return next(trace.get("text", []) for trace in spec(at, index)["data"] if trace.get("name") == name)


def detail(at, name: str):
    return at.segmented_control(key="slots_detail").set_value(name).run()


def test_the_page_draws_every_pick_on_the_map_of_its_task(open_page):
    at, routing = open_page(PAGE), page_routing()
    assert not at.exception
    assert not at.error
    for index, task in enumerate(routing.layout.tasks):
        drawn = sorted(int(text) for text in texts(at, index, "picks"))
        assert drawn == sorted(pick.slot for pick in routing.picks if pick.task == task)


def test_the_answer_names_the_slot_that_is_read_most(open_page):
    routing = page_routing()
    words = said(open_page(PAGE))
    assert f"**Slot {routing.occupancy.argmax()}** is read most" in words
    assert f"entropy **{routing.numbers['entropy']:.2f}**" in words


def test_every_figure_is_explained_and_small(open_page):
    at = open_page(PAGE)
    for name in ("sources of the token", "one slot", "tasks and slots"):
        page = detail(at, name)
        assert not page.exception
        assert max(map(len, specs(page))) < BUDGET
        assert said(page).count("How to read this") >= 3


def test_picking_another_token_changes_its_panel(open_page):
    at = open_page(PAGE)
    before = spec(at, MAPS)
    at = click_token(at, 3, 4)
    assert "**Segmentation, row 3, column 4** reads" in said(at)
    assert spec(at, MAPS) != before


def test_a_link_names_the_token_the_slot_and_the_view(open_page):
    at = open_page(PAGE, task="depth", row="2", column="5", slot="7", slots_show="readers", slots_detail="one slot")
    assert "**Depth, row 2, column 5** reads" in said(at)
    assert "**Slot 7** ranks" in said(at)
    assert not any(trace.get("name") == "picks" for trace in spec(at, 0)["data"])


@pytest.mark.parametrize(
    ("key", "value"), [("slot", "99"), ("slot", "1e9"), ("slots_show", "<script>"), ("slots_detail", "../x")]
)
def test_a_hostile_link_falls_back_and_says_so(open_page, key, value):
    at = open_page(PAGE, **{key: value})
    assert not at.exception
    assert f"The link's “{key}”" in said(at)
    assert value not in said(at)
    assert at.number_input(key="slot").value == 0


def test_only_this_slot_fades_the_others(open_page):
    at = open_page(PAGE, slot="3", slots_only="true")
    slots = {text for index in range(MAPS) for text in texts(at, index, "picks") if text}
    assert slots == {"3"}


def test_the_write_map_is_as_strong_as_its_weights(open_page):
    faint = open_page(PAGE, slots_show="readers")
    solid = open_page(PAGE, slots_show="readers", slots_certainty="false")
    assert spec(faint, 0)["layout"]["images"] != spec(solid, 0)["layout"]["images"]


def test_the_photograph_slider_reaches_the_maps(open_page):
    pictures = {
        strength: spec(open_page(PAGE, slots_show="readers", slots_photo=strength), 0)["layout"]["images"][0]["source"]
        for strength in ("0.1", "0.9")
    }  # fmt: skip
    assert pictures["0.1"] != pictures["0.9"]


def test_every_number_is_shown_with_its_definition(open_page):
    at = detail(open_page(PAGE), "numbers")
    assert [metric.label for metric in at.metric] == [number.name for number in IMAGE_NUMBERS.values()]
    assert all(metric.help.startswith(number.definition) for metric, number in
               zip(at.metric, IMAGE_NUMBERS.values(), strict=True))  # fmt: skip


def test_an_uploaded_photograph_is_routed_too(open_page):
    at = upload(open_page(PAGE), "mine.png", png(96, 40))
    assert not at.exception
    assert not at.error
    rows = [place[0] for place in spec(at, 0)["data"][0]["customdata"]]
    assert 0 < len(set(rows)) < 16  # padding above and below is not drawn


@pytest.mark.parametrize("model", ["none", "cross_attention"])
def test_a_model_without_slots_says_why_and_offers_one_that_has_them(open_page, model):
    at = open_page(PAGE, model=model)
    assert "has no memory slots" in said(at)
    assert not at.get("plotly_chart")
    at.button(key="slots_use_kem").click().run()
    assert at.selectbox(key="model").value == "kem"
    assert len(at.get("plotly_chart")) > MAPS


def test_a_set_of_rooms_shows_mean_and_spread_and_says_how_many(open_page):
    at = detail(open_page(PAGE), "set of images")
    assert "One image may be a special case" in said(at)
    at.number_input(key="slots_rooms").set_value(3)
    at.button(key="slots_start").click().run()
    assert not at.exception
    assert "Over **n = 3** images" in said(at)
    assert all("±" in metric.value for metric in at.metric)


def zipped(count: int, bad: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.png", png(40, 32, seed=number))
        if bad:
            archive.writestr("broken.png", png()[:100])
    return buffer.getvalue()


def test_a_zip_is_a_set_and_a_broken_image_in_it_is_named(open_page):
    at = detail(open_page(PAGE, slots_set="uploads or a zip"), "set of images")
    at.file_uploader(key="slots_uploads").set_value([("set.zip", zipped(2, bad=True), "application/zip")]).run()
    at.button(key="slots_start").click().run()
    assert not at.exception
    assert "Over **n = 2** images" in said(at)
    assert any("broken" in warning.value for warning in at.warning)


def test_several_uploads_are_a_set(open_page):
    at = detail(open_page(PAGE, slots_set="uploads or a zip"), "set of images")
    files = [(f"{seed}.png", png(40, 32, seed=seed), "image/png") for seed in range(2)]
    at.file_uploader(key="slots_uploads").set_value(files).run()
    at.button(key="slots_start").click().run()
    assert "Over **n = 2** images" in said(at)


def test_a_folder_is_a_set(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLVIZ_DATA", str(tmp_path))
    for seed in range(2):
        (tmp_path / f"{seed}.png").write_bytes(png(40, 32, seed=seed))
    at = detail(open_page(PAGE, slots_set="folder"), "set of images")
    at.text_input(key="slots_folder").set_value(str(tmp_path)).run()
    at.button(key="slots_start").click().run()
    assert "Over **n = 2** images" in said(at)


def test_a_folder_that_the_app_was_not_started_with_is_not_read(open_page, tmp_path):
    at = detail(open_page(PAGE, slots_set="folder"), "set of images")
    at.text_input(key="slots_folder").set_value(str(tmp_path)).run()
    at.button(key="slots_start").click().run()
    assert [error.value.split(";")[0] for error in at.error] == [
        "There is no such path in the folders that this app was started with"
    ]


@pytest.mark.parametrize(
    ("kind", "sentence"), [("folder", "No folder is given"), ("uploads or a zip", "Nothing is uploaded yet")]
)
def test_an_empty_choice_is_one_sentence(open_page, kind, sentence):
    at = detail(open_page(PAGE, slots_set=kind), "set of images")
    at.button(key="slots_start").click().run()
    assert [error.value.split(";")[0] for error in at.error] == [sentence]


def test_a_stopped_set_keeps_what_is_done(open_page):
    at = detail(open_page(PAGE), "set of images")
    at.number_input(key="slots_rooms").set_value(2)
    at.button(key="slots_start").click().run()
    job = at.session_state["_slots_set"]
    at.session_state["_slots_set"] = replace(job, images=replace(job.images, total=50))
    at.run()
    assert "Over **n = 2** images" in said(at)
    assert "Stopped after 2 of 50" in said(at)


def test_a_set_goes_when_the_model_changes(open_page):
    at = detail(open_page(PAGE), "set of images")
    at.number_input(key="slots_rooms").set_value(1)
    at.button(key="slots_start").click().run()
    assert "Over **n = 1** image," in said(at)
    job = at.session_state["_slots_set"]
    at.session_state["_slots_set"] = replace(job, belongs={**job.belongs, "model": "another"})
    at.run()
    assert "was of another model" in said(at)


def test_padding_never_enters_the_numbers(open_page):
    """A wide photograph has padding; the shares on the page still are shares of its own tokens."""
    at = detail(open_page(PAGE, source="photo"), "tasks and slots")
    values = [float(text) if text != "·" else 0.0 for text in spec(at, -2)["data"][1]["text"]]
    assert np.allclose(np.reshape(values, (-1, MAPS)).sum(1), 1, atol=0.03)
