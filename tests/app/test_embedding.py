"""The Embedding page: tokens of an image or a set, their colours, what is selected, and UMAP in the background."""

import base64
import json
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mtlviz.analysis.token_cloud import image_clouds
from mtlviz.analysis.token_selection import TokenSelection
from mtlviz.plots.style import BUDGET
from mtlviz.trace import PLACES
from mtlviz.ui import sources, state
from mtlviz.ui.embedding import image_set, selection, umap
from tests.app.conftest import click_token, png, said, spec, specs, upload

PAGE = "pages/6_embedding.py"
MAPS = 4


def page_run(model: str = "kem", room: int = 0):
    """What the page is about at its start."""
    return state.engine_named(model).run(sources.room(room), capture=image_set.FEATURES)


def decoded(plain) -> np.ndarray:
    """A typed array of a figure."""
    if isinstance(plain, list):
        return np.array(plain)
    array = np.frombuffer(base64.b64decode(plain["bdata"]), plain["dtype"])
    return array.reshape([int(side) for side in plain["shape"].split(",")]) if "shape" in plain else array


def drawn(at) -> set[tuple[int, ...]]:
    """(task, row, column, image) of every coloured point of the map."""
    traces = [trace for trace in spec(at, 0)["data"] if trace.get("hovertemplate")]
    return {tuple(map(int, row)) for trace in traces for row in decoded(trace["customdata"])}


def select(at, rows: list[tuple[int, ...]], place: str = "interaction_output"):
    """Select tokens as if by hand; real drags are tested in a browser."""
    run = page_run()
    cloud = image_clouds(run)[place]
    of = f"{run.provenance.image_sha256} {run.sample.name}"
    at.session_state["_embedding_selected"] = TokenSelection.of_rows(of, cloud.groups, cloud.grid, np.array(rows))
    return at.run()


def test_every_token_of_the_image_is_on_the_map(open_page):
    at = open_page(PAGE)
    assert not at.exception
    assert not at.error
    assert drawn(at) == {(task, row, column, 0) for task in range(4) for row in range(16) for column in range(20)}
    assert "All 1,280 tokens" in said(at)
    assert "At the interaction output, of the 15 tokens that look most like a token" in said(at)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("model", ["kem", "none", "cross_attention"])
def test_the_page_works_at_every_place_of_every_model(open_page, place, model):
    at = open_page(PAGE, embedding_place=place, model=model, embedding_colour="slot", embedding_axes="3-D")
    assert not at.exception
    assert not at.error
    assert max(map(len, specs(at))) < BUDGET
    empty = "no memory slots" in said(at) or "no slot is read yet" in said(at)
    assert empty == (model != "kem" or place == "encoder")


@pytest.mark.parametrize("colour", ["task", "class", "slot", "error"])
def test_every_colour_says_what_it_means(open_page, colour):
    at = open_page(PAGE, embedding_colour=colour)
    words = {
        "task": "Colour: task.",
        "class": "Colour: true class of Segmentation.",
        "slot": "Colour: slot it reads most (Write).",
        "error": "Colour: error of its own task, ranked.",
    }
    assert words[colour] in said(at)
    assert said(at).count("How to read this") >= 3


def test_selected_tokens_are_shown_on_the_image_with_their_counts(open_page):
    rows = [(1, 3, 4, 0), (1, 3, 5, 0), (2, 8, 8, 0)]
    at = select(open_page(PAGE), rows)
    assert not at.exception
    assert drawn(at) == set(rows)
    notes = [spec(at, 1 + index)["layout"]["annotations"][0]["text"] for index in range(MAPS)]
    assert [note.split("<br>")[1].split(" ")[0] for note in notes] == ["0", "2", "1", "0"]
    assert "**3** of 1,280 tokens are selected" in said(at)
    assert "**67%** are Depth tokens" in said(at)
    bars = spec(at, 1 + MAPS)["data"]
    assert {bar["name"]: sum(bar["x"]) for bar in bars} == {"Depth": 2, "Normals": 1}


def test_a_selection_stays_while_the_place_changes_and_can_be_cleared(open_page):
    at = select(open_page(PAGE), [(1, 3, 4, 0)])
    at.selectbox(key="embedding_place").set_value("decoder").run()
    assert drawn(at) <= {(1, row, column, 0) for row in (6, 7) for column in (8, 9)}
    at.button(key="embedding_clear").click().run()
    assert "are selected" not in said(at)
    assert len(drawn(at)) > 1000


