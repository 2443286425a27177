import dataclasses

import numpy as np
import pytest
import torch

from mtlviz.metrics import DepthOptions
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
    meter = DepthMeter(TASK, DepthOptions(cap=6.5535))
    meter.update(label + torch.tensor([0.5, 4.0]), label, torch.ones(1, 1, 2, dtype=torch.bool))
    assert meter.compute()["rmse"] == pytest.approx(0.5)
    assert "6.5535" in meter.protocol


ALL = ("rmse", "log_rmse", "abs_err", "abs_rel", "sq_rel", "delta1", "delta2", "delta3")


def test_all_errors_equal_their_definitions_within_a_range():
    output, label, valid = example("depth")
    meter = DepthMeter(TASK, DepthOptions(metrics=ALL, closest=1.5, cap=4.0, clamp=(1.0, 3.0)))
    meter.update(output, label, valid)
    kept = (valid & (label[:, 0] > 1.5) & (label[:, 0] < 4)).numpy()
    given, true = (tensor[:, 0].numpy().astype(float)[kept] for tensor in (output, label))
    given = given.clip(1, 3)
    factor = np.maximum(given / true, true / given)
    expected = {
        "rmse": np.sqrt(np.mean((given - true) ** 2)),
        "log_rmse": np.sqrt(np.mean((np.log(given) - np.log(true)) ** 2)),
        "abs_err": np.mean(np.abs(given - true)),
        "abs_rel": np.mean(np.abs(given - true) / true),
        "sq_rel": np.mean((given - true) ** 2 / true),
        **{f"delta{k}": np.mean(factor < 1.25**k) for k in (1, 2, 3)},
    }
    assert meter.compute() == pytest.approx(expected)
    for text in ("1.5 m or less", "4.0 m or more", "clamped to 1 to 3", "natural logarithm"):
        assert text in meter.protocol


def test_median_scaling_forgives_a_factor_per_image():
    _, label, valid = example("depth")
    wrong = label * torch.rand(len(label), 1, 1, 1).add(0.5)
    meter = DepthMeter(TASK, DepthOptions(metrics=ALL, median_scaling=True))
    meter.update(wrong, label, valid)
    perfect = dict.fromkeys(ALL[:5], 0.0) | dict.fromkeys(ALL[5:], 1.0)
    assert meter.compute() == pytest.approx(perfect, abs=1e-6)
    assert "true median of every image" in meter.protocol


def pooled(pooling: str, size: int) -> tuple[float, str]:
    label = torch.full((4, 1, 1, 4), 2.0)
    output = label + torch.tensor([1.0, 3.0, 5.0, 9.0]).view(4, 1, 1, 1)
    valid = torch.tensor([[[True] * 4], [[True, False, False, False]], [[True] * 4], [[False] * 4]])
    meter = DepthMeter(TASK, DepthOptions(metrics=("abs_err",), pooling=pooling))
    for parts in zip(output.split(size), label.split(size), valid.split(size), strict=True):
        meter.update(*parts)
    return meter.compute()["abs_err"], meter.protocol


def test_errors_over_pixels_images_and_batches_differ():
    assert [pooled("pixels", size)[0] for size in (1, 2, 4)] == pytest.approx([(4 + 3 + 20) / 9] * 3)
    assert [pooled("images", size)[0] for size in (1, 2, 4)] == pytest.approx([(1 + 3 + 5) / 3] * 3)
    assert pooled("batches", 2)[0] == pytest.approx(((4 + 3) / 5 + 5) / 2)
    assert pooled("batches", 4)[0] == pytest.approx(27 / 9)
    assert "batches of up to 2 images" in pooled("batches", 2)[1]


def test_disparity_is_named_in_its_unit():
    disparity = dataclasses.replace(TASK, name="disparity", unit="px")
    assert DepthMeter(disparity).protocol.startswith("RMSE in px over")
