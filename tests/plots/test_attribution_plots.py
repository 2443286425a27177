"""Attributions drawn: colours centred at 0, outlines of the target, bars and curves within the budget."""

import numpy as np
import pytest

from mtlviz.analysis.attribution.curves import Curves
from mtlviz.analysis.attribution.explain import Attribution
from mtlviz.analysis.attribution.games import token_segments
from mtlviz.analysis.attribution.request import ABLATION, INTEGRATED, Request
from mtlviz.analysis.attribution.targets import Scalar, Target
from mtlviz.data.letterbox import Letterbox
from mtlviz.plots.attribution import attribution_panel, by_place, map_limit, map_unit, outline, token_values
from mtlviz.plots.attribution_charts import contribution_bars, curve_ends, curves_figure
from mtlviz.plots.maps import Geometry, draw
from mtlviz.plots.style import BUDGET, figure_bytes
from mtlviz.tasks import TASKS

LETTERBOX = Letterbox((48, 64), (64, 64))
GEOMETRY = Geometry.of(LETTERBOX, (8, 8))
TARGET = Scalar(TASKS["depth"], np.array([20, 21]), np.array([8, 9]), np.array([0, 0]))


def of_pixels(where="box"):
    pixels = np.where(LETTERBOX.inside, np.random.default_rng(0).normal(size=(64, 64)), 0)
    segments = token_segments(LETTERBOX, 8)
    scores = np.bincount(segments[segments >= 0], pixels[segments >= 0])
    request = Request(Target("depth", where), INTEGRATED)
    return Attribution(request, TARGET, 3.0, 1.0, tuple(map(str, range(len(scores)))), scores, None, segments, pixels,
                       LETTERBOX, None, None, 0.1)  # fmt: skip


def of_slots(curves=None, count=4):
    request = Request(Target("depth", "image"), ABLATION, "slots")
    names = tuple(f"slot {slot}" for slot in range(count))
    scores, errors = np.linspace(-1, 2, count), np.full(count, 0.1)
    return Attribution(request, TARGET, 3.0, 1.0, names, scores, errors, None, None, LETTERBOX, None, curves, 0.1)


def test_what_is_nothing_is_white_and_lets_the_image_through():
    found = of_pixels()
    found.scores[:] = 0
    found.scores[0] = 1
    (layer, _) = attribution_panel(found, GEOMETRY, "a", 1.0, by_pixel=False).layers
    assert layer.picture[0, 0, 3] > 200
    assert layer.picture[-1, -1, 3] < 60
    assert min(layer.picture[-1, -1, :3]) > 240


def test_opposite_values_have_opposite_colours_on_one_scale():
    found = of_pixels()
    found.scores[:2] = 1, -1
    panel = attribution_panel(found, GEOMETRY, "a", 1.0, by_pixel=False)
    raised, lowered = panel.layers[0].picture[0, 0], panel.layers[0].picture[0, 8]
    assert raised[2] > raised[0]
    assert lowered[0] > lowered[2]
    assert raised[3] == lowered[3]
    assert panel.scale.low == -panel.scale.high


@pytest.mark.parametrize("by_pixel", [True, False])
def test_a_map_stays_within_the_budget_and_names_its_unit(by_pixel):
    found = of_pixels()
    panel = attribution_panel(found, GEOMETRY, "a", map_limit(found, by_pixel=by_pixel), by_pixel=by_pixel)
    figure = draw(panel, GEOMETRY, image=np.zeros((48, 64, 3), np.uint8))
    assert figure_bytes(figure) < BUDGET
    assert "(m)" in map_unit(found, by_pixel=by_pixel)
    assert "adds up to" in panel.note


def test_every_visible_token_has_the_score_of_its_place():
    found = of_pixels()
    grid = token_values(found, GEOMETRY)
    np.testing.assert_array_equal(np.isfinite(grid), GEOMETRY.visible)
    np.testing.assert_allclose(grid[GEOMETRY.visible], found.scores)
    assert np.isnan(by_place(found)[~LETTERBOX.inside]).all()


def test_only_places_that_the_picked_token_does_not_mark_are_outlined():
    assert len(attribution_panel(of_pixels("box"), GEOMETRY, "a", 1.0, by_pixel=False).layers) == 2
    assert len(attribution_panel(of_pixels("pixel"), GEOMETRY, "a", 1.0, by_pixel=False).layers) == 1
    region = np.zeros((10, 10), bool)
    region[3:7, 3:7] = True
    drawn = outline(region)[..., 3] > 0
    assert not drawn[20, 20]
    assert drawn[12, 20]
    assert not drawn[:12].any()


def test_bars_are_sorted_carry_their_error_and_share_an_axis():
    figure = contribution_bars(of_slots(), 4.0)
    assert list(figure.data[0].x) == sorted(figure.data[0].x)
    assert list(figure.data[0].error_x.array) == [0.1] * 4
    assert figure.layout.xaxis.range[0] == -figure.layout.xaxis.range[1]


def test_curves_hold_random_orders_as_bands():
    falling, rising = np.linspace(3, 1, 5), np.linspace(1, 3, 5)
    curves = Curves(np.linspace(0, 1, 5), falling, rising, np.tile(falling, (3, 1)), np.tile(rising, (3, 1)))
    ends = curve_ends([curves])
    assert ends[0] < 1
    assert ends[1] > 3
    names = [trace.name for trace in curves_figure(of_slots(curves), ends).data]
    assert names == ["range", "range", "deletion", "deletion, random", "insertion", "insertion, random"]


def test_curves_that_were_not_measured_are_not_drawn():
    with pytest.raises(ValueError, match="not tested"):
        curves_figure(of_slots(), (0, 1))
