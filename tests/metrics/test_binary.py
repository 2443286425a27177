import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from sklearn.metrics import fbeta_score, jaccard_score, log_loss

from mtlviz.metrics.binary import EdgeMeter, SaliencyMeter
from mtlviz.tasks import TASKS
from tests.metrics.label_batches import example

THRESHOLDS = np.arange(1, 20) / 20


def edges_of(meter: EdgeMeter, true: torch.Tensor, given: torch.Tensor) -> float:
    """F of a binary prediction, both ``(H, W)`` bool."""
    meter.update(40.0 * given[None, None] - 20, true[None, None].byte(), torch.ones(1, *true.shape, dtype=torch.bool))
    return meter.compute()["edge_f"]


def line(row: int, size: int = 64) -> torch.Tensor:
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[row] = True
    return mask


def test_max_f_equals_scikit_learn():
    output, label, valid = example("saliency")
    meter = SaliencyMeter(TASKS["saliency"])
    meter.update(output, label, valid)
    probability, true = output.sigmoid()[:, 0][valid].numpy(), label[:, 0][valid].numpy()
    expected = max(fbeta_score(true, probability >= t, beta=0.3**0.5, zero_division=0) for t in THRESHOLDS)
    assert meter.compute()["max_f"] == pytest.approx(expected)


def test_sal_miou_averages_over_images():
    output, label, valid = example("saliency")
    label[0] = 0
    output[0] = -9  # nothing there, nothing predicted: 1
    meter = SaliencyMeter(TASKS["saliency"])
    meter.update(output, label, valid)
    images = [(o[0].sigmoid()[v].numpy(), y[0][v].numpy()) for o, y, v in zip(output, label, valid, strict=True)]
    expected = max(
        np.mean([jaccard_score(true, given > t, zero_division=1) for given, true in images])
        for t in np.linspace(0.2, 0.9, 15)
    )
    assert meter.compute()["sal_miou"] == pytest.approx(expected)


def test_edges_match_within_the_tolerance_only():
    tolerance = 2 / np.hypot(64, 64)
    scores = [edges_of(EdgeMeter(TASKS["edge"], tolerance), line(30), line(30 + shift)) for shift in (0, 2, 3)]
    assert scores == [1, 1, 0]


def test_the_tolerance_is_at_least_one_pixel():
    assert edges_of(EdgeMeter(TASKS["edge"]), line(30), line(31)) == 1


def test_thick_and_missing_edges_cost():
    thick = line(27) | line(28) | line(29) | line(30) | line(31) | line(32)
    precision = 3 / 6  # rows 29 to 31 lie within one pixel
    assert edges_of(EdgeMeter(TASKS["edge"]), line(30), thick) == pytest.approx(2 * precision / (1 + precision))
    half = line(30) & (torch.arange(64) < 32)
    recall = 33 / 64  # one pixel more lies within the tolerance
    assert edges_of(EdgeMeter(TASKS["edge"]), line(30), half) == pytest.approx(2 * recall / (1 + recall))


def test_edge_f_equals_matching_by_distance():
    output, label, valid = example("edge", count=2)
    meter = EdgeMeter(TASKS["edge"], tolerance=0.06)
    meter.update(output, label, valid)
    radius = 0.06 * np.hypot(*valid.shape[1:])
    best = 0.0
    for threshold in THRESHOLDS:
        right = predicted = found = positive = 0
        for o, y, v in zip(output.sigmoid()[:, 0].numpy(), label[:, 0].numpy(), valid.numpy(), strict=True):
            given, true = (o >= threshold) & v, (y > 0) & v
            far = np.inf if not given.any() else distance_transform_edt(~given)
            right += (given & (distance_transform_edt(~true) <= radius)).sum()
            found += (true & (far <= radius)).sum()
            predicted, positive = predicted + given.sum(), positive + true.sum()
        precision, recall = right / max(predicted, 1), found / positive
        best = max(best, 2 * precision * recall / max(precision + recall, 1e-9))
    assert meter.compute()["edge_f"] == pytest.approx(best)


def test_edge_bce_equals_scikit_learn():
    output, label, valid = example("edge")
    meter = EdgeMeter(TASKS["edge"])
    meter.update(output, label, valid)
    expected = log_loss(label[:, 0][valid].numpy(), output.double().sigmoid()[:, 0][valid].numpy())
    assert meter.compute()["edge_bce"] == pytest.approx(expected)
