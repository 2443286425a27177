import math

import numpy as np
import pytest
import torch

from mtlviz.metrics import NormalOptions
from mtlviz.metrics.base import median
from mtlviz.metrics.normals import NormalMeter, angles
from mtlviz.tasks import TASKS
from tests.metrics.label_batches import example

TASK = TASKS["normals"]


def tilted(degrees: list[float]) -> torch.Tensor:
    """Directions at these angles from the z axis, ``(1, 3, 1, n)``."""
    turn = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([turn.sin(), torch.zeros_like(turn), turn.cos()]).view(1, 3, 1, -1).float()


@pytest.mark.parametrize("degrees", [0.0, 0.01, 12.5, 90.0, 179.99, 180.0])
def test_the_angle_is_exact_even_near_its_ends(degrees):
    assert float(angles(3 * tilted([degrees]).double(), tilted([0]).double())) == pytest.approx(degrees, abs=1e-4)


def test_known_angles_give_known_metrics():
    meter = NormalMeter(TASK)
    meter.update(tilted([5, 10, 20, 40, 0]), tilted([0] * 5), torch.tensor([[[True] * 4 + [False]]]))
    scores = meter.compute()
    assert scores["mean_angle"] == pytest.approx(75 / 4, abs=1e-4)
    assert scores["median_angle"] == pytest.approx(10, abs=0.011)
    assert [scores[f"within_{limit}"] for limit in ("11.25", "22.5", "30")] == [0.5, 0.75, 0.75]


def test_metrics_equal_numpy():
    output, label, valid = example("normals")
    meter = NormalMeter(TASK)
    meter.update(output, label, valid)
    dot = (output.double() * label.double()).sum(1).clamp(-1, 1).numpy()[valid.numpy()]
    angle = np.degrees(np.arccos(dot))
    scores = meter.compute()
    assert scores["mean_angle"] == pytest.approx(angle.mean(), abs=1e-4)
    assert scores["median_angle"] == pytest.approx(np.median(angle), abs=0.03)
    assert scores["within_30"] == pytest.approx((angle < 30).mean(), abs=1e-6)
    assert math.isclose(scores["within_11.25"], (angle < 11.25).mean(), abs_tol=1e-6)


def test_the_exact_median_and_the_root_mean_square_equal_numpy():
    output, label, valid = example("normals", count=3)
    options = NormalOptions(metrics=("median_angle", "rmse_angle"), bin=None)
    whole, first, second = NormalMeter(TASK, options), NormalMeter(TASK, options), NormalMeter(TASK, options)
    whole.update(output, label, valid)
    first.update(output[:1], label[:1], valid[:1])
    second.update(output[1:], label[1:], valid[1:])
    first.merge_state(second)
    angle = angles(output.double(), label.double())[valid].numpy()
    expected = {"median_angle": np.median(angle), "rmse_angle": np.sqrt(np.mean(angle**2))}
    assert whole.compute() == pytest.approx(expected, rel=1e-6)
    assert first.compute() == pytest.approx(expected, rel=1e-6)
    assert "exact median" in whole.protocol


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_the_median_is_that_of_numpy(count):
    values = torch.randn(count, dtype=torch.float64)
    assert float(median(values)) == np.median(values.numpy())


def test_the_streamed_median_lies_within_its_bin():
    output, label, valid = example("normals")
    meters = [NormalMeter(TASK, NormalOptions(bin=width)) for width in (None, 0.01, 0.5)]
    for meter in meters:
        meter.update(output, label, valid)
    exact, fine, coarse = (meter.compute()["median_angle"] for meter in meters)
    assert abs(fine - exact) <= 0.011
    assert abs(coarse - exact) <= 0.51
