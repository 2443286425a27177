import numpy as np
import pytest
import torch

from mtlviz.metrics.depth import DepthMeter
from mtlviz.tasks import TASKS
from tests.metrics.label_batches import example

TASK = TASKS["depth"]


def test_errors_equal_their_definitions():
    output, label, valid = example("depth")
    meter = DepthMeter(TASK)
    meter.update(output, label, valid)
    given, true = (tensor[:, 0].numpy().astype(float)[valid.numpy()] for tensor in (output, label))
    expected = {
        "rmse": np.sqrt(np.mean((given - true) ** 2)),
        "abs_err": np.mean(np.abs(given - true)),
        "abs_rel": np.mean(np.abs(given - true) / true),
        "delta1": np.mean(np.maximum(given / true, true / given) < 1.25),
    }
    assert meter.compute() == pytest.approx(expected)


def test_rmse_pools_pixels_not_images():
    label = torch.full((2, 1, 1, 4), 2.0)
    output = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1) + label
    valid = torch.tensor([[[True] * 4], [[True, False, False, False]]])
    meter = DepthMeter(TASK)
    meter.update(output, label, valid)
    assert meter.compute()["rmse"] == pytest.approx(((4 * 1 + 9) / 5) ** 0.5)


def test_a_cap_leaves_far_pixels_out_and_is_printed():
    label = torch.tensor([1.0, 8.0]).view(1, 1, 1, 2)
    meter = DepthMeter(TASK, cap=6.5535)
    meter.update(label + torch.tensor([0.5, 4.0]), label, torch.ones(1, 1, 2, dtype=torch.bool))
    assert meter.compute()["rmse"] == pytest.approx(0.5)
    assert "6.5535" in meter.protocol
