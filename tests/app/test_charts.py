"""Maps are drawn once for the same content, and never mixed up."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from mtlviz.data.letterbox import Letterbox
from mtlviz.engine import Provenance
from mtlviz.plots import maps
from mtlviz.ui import charts
from mtlviz.ui.downloads import file_stamp

GEOMETRY = maps.Geometry.of(Letterbox((128, 160), (128, 160)), (16, 20))


def spec(panel: maps.Panel, height: int = 300) -> charts.Spec:
    return charts.map_spec(panel, GEOMETRY, None, beside=[panel], height=height, clickable=True)


def panel() -> maps.Panel:
    return maps.Panel(
        "depth",
        (maps.Layer(np.zeros((128, 160, 3), np.uint8)),),
        hover=maps.Hover(np.full((16, 20), "a", dtype="<U3")),
    )


def test_the_same_content_is_drawn_once():
    assert spec(panel()) is spec(panel())


def test_a_large_picture_that_differs_in_one_pixel_is_another_map():
    picture = np.zeros((1024, 1024, 3), np.uint8)
    other = picture.copy()
    other[517, 311] = 1
    first, second = (spec(maps.Panel("x", (maps.Layer(one),))) for one in (picture, other))
    assert first["layout"]["images"] != second["layout"]["images"]


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "other"},
        {"note": "n = 3"},
        {"hover": maps.Hover(np.full((16, 20), "b", dtype="<U3"))},
        {"marks": (maps.Marks([1], [2]),)},
        {"scale": maps.Scale(0, 1, "weight")},
    ],
)
def test_whatever_differs_is_drawn_again(changed):
    assert spec(replace(panel(), **changed)) is not spec(panel())


def test_marking_a_token_leaves_the_shared_map_as_it_is():
    shared = spec(panel())
    marked = charts.mark(shared, GEOMETRY, (2, 3)).to_dict()
    assert len(marked["layout"]["shapes"]) == 2
    assert "shapes" not in shared["layout"]


def test_a_wide_image_is_lower_and_every_map_has_a_limit():
    layout = {"height": 398, "margin": {"t": 48, "b": 50}}
    assert "height:calc(min(56.250cqw, 450px) + 98px)" in charts.fitted(layout, ".map", 9 / 16, 1.5)


def test_a_map_is_drawn_by_the_width_of_its_column(open_page):
    at = open_page("pages/1_predictions.py")
    styles = [block.proto.body for block in at.get("html")]
    assert styles
    assert all("container-type:inline-size" in style and ".st-key-map_" in style for style in styles)


def test_a_saved_picture_is_named_after_its_figure_model_and_image(open_page):
    at = open_page("pages/1_predictions.py")
    assert not at.exception
    config = json.loads(at.get("plotly_chart")[0].proto.config)
    assert re.fullmatch(r"mtlviz_\w+_kem-[0-9a-f]{8}_room-0", config["toImageButtonOptions"]["filename"])


def test_a_file_name_holds_no_letter_that_a_system_refuses():
    assert (
        file_stamp([made("kem", "a/b: é?.png"), made("none", "a/b: é?.png")]) == "kem-abababab_none-abababab_a-b-é-.png"
    )
    assert len(file_stamp([made("m", "x" * 500)])) == 120
    assert file_stamp(()) == ""


def made(model: str, image: str) -> Provenance:
    return Provenance(model, "ab" * 32, "synthetic", image, "", (128, 160), "cpu", "float32", 0, {}, {})
