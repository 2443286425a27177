"""The Faithfulness page: maps against effects on the image, and what was measured over a set."""

import dataclasses

import pytest

from mtlviz import results
from mtlviz.analysis.faithfulness.record import model_record
from mtlviz.analysis.faithfulness.regions import effects_by_region
from mtlviz.analysis.faithfulness.summary import KIND, faithfulness_summary
from mtlviz.cli.answers import plain
from mtlviz.engine import load
from mtlviz.plots.style import BUDGET
from mtlviz.ui import sources
from mtlviz.ui.faithfulness import job as faithfulness_job
from tests.app.conftest import said, spec, specs

PAGE = "pages/12_faithfulness.py"


@pytest.fixture
def open_empty(open_page, monkeypatch, tmp_path):
    """Open the page where no result is stored."""
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return lambda **query: open_page(PAGE, **query)


@pytest.fixture(scope="module")
def stored(checkpoints, tmp_path_factory):
    """A folder with a result of two rooms."""
    folder = tmp_path_factory.mktemp("results")
    rooms = [sources.room(number) for number in (0, 1)]
    records = [model_record(load(name, folder=checkpoints), rooms) for name in ("kem", "cross_attention")]
    content = {**faithfulness_summary(records, 0), "data": "data/rooms/val", "device": "cpu", "versions": {}}
    results.write_result(folder / "faithfulness.json", KIND, plain(content))
    return folder


def test_the_page_starts_with_the_first_map_of_the_model_and_names_its_controls(open_empty):
    at = open_empty(model="kem")
    assert not at.exception
    assert not at.error
    assert at.selectbox(key="faith_map").options[0] == "Write weight by slot"
    assert "**Write weight by slot** of KEM" in said(at)
    assert "the map of random weights reaches" in said(at)
    marks = next(trace for trace in spec(at, 0)["data"] if trace["name"] == "map of the model")
    assert len(marks["customdata"]) == 20


def test_without_a_result_the_page_gives_the_command(open_empty):
    at = open_empty(model="kem")
    assert "No result over a set is stored" in said(at)
    assert "python -m mtlviz faithfulness --checkpoint kem" in said(at)


def test_a_model_without_interaction_has_maps_of_gradients_alone(open_empty):
    at = open_empty(model="none")
    assert not at.exception
    assert not at.error
    assert at.selectbox(key="faith_map").options == ["Saliency, by region", "Integrated Gradients, by region"]
    assert "**Saliency, by region** of Hard sharing" in said(at)


def test_a_map_of_gradients_is_drawn_above_the_effect_of_blurring(open_empty):
    at = open_empty(model="kem", faith_map="Saliency, by region", task="depth")
    assert not at.exception
    assert not at.error
    titles = [spec(at, index)["layout"]["annotations"][0]["text"] for index in range(2)]
    assert "Map: Depth" in titles[0]
    assert "Effect: Depth" in titles[1]
    assert "when the region is blurred" in said(at)


def test_integrated_gradients_wait_for_the_button(open_empty):
    at = open_empty(model="kem", faith_map="Integrated Gradients, by region")
    assert "needs 8 paths" in said(at)
    assert not specs(at)
    at.button(key="faith_go").click().run()
    assert not at.exception
    assert not at.error
    assert "Map: " in spec(at, 0)["layout"]["annotations"][0]["text"]


@pytest.mark.parametrize(("model", "shown"), [("cross_attention", "What tasks read from tasks"),
                                              ("ctal", "Source of the fused matrix")])  # fmt: skip
def test_pairs_of_tasks_are_one_row_of_marks(open_empty, model, shown):
    at = open_empty(model=model, faith_map=shown)
    assert not at.exception
    assert not at.error
    assert "All pairs of different tasks" in said(at)


def test_regions_are_measured_when_asked_and_drawn_on_the_image(open_empty):
    at = open_empty(model="kem", faith_map="A row of the map, by region")
    assert "needs 64 interventions" in said(at)
    assert not specs(at)
    at.button(key="faith_go").click().run()
    assert not at.exception
    assert not at.error
    titles = [spec(at, index)["layout"]["annotations"][0]["text"] for index in range(6)]
    assert sum("Map: " in title for title in titles) == 3  # its own task is not compared
    assert sum("Effect: " in title for title in titles) == 3
    assert all(len(one) < BUDGET for one in specs(at))


def test_interventions_that_were_stopped_are_kept_and_gone_on_with(open_empty, monkeypatch):
    at = open_empty(model="kem", faith_map="A row of the map, by region")
    measured, names, advance = [], [], faithfulness_job.advance

    def named(name, *rest):
        names.append(name)
        return advance(name, *rest)

    def counted(engine, regions, edits):
        measured.append(len(edits))
        return effects_by_region(engine, regions, edits)

    monkeypatch.setattr(faithfulness_job, "effects_by_region", counted)
    monkeypatch.setattr(faithfulness_job, "advance", named)
    at.button(key="faith_go").click().run()
    assert sum(measured) == 64
    at.run()
    assert sum(measured) == 64  # what is measured stays
    job = at.session_state[names[0]]
    at.session_state[names[0]] = dataclasses.replace(job, parts=job.parts[:2], running=False)
    at.run()
    assert "Stopped after **32 of 64** interventions" in said(at)
    at.button(key="faith_go").click().run()
    assert not at.exception
    assert measured[-2:] == [16, 16]
    assert sum(measured) == 96


def test_a_stored_result_is_drawn_with_every_map_and_control(open_page, stored, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", stored)
    at = open_page(PAGE, model="kem")
    assert not at.exception
    assert not at.error
    assert "Over **n = 2** images of rooms\\:val the maps of KEM" in said(at)
    figure = next(one for one in specs(at) if "shuffled cells" in one)
    assert all(title in figure for title in ("Write weight by slot", "A row of the map, by region", "Cross-attention"))
    table = at.dataframe[0].value
    assert len(table) == 6
    assert set(table["Model"]) == {"KEM", "Cross-attention"}
