"""Two predictions and their difference as maps."""

import numpy as np
import pytest

from mtlviz.analysis.compare import RegionError, difference
from mtlviz.plots.compare import (
    DISAGREE,
    VEIL,
    amount,
    comparison_panels,
    difference_panel,
    region_bars,
    token_hover,
)
from mtlviz.plots.maps import Geometry, Hover, draw
from mtlviz.plots.predictions import View
from mtlviz.plots.style import BUDGET, figure_bytes
from mtlviz.predictions import Prediction
from mtlviz.tasks import TASKS

GEOMETRY = Geometry((16, 24), (2, 3), (0.0, 0.0), (8.0, 8.0))
RNG = np.random.default_rng(0)


def prediction(task: str) -> Prediction:
    kind = TASKS[task].kind
    if kind == "classes":
        return Prediction(TASKS[task], RNG.integers(0, 5, (16, 24)).astype(np.uint8), np.ones((16, 24), np.float32))
    if kind == "normals":
        vectors = RNG.normal(size=(16, 24, 3)).astype(np.float32)
        return Prediction(TASKS[task], vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
    return Prediction(TASKS[task], RNG.random((16, 24), np.float32) + np.float32(kind == "depth"))


@pytest.mark.parametrize("task", list(TASKS))
def test_a_b_and_difference_are_clickable_maps_of_one_task_on_one_scale(task: str) -> None:
    first, second = prediction(task), prediction(task)
    apart = difference(TASKS[task], first.values, second.values)
    panels = comparison_panels(first, second, apart, ("KEM", "CA"), View((1.0, 2.0), fade=False), GEOMETRY)
    assert [panel.title for panel in panels[:2]] == ["KEM", "CA"]
    assert panels[0].scale == panels[1].scale
    for panel in panels:
        assert panel.task == task
        assert panel.hover is not None
        assert panel.hover.on == "grid"
        assert panel.hover.texts.shape == GEOMETRY.grid
        fig = draw(panel, GEOMETRY, image=np.zeros((16, 24, 3), np.uint8))
        assert fig.data[0].name == "tokens"
        assert figure_bytes(fig) < BUDGET


def test_signed_differences_diverge_from_zero_and_are_white_there() -> None:
    first = np.full((4, 4), 2.0, np.float32)
    second = first.copy()
    second[0, 0], second[3, 3] = 1.0, 2.5
    panel = difference_panel(difference(TASKS["depth"], first, second), ("A", "B"))
    assert panel.scale.low == -panel.scale.high
    picture = panel.layers[0].picture.astype(int)
    assert picture[1, 1].min() > 240
    assert picture[0, 0, 2] > picture[0, 0, 0], "A farther is blue"
    assert picture[3, 3, 0] > picture[3, 3, 2], "B farther is red"


def test_equal_predictions_give_a_blank_difference_with_a_scale() -> None:
    for task in TASKS:
        values = prediction(task).values
        panel = difference_panel(difference(TASKS[task], values, values), ("A", "B"))
        assert len(np.unique(panel.layers[0].picture.reshape(-1, panel.layers[0].picture.shape[-1]), axis=0)) == 1
        assert panel.scale is None or panel.scale.low < panel.scale.high


def test_labels_that_differ_are_marked_and_the_rest_is_veiled() -> None:
    first, second = np.array([[0, 1]], np.uint8), np.array([[0, 2]], np.uint8)
    picture = difference_panel(difference(TASKS["semseg"], first, second), ("A", "B")).layers[0].picture
    assert tuple(picture[0, 0]) == VEIL
    assert tuple(picture[0, 1]) == (*DISAGREE, 255)


def test_hovering_reads_the_value_at_the_centre_of_a_token() -> None:
    values = np.arange(16 * 24, dtype=np.float32).reshape(16, 24)
    hover = token_hover(Hover(on="image", values=values, template="%{z:.0f} m"), GEOMETRY)
    assert hover.texts.tolist() == [[f"{24 * row + column} m" for column in (4, 12, 20)] for row in (4, 12)]
    unknown = token_hover(Hover(on="image", values=values * np.nan, template="%{z:.0f} m"), GEOMETRY)
    assert unknown.texts[0, 0] == "no value"
    names = np.array([["wall", "bed"]])
    assert token_hover(Hover(names, on="image"), GEOMETRY).texts.tolist() == [["wall", "bed", "bed"]] * 2
    assert token_hover(None, GEOMETRY) is None


def test_bars_show_both_errors_of_every_class_with_its_size() -> None:
    fig = region_bars([RegionError("wall", 1200, 0.1, 0.2)], TASKS["depth"], ("KEM", "CA"))
    assert [(trace.name, list(trace.x), list(trace.y)) for trace in fig.data] == [
        ("KEM", [0.1], ["wall (1,200 px)"]),
        ("CA", [0.2], ["wall (1,200 px)"]),
    ]
    assert fig.data[0].text == ("0.10 m",)


def test_amounts_carry_the_unit_of_their_task() -> None:
    said = {task: amount(TASKS[task], 0.1234) for task in ("semseg", "depth", "normals", "edge")}
    assert said == {"semseg": "12%", "depth": "0.12 m", "normals": "0.1°", "edge": "0.12"}
    assert amount(TASKS["depth"], float("nan")) == "unknown"
