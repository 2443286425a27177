"""Differences of predictions."""

import numpy as np
import pytest

from mtlviz.analysis.compare import angles, difference, region_errors, symmetric_range
from mtlviz.tasks import TASKS

RNG = np.random.default_rng(0)


def prediction(task: str) -> np.ndarray:
    kind = TASKS[task].kind
    if kind == "classes":
        return RNG.integers(0, TASKS[task].channels, (9, 7)).astype(np.uint8)
    if kind == "normals":
        vectors = RNG.normal(size=(9, 7, 3)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return RNG.random((9, 7), np.float32) + (0.5 if kind == "depth" else 0)


@pytest.mark.parametrize("task", list(TASKS))
def test_a_prediction_compared_with_itself_differs_by_exactly_zero(task: str) -> None:
    values = prediction(task)
    found = difference(TASKS[task], values, values)
    assert not found.values.any()
    assert found.mean == found.bias == 0
    assert found.pixels == 63


@pytest.mark.parametrize("task", list(TASKS))
def test_swapping_sides_flips_the_sign_and_keeps_the_size(task: str) -> None:
    first, second = prediction(task), prediction(task)
    there, back = (difference(TASKS[task], *pair) for pair in ((first, second), (second, first)))
    np.testing.assert_allclose(there.values, -back.values if there.signed else back.values, atol=1e-6)
    assert there.mean == pytest.approx(back.mean)


def test_depth_difference_is_first_minus_second_in_metres_and_relative_to_the_second() -> None:
    first, second = np.full((2, 2), 2.0, np.float32), np.full((2, 2), 3.0, np.float32)
    found = difference(TASKS["depth"], second, first)
    assert (found.mean, found.bias, found.mean_relative) == (1, 1, 0.5)
    assert difference(TASKS["depth"], first, second).bias == -1


def test_class_difference_is_the_share_of_labelled_pixels_that_disagree() -> None:
    first = np.array([[0, 1, 2, 255]], np.uint8)
    found = difference(TASKS["semseg"], first, np.array([[0, 1, 3, 3]], np.uint8))
    assert found.pixels == 3
    assert found.mean == pytest.approx(1 / 3)
    assert np.isnan(found.values[0, 3])


def test_angles_of_known_vectors() -> None:
    x, y = np.eye(3, dtype=np.float32)[:2]
    diagonal = np.float32([1, 1, 0]) / np.float32(np.sqrt(2))
    first = np.stack([x, x, x, x])[None]
    second = np.stack([x, y, -x, diagonal])[None]
    np.testing.assert_allclose(angles(first, second), [[0, 90, 180, 45]], atol=1e-4)


def test_invalid_pixels_enter_no_number() -> None:
    first, second = np.zeros((1, 2), np.float32), np.array([[1, 100]], np.float32)
    found = difference(TASKS["depth"], first + 1, second + 1, np.array([[True, False]]))
    assert found.mean == 1
    assert np.isnan(difference(TASKS["depth"], first, second, np.zeros((1, 2), bool)).mean)


def test_predictions_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        difference(TASKS["depth"], np.zeros((2, 2), np.float32), np.zeros((3, 2), np.float32))


def test_a_single_outlier_does_not_set_the_colour_range() -> None:
    values = np.ones((100, 100), np.float32)
    values[0, 0] = -1000
    assert symmetric_range(values) == 1
    assert symmetric_range(np.zeros((3, 3), np.float32)) == 0
    sparse = np.zeros((100, 100), np.float32)
    sparse[0, 0] = 2
    assert symmetric_range(sparse) == 2


def test_region_errors_are_the_means_over_each_true_class_largest_class_first() -> None:
    truth = np.full((1, 6), 2.0, np.float32)
    regions = np.array([[1, 0, 0, 0, 255, 1]], np.uint8)
    valid = np.array([[True, True, True, True, True, False]])
    names = ("wall", "floor", "bed")
    errors = region_errors(TASKS["depth"], truth + 1, truth - 3, truth, regions, names, valid)
    assert [(e.name, e.pixels, e.first, e.second) for e in errors] == [("wall", 3, 1, 3), ("floor", 1, 1, 3)]
