import math

import pytest
import torch

from mtlviz.metrics import ConstantFit, build_constant_meter
from mtlviz.tasks import TASKS
from tests.metrics.label_batches import example


def scores(task: str, label: torch.Tensor, valid: torch.Tensor) -> dict[str, float]:
    fit = ConstantFit(TASKS[task])
    for part, mask in zip(label.split(4), valid.split(4), strict=True):
        fit.update(part, mask)
    meter = build_constant_meter(fit)
    meter.update(label, valid)
    return meter.compute()


def test_constant_depth_has_the_standard_deviation_as_error():
    _, label, valid = example("depth")
    expected = label[:, 0][valid].double().std(correction=0)
    assert scores("depth", label, valid)["rmse"] == pytest.approx(float(expected))


def test_constant_class_is_the_most_frequent():
    _, label, valid = example("semseg")
    label[:, :, :20] = 3
    result = scores("semseg", label, valid)
    share = float(((label[:, 0] == 3) & valid).sum() / ((label[:, 0] != 255) & valid).sum())
    assert result["pixel_accuracy"] == pytest.approx(share)
    assert result["miou"] == pytest.approx(share / 17)


def test_constant_normal_is_the_mean_direction():
    label = torch.nn.functional.normalize(torch.tensor([[1.0, 0, 1], [-1, 0, 1]]), dim=1).T.reshape(1, 3, 1, 2)
    assert scores("normals", label, torch.ones(1, 1, 2, dtype=torch.bool))["mean_angle"] == pytest.approx(45)


def test_constant_edge_has_the_entropy_of_the_prior_and_the_f_of_all_positive():
    _, label, valid = example("edge")
    result = scores("edge", label, valid)
    prior = float(label[:, 0][valid].double().mean())
    assert result["edge_bce"] == pytest.approx(-prior * math.log(prior) - (1 - prior) * math.log(1 - prior))
    assert result["edge_f"] > 2 * prior / (1 + prior) - 1e-9
