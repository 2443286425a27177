"""The Predictions page: every task beside its truth and error, with legends, units, values and files."""

import base64
import io
import json
import zipfile

import numpy as np
import pytest

from mtlviz.data.rooms import SPLITS, render_room
from mtlviz.plots.style import BUDGET
from mtlviz.ui import prediction_panels
from tests.app.conftest import click_token, png, said, spec, specs, upload

PAGE = "pages/1_predictions.py"


def titles(at) -> list[str]:
    """Titles of the page's figures, where they have one."""
    found = []
    for index in range(len(at.get("plotly_chart"))):
        notes = spec(at, index)["layout"].get("annotations", [])
        found += [note["text"][3:].split("</b>")[0] for note in notes if note["text"].startswith("<b>")]
    return found


def test_a_room_shows_truth_prediction_and_error_of_every_task(open_page):
    at = open_page(PAGE)
    assert not at.exception
    assert titles(at) == ["Image", *["Ground truth", "KEM", "Error of KEM"] * 4]
    assert [header.value for header in at.subheader if header.value in at_tasks(at)] == at_tasks(at)


def at_tasks(at) -> list[str]:
    card = prediction_panels.state.card("kem")
    return [task.title for task in card.tasks]


def test_a_photograph_shows_every_task_and_says_what_depth_assumes(open_page):
    at = open_page(PAGE, source="photo")
    assert titles(at) == ["Image", "Segmentation", "Depth", "Normals", "Edges"]
    assert "Metres assume a scale and a field of view" in said(at)
    assert "predicted at 160 × 128" in said(at)
    assert "padding" in said(at)


def test_several_models_stand_side_by_side(open_page):
    at = open_page(PAGE, source="photo", models=["none", "cross_attention"])
    assert titles(at)[1:4] == ["KEM", "Hard sharing", "Cross-attention"]


def test_models_and_truth_share_one_depth_scale(open_page):
    at = open_page(PAGE, models=["none"])
    ranges = set()
    for index in range(len(at.get("plotly_chart"))):
        for trace in spec(at, index)["data"]:
            labels = [note["text"] for note in spec(at, index)["layout"].get("annotations", [])]
            if trace["name"] == "scale" and "depth (m)" in labels:
                ranges.add((trace["marker"]["cmin"], trace["marker"]["cmax"]))
    assert len(ranges) == 1


def test_the_headline_holds_numbers_of_the_current_image(open_page):
    first = open_page(PAGE).markdown[0].value
    other = open_page(PAGE, room="3").markdown[0].value
    assert "%" in first
    assert " m**" in first
    assert first != other


def test_opacity_reaches_every_map(open_page):
    at = open_page(PAGE, opacity="40")
    for index in range(1, len(specs(at))):
        if images := spec(at, index)["layout"].get("images"):
            assert [image["opacity"] for image in images] == [1.0, 0.4]


def test_the_picked_token_is_marked_on_every_map_at_the_same_place(open_page):
    at = click_token(open_page(PAGE), 2, 3)
    boxes = {
        tuple(shape[side] for side in ("x0", "y0", "x1", "y1"))
        for index in range(len(at.get("plotly_chart")))
        for shape in spec(at, index)["layout"].get("shapes", [])
    }
    assert boxes == {(24, 16, 32, 24)}


def test_the_table_reads_the_labels_at_the_picked_token(open_page):
    at = click_token(open_page(PAGE), 2, 3)
    sample = render_room(SPLITS["val"][0])
    table = at.table[0].value
    assert table.loc["Depth", "Ground truth"] == f"{sample.labels['depth'][20, 28]:.2f} m"


def test_hovering_reads_class_and_probability_metres_and_angle(open_page):
    at = open_page(PAGE, source="photo")
    by_title = {title: spec(at, index) for title, index in zip(titles(at), (0, 1, 3, 4, 5), strict=True)}
    readers = {title: found["data"][0] for title, found in by_title.items() if title != "Image"}
    assert "probability 0." in str(readers["Segmentation"]["text"][0][0])
    assert readers["Depth"]["hovertemplate"].startswith("%{z:.2f} m")
    assert "from facing the camera" in str(readers["Normals"]["text"][0][0])


def test_the_image_is_covered_by_one_clickable_point_a_token(open_page):
    grid = next(trace for trace in spec(open_page(PAGE), 0)["data"] if trace["name"] == "tokens")
    assert len(grid["customdata"]) == 16 * 20
    assert grid["customdata"][21] == [1, 1]


def test_padding_cannot_be_picked(open_page):
    at = open_page(PAGE, source="photo", row="0", column="5")
    grid = next(trace for trace in spec(at, 0)["data"] if trace["name"] == "tokens")
    rows = {row for row, _ in grid["customdata"]}
    assert 0 not in rows
    assert "is padding around this image" in said(at)


def test_every_figure_is_within_the_budget(open_page):
    at = open_page(PAGE, models=["none", "cross_attention"])
    assert max(len(one.encode()) for one in specs(at)) < BUDGET


def test_a_noisy_upload_of_full_size_is_within_the_budget(open_page):
    at = upload(open_page(PAGE), "noise.png", png(1024, 768))
    assert not at.exception
    assert max(len(one.encode()) for one in specs(at)) < BUDGET


def test_a_room_without_people_is_drawn(open_page):
    assert not open_page(PAGE, room="1").exception


def test_downloads_hold_every_map_and_what_made_them(open_page):
    open_page(PAGE)
    state = prediction_panels.state
    run = state.engine_named("kem").run(render_room(SPLITS["val"][0]))
    view = prediction_panels.plots.View((0.0, 5.0))
    archive = zipfile.ZipFile(io.BytesIO(prediction_panels._pictures([run], view)))
    assert {name for name in archive.namelist() if name.endswith(".png")} == {f"kem_{task}.png" for task in run.outputs}
    assert json.loads(archive.read("provenance.json"))[0]["image"] == run.sample.name
    arrays = np.load(io.BytesIO(prediction_panels.npz_bytes(prediction_panels._arrays([run]), [run.provenance])))
    assert arrays["kem_depth"].shape == run.sample.size
    assert json.loads(str(arrays["provenance"]))[0]["weights_sha256"] == run.card.weights_sha256


def test_label_maps_are_sent_without_loss(open_page):
    uri = spec(open_page(PAGE), 2)["layout"]["images"][-1]["source"]
    assert uri.startswith("data:image/png;base64,")
    assert len(base64.b64decode(uri.split(",")[1])) > 100


@pytest.mark.parametrize("switch", ["paper"])
def test_figures_for_a_paper_are_white(open_page, switch):
    at = open_page(PAGE)
    at.toggle(key=switch).set_value(True).run()
    assert not at.exception
    assert {spec(at, index)["layout"]["paper_bgcolor"] for index in range(len(specs(at)))} == {"#ffffff"}
