"""Each kind of task in its own colours; errors against the truth."""

import numpy as np
import pytest

from mtlviz.analysis.compare import difference
from mtlviz.analysis.scene import class_shares
from mtlviz.plots import predictions as plots
from mtlviz.predictions import Prediction
from mtlviz.tasks import IGNORE, TASKS

VIEW = plots.View((0.0, 4.0))
EVERYWHERE = np.ones((4, 5), bool)


def labels(value: int) -> np.ndarray:
    return np.full((4, 5), value, np.uint8)


def test_classes_have_their_palette_and_no_label_is_grey():
    task = TASKS["semseg"]
    values = np.array([[0, 3, IGNORE]], np.uint8)
    assert plots.picture(task, values, (0, 1)).tolist() == [[[*task.palette[0]], [*task.palette[3]], [128, 128, 128]]]


@pytest.mark.parametrize(
    ("normal", "colour"), [((1, 0, 0), (255, 128, 128)), ((0, 1, 0), (128, 255, 128)), ((0, 0, 1), (128, 128, 255))]
)
def test_normals_follow_the_convention(normal, colour):
    assert tuple(plots.picture(TASKS["normals"], np.array([[normal]], np.float32), (0, 1))[0, 0]) == colour


def test_the_depth_scale_fits_all_maps():
    low, high = plots.depth_range(np.linspace(1, 2, 1000), np.linspace(2, 5, 1000), np.array([np.nan]))
    assert (low, high) == (1.0, 5.0)


def test_a_certain_class_is_opaque_and_a_guess_is_not():
    certainty = np.full((4, 5), 0.25, np.float32)
    certainty[0] = 1
    found = Prediction(TASKS["semseg"], labels(1), certainty)
    alpha = plots.prediction_panel(found, "x", VIEW).layers[0].picture[..., 3]
    assert set(alpha[0]) == {255}
    assert set(alpha[1]) == {63}
    solid = plots.prediction_panel(found, "x", plots.View((0, 1), fade=False)).layers[0].picture
    assert solid.shape[-1] == 3


def test_only_wrong_pixels_are_red():
    predicted = labels(1)
    predicted[0, 0] = 2
    error = difference(TASKS["semseg"], predicted, labels(1), EVERYWHERE)
    picture = plots.error_panel(error, 1, VIEW).layers[0].picture
    assert tuple(picture[0, 0]) == (*plots.WRONG, 255)
    assert (picture[1:] == plots.VEIL).all()


def test_the_error_scale_of_depth_is_centred_at_zero():
    truth = np.full((4, 5), 2.0, np.float32)
    error = difference(TASKS["depth"], truth + 0.5, truth, EVERYWHERE)
    scale = plots.error_panel(error, plots.error_limit(error), VIEW).scale
    assert scale.low == -scale.high == -0.5


def test_a_perfect_prediction_has_a_drawable_error():
    truth = np.full((4, 5), 2.0, np.float32)
    error = difference(TASKS["depth"], truth, truth, EVERYWHERE)
    assert plots.error_panel(error, plots.error_limit(error), VIEW).scale.high > 0


def test_pixels_without_a_label_are_grey_in_the_truth():
    valid = EVERYWHERE.copy()
    valid[0, 0] = False
    picture = plots.truth_panel(TASKS["depth"], np.ones((4, 5), np.float32), valid, VIEW).layers[0].picture
    assert tuple(picture[0, 0]) == (128, 128, 128)


def test_the_legend_names_the_classes_that_are_present_with_their_share():
    task, values = TASKS["semseg"], labels(0)
    values[0] = 3
    fig = plots.shares_figure(task, {"model": class_shares(task, values)})
    assert list(fig.data[0].y) == ["window  <b>25.0%</b>", "wall  <b>75.0%</b>"]
    assert fig.data[0].marker.color[1] == "rgb(199,199,199)"


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("semseg", labels(0), "wall"),
        ("semseg", labels(IGNORE), "no label"),
        ("depth", np.full((4, 5), 2.345, np.float32), "2.35 m"),
        ("edge", np.full((4, 5), 0.5, np.float32), "0.50"),
        ("normals", np.tile(np.float32([0, 1, 0]), (4, 5, 1)), "x 0.00, y 1.00, z 0.00"),
        ("normals", np.tile(np.float32([-0.6, 0.8, -0.001]), (4, 5, 1)), "x −0.60, y 0.80, z 0.00"),
    ],
)
def test_a_pixel_in_words(name, values, text):
    assert plots.value_text(TASKS[name], values, None, 1, 1) == text
