"""The Affinity page: rows of a pixel, the whole image, the fusion, diffusion, a walk; and no page fails on CTAL."""

import base64

import numpy as np
import pytest

from mtlviz.analysis.affinity.rows import pixel_rows
from mtlviz.plots.style import BUDGET
from mtlviz.ui import sources, state
from tests.app.conftest import click_token, png, said, spec, specs, upload

PAGE = "pages/8_affinity.py"
TASKS = 4
MAPS = TASKS + 2
DETAILS = ("overview", "agreement", "fusion weights", "diffusion", "random walk")


@pytest.fixture
def open_ctal(open_page):
    return lambda path=PAGE, **query: open_page(path, **{"model": "ctal", **query})


def rows_of(row: int, column: int):
    run = state.engine_named("ctal").run(sources.room(0))
    return pixel_rows(run.trace.interaction, row * 20 + column)


def hovers(at, index: int) -> list[str]:
    return next(trace["text"] for trace in spec(at, index)["data"] if trace.get("name") == "tokens")


def detail(at, name: str):
    return at.segmented_control(key="affinity_detail").set_value(name).run()


def test_the_page_draws_the_rows_of_the_picked_pixel(open_ctal):
    at = open_ctal(row="3", column="4")
    assert not at.exception
    assert not at.error
    found = rows_of(3, 4)
    for index, row in enumerate((*found.tasks, found.fused)):
        assert [float(text.split("<")[0]) for text in hovers(at, index)] == pytest.approx(row.tolist(), abs=6e-4)
    assert "row 3, column 4" in said(at)


def test_picking_another_pixel_changes_every_map(open_ctal):
    at = open_ctal()
    before = [hovers(at, index) for index in range(MAPS)]
    at = click_token(at, 2, 5)
    assert all(hovers(at, index) != old for index, old in enumerate(before))


@pytest.mark.parametrize("name", DETAILS)
def test_every_detail_is_explained_and_small(open_ctal, name):
    at = open_ctal(affinity_detail=name)
    assert not at.exception
    assert not at.error
    assert len(specs(at)) > MAPS
    assert max(map(len, specs(at))) < BUDGET
    assert said(at).count("How to read this") >= 2


def test_the_overview_goes_by_true_class_or_by_position(open_ctal):
    at = open_ctal()
    assert "parts of one true class" in said(at)
    assert spec(at, MAPS)["layout"]["shapes"]  # borders between classes
    at.segmented_control(key="affinity_order").set_value("position").run()
    assert "rectangles of the grid" in said(at)
    assert not spec(at, MAPS)["layout"].get("shapes")


def test_without_labels_the_overview_goes_by_predicted_class(open_ctal):
    assert "parts of one predicted class" in said(open_ctal(source="photo"))


def test_agreement_is_a_matrix_with_ones_on_its_diagonal(open_ctal):
    at = open_ctal(affinity_detail="agreement")
    for index, size in ((MAPS, TASKS), (MAPS + 1, TASKS + 1)):
        texts = spec(at, index)["data"][0]["text"]
        assert [texts[i][i] for i in range(size)] == ["1.00"] * size
    assert "100,000 of 102,080 pairs" in said(at)


def test_the_gamma_slider_is_an_intervention(open_ctal):
    at = open_ctal(affinity_detail="diffusion")
    assert "With **γ = 0.05** and **n = 320** pixels" in said(at)
    assert not at.table[0].value["Difference"].str.startswith("0").all()
    at.slider(key="affinity_gamma").set_value(0.0).run()
    assert "what pixels receive is nothing" in said(at)
    change = spec(at, MAPS + 2)
    assert {text.split("<")[0] for text in change["data"][0]["text"]} == {"0.000"}
    at.slider(key="affinity_gamma").set_value(0.5).run()
    assert "γ = 0.5" in at.table[0].value.columns
    at.button(key="affinity_trained").click().run()
    assert at.slider(key="affinity_gamma").value == 0.05


def test_a_longer_walk_is_wider_and_nearer_to_rest(open_ctal):
    def widths(at):
        notes = [spec(at, MAPS + index)["layout"]["annotations"][0]["text"] for index in range(TASKS)]
        return [float(note.split("as wide as ")[1].split()[0]) for note in notes]

    at = open_ctal(affinity_detail="random walk")
    short = widths(at)
    at.slider(key="affinity_steps").set_value(9).run()
    assert all(long >= width for long, width in zip(widths(at), short, strict=True))
    at.segmented_control(key="affinity_walk").set_value("memory").run()
    assert not at.exception
    assert "forgotten its start" in said(at)


def test_less_the_mean_the_maps_are_centred(open_ctal):
    at = open_ctal(affinity_centred="true")
    values = [float(text.split("<")[0]) for text in hovers(at, 0)]
    assert np.mean(values) == pytest.approx(0, abs=1e-3)


def test_an_upload_with_padding_has_rows_over_the_image_alone(open_ctal):
    at = upload(open_ctal(), "mine.png", png(96, 40))
    assert not at.exception
    assert not at.error
    assert 0 < len(hovers(at, 0)) < 320
    for name in DETAILS:
        assert not detail(at, name).error


@pytest.mark.parametrize(
    ("key", "value"),
    [("affinity_detail", "../x"), ("affinity_gamma", "7"), ("affinity_steps", "1e9"), ("affinity_order", "<b>")],
)
def test_a_hostile_link_falls_back_and_says_so(open_ctal, key, value):
    where = {"affinity_gamma": "diffusion", "affinity_steps": "random walk"}.get(key, "overview")
    at = open_ctal(**{"affinity_detail": where, key: value})
    assert not at.exception
    assert f"The link's “{key}”" in said(at)


@pytest.mark.parametrize("model", ["none", "kem", "cross_attention"])
def test_a_model_without_affinities_says_why_and_offers_one_that_has_them(open_page, model):
    at = open_page(PAGE, model=model)
    assert "compares no pixels inside a task" in said(at)
    assert not at.get("plotly_chart")
    at.button(key="affinity_use_ctal").click().run()
    assert at.selectbox(key="model").value == "ctal"
    assert len(at.get("plotly_chart")) > MAPS


def decoded(array: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])


def test_the_pooled_means_are_sent_as_they_are(open_ctal):
    at = open_ctal(affinity_order="By position")
    z = spec(at, MAPS)["data"][0]["z"]
    values = decoded(z)
    side = int(z["shape"].split(",")[0])
    assert values.size == side**2 <= 64**2
    assert np.abs(values).max() <= 1
    np.testing.assert_allclose(values.reshape(side, side), values.reshape(side, side).T, atol=1e-6)