def test_a_selection_goes_with_its_image(open_page):
    at = select(open_page(PAGE), [(1, 3, 4, 0)])
    at.number_input(key="room").set_value(1).run()
    assert "are selected" not in said(at)


def test_the_picked_token_is_ringed_with_the_tokens_that_look_most_like_it(open_page):
    at = click_token(open_page(PAGE, task="depth"), 3, 4)
    assert "**Depth, row 3, column 4**" in said(at)
    assert "the 15 tokens that look most like it are" in said(at)
    assert "One bar a class: how many of the 16 picked and nearest tokens have it" in said(at)
    rings = {trace["name"]: decoded(trace["customdata"]) for trace in spec(at, 0)["data"]
             if trace["name"] in ("picked token", "nearest tokens")}  # fmt: skip
    assert rings["picked token"].tolist() == [[1, 3, 4, 0]]
    cloud = image_clouds(page_run())["interaction_output"]
    token = 320 + 3 * 20 + 4
    distances = np.linalg.norm(cloud.features - cloud.features[token], axis=1)
    distances[token] = np.inf
    nearest = distances.argsort()[:15]
    assert {tuple(row) for row in rings["nearest tokens"]} == {
        (cloud["group"][i], cloud["row"][i], cloud["column"][i], 0) for i in nearest
    }


def event(monkeypatch, points: list, box: bool = False) -> dict:
    """Session state in which a chart has just been used."""
    kept = {"chart": {"selection": {"points": points, "box": [{}] if box else [], "lasso": []}}}
    monkeypatch.setattr(selection, "st", SimpleNamespace(session_state=kept))
    return kept


def test_a_click_on_a_point_picks_its_token(monkeypatch, checkpoints):
    clouds = image_clouds(page_run())
    kept = event(monkeypatch, [{"customdata": {"0": 1, "1": 3, "2": 4, "3": 0}}])  # as a browser sends a typed array
    selection.take_points("chart", "images", clouds["interaction_output"], (16, 20))
    assert (kept["task"], kept["row"], kept["column"]) == ("depth", 3, 4)
    kept = event(monkeypatch, [{"customdata": [2, 30, 38, 0]}])
    selection.take_points("chart", "images", clouds["decoder"], (16, 20))
    assert (kept["task"], kept["row"], kept["column"]) == ("normals", 15, 19)


def test_a_box_over_points_selects_exactly_those(monkeypatch, checkpoints):
    cloud = image_clouds(page_run())["interaction_output"]
    kept = event(monkeypatch, [{"customdata": [1, 3, 4, 0]}, {"customdata": [0, 2, 2, 0]}, {}], box=True)
    selection.take_points("chart", "images", cloud, (16, 20))
    mask = selection.current("images").mask(cloud)
    assert np.flatnonzero(mask).tolist() == [2 * 20 + 2, 320 + 3 * 20 + 4]
    assert selection.current("others") is None
    assert "row" not in kept


def test_a_box_over_cells_selects_the_tokens_of_that_map(monkeypatch, checkpoints):
    clouds = image_clouds(page_run())
    event(monkeypatch, [{"customdata": [5, 6]}, {"customdata": [5, 7]}], box=True)
    selection.take_cells("chart", "images", "depth", 0, clouds["interaction_output"], (16, 20))
    mask = selection.current("images").mask(clouds["interaction_output"])
    assert np.flatnonzero(mask).tolist() == [320 + 106, 320 + 107]
    selection.take_cells("chart", "images", None, 0, clouds["encoder"], (16, 20))
    assert selection.current("images").mask(clouds["interaction_output"]).sum() == 8


def test_a_drag_over_nothing_clears_the_selection(monkeypatch, checkpoints):
    event(monkeypatch, [], box=True)
    selection.take_points("chart", "images", image_clouds(page_run())["encoder"], (16, 20))
    assert selection.current("images") is None


def test_patches_are_made_when_asked_for(open_page):
    at = select(open_page(PAGE), [(1, 3, 4, 0), (1, 0, 0, 0)])
    before = len(at.get("image"))
    at.toggle(key="embedding_patches").set_value(True).run()
    assert not at.exception
    assert len(at.get("image")) == before + 1
    assert "2 of 2 tokens" in said(at)


@pytest.mark.parametrize(
    ("detail", "sentence"), [("classes", "Classes lie apart by"), ("places", "look most like others")]
)
def test_details_have_a_sentence_and_a_figure(open_page, detail, sentence):
    at = open_page(PAGE, embedding_detail=detail)
    assert not at.exception
    assert sentence in said(at)
    assert len(specs(at)) == 1 + MAPS + 1


