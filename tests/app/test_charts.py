"""Maps are drawn once for the same content, and never mixed up."""

from dataclasses import replace

import numpy as np
import pytest

from mtlviz.data.letterbox import Letterbox
from mtlviz.plots import maps
from mtlviz.ui import charts

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