@pytest.mark.parametrize("key", ["embedding_place", "embedding_colour", "embedding_map", "embedding_task"])
def test_a_hostile_link_falls_back_and_says_so(open_page, key):
    at = open_page(PAGE, **{key: "<script>"})
    assert not at.exception
    assert f"The link's “{key}”" in said(at)
    assert "<script>" not in said(at)


def test_a_photograph_has_predicted_classes_and_no_errors(open_page):
    at = upload(open_page(PAGE, embedding_colour="error"), "mine.png", png(96, 40))
    assert not at.exception
    assert "Errors are unknown" in said(at)
    assert "Colour: task." in said(at)
    at.segmented_control(key="embedding_colour").set_value("class").run()
    assert "Colour: predicted class of Segmentation" in said(at)


def test_a_set_shows_a_sample_that_follows_every_place(open_page):
    at = open_page(PAGE, embedding_tokens="a set", embedding_rooms="3", embedding_most="2000")
    assert "One image may be a special case" in said(at)
    at.button(key="embedding_start").click().run()
    assert not at.exception
    assert not at.error
    assert "2,000 of 3,840 tokens of 3 images, drawn with a fixed seed" in said(at)
    points = drawn(at)
    assert len(points) == 2000
    assert {point[3] for point in points} == {0, 1, 2}
    at.selectbox(key="embedding_place").set_value("task_encoder").run()
    assert drawn(at) == points
    assert json.loads(specs(at)[1])["layout"]["annotations"][0]["text"].startswith("<b>room 0")


def test_a_stopped_set_keeps_what_is_done(open_page):
    at = open_page(PAGE, embedding_tokens="a set", embedding_rooms="2")
    at.button(key="embedding_start").click().run()
    job = at.session_state["_embedding_set"]
    at.session_state["_embedding_set"] = replace(job, images=replace(job.images, total=50))
    at.run()
    assert "Stopped after 2 of 50" in said(at)
    assert "tokens of 2 images" in said(at)


def test_several_uploads_are_a_set_and_an_empty_choice_is_one_sentence(open_page):
    at = open_page(PAGE, embedding_tokens="a set", embedding_set="uploads or a zip")
    at.button(key="embedding_start").click().run()
    assert [error.value.split(";")[0] for error in at.error] == ["Nothing is uploaded yet"]
    files = [(f"{seed}.png", png(40, 32, seed=seed), "image/png") for seed in range(2)]
    at.file_uploader(key="embedding_uploads").set_value(files).run()
    at.button(key="embedding_start").click().run()
    assert not at.exception
    assert "tokens of 2 images" in said(at)


def test_umap_waits_for_its_button_and_stop_ends_it(open_page):
    at = open_page(PAGE, embedding_map="UMAP", embedding_place="encoder")
    assert "until then PCA is shown" in said(at)
    assert "UMAP has put" not in said(at)
    at.button(key="embedding_compute").click().run()
    job = at.session_state["_embedding_umap"]
    assert job.running
    assert "of the variance that is not shown" in said(at)
    at.button(key="embedding_stop").click().run()
    assert job.stopped
    at.run()
    assert "Stopped." in said(at)
    assert at.button(key="embedding_compute").label == "Compute UMAP of 320 tokens"


def test_a_finished_umap_takes_the_place_of_pca_and_is_remembered(open_page, monkeypatch):
    """A stand-in for the map itself, whose process is tested with the projection."""
    monkeypatch.setattr(umap.UmapDesk, "_work", finish)
    at = open_page(PAGE, embedding_map="UMAP", embedding_place="encoder")
    at.button(key="embedding_compute").click().run()
    job = at.session_state["_embedding_umap"]
    end = time.monotonic() + 10
    while job.running and time.monotonic() < end:
        time.sleep(0.05)
    at.run()
    assert "Distances between clusters and the sizes of clusters mean little" in said(at)
    assert "UMAP 1 (no unit)" in spec(at, 0)["layout"]["xaxis"]["title"]["text"]
    again = open_page(PAGE, embedding_map="UMAP", embedding_place="encoder")
    assert "UMAP has put" in said(again)


def finish(desk, job, asked: str) -> None:
    """Ends a job at once."""
    count = json.loads(asked)["points"]["shape"][0]
    job.result = desk._finished[job.digest] = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
