"""Metrics of one image."""

import numpy as np
import pytest

from mtlviz.analysis.scores import image_score
from mtlviz.data.sample import Sample, valid_pixels
from mtlviz.predictions import Prediction
from mtlviz.tasks import TASKS

IMAGE = np.zeros((16, 16, 3), np.uint8)


def labelled(task: str, label: np.ndarray, valid: np.ndarray | None = None) -> Sample:
    return Sample(IMAGE, "square", {task: label}, {} if valid is None else {task: valid})


def predicted(task: str, values: np.ndarray) -> Prediction:
    return Prediction(TASKS[task], values)


def test_a_perfect_prediction_has_perfect_metrics_on_every_task() -> None:
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(16, 16, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    edge = (rng.random((16, 16)) < 0.2).astype(np.uint8)
    truths = {
        "semseg": rng.integers(0, 5, (16, 16)).astype(np.uint8),
        "depth": (1 + rng.random((16, 16))).astype(np.float32),
        "normals": normals,
    }
    best = {"semseg": 1, "depth": 0, "normals": 0}
    for task, truth in truths.items():
        assert image_score(predicted(task, truth), labelled(task, truth)).headline == pytest.approx(
            best[task], abs=0.05
        )
    score = image_score(predicted("edge", edge.astype(np.float32)), labelled("edge", edge))
    assert score.headline == pytest.approx(1)


def test_classes_absent_from_the_image_leave_its_mean_iou() -> None:
    truth, guess = np.zeros((16, 16), np.uint8), np.zeros((16, 16), np.uint8)
    truth[:8], guess[:4] = 1, 1
    score = image_score(predicted("semseg", guess), labelled("semseg", truth))
    assert score.headline == pytest.approx((4 / 8 + 8 / 12) / 2)
    assert "left out" in score.protocol
    assert "this image alone" in score.protocol


def test_only_labelled_valid_pixels_count() -> None:
    truth = np.zeros((16, 16), np.uint8)
    truth[0] = 255
    valid = np.ones((16, 16), bool)
    valid[:, 0] = False
    sample = labelled("semseg", truth, valid)
    assert valid_pixels(sample, TASKS["semseg"]).sum() == 15 * 15
    assert image_score(predicted("semseg", truth.clip(0, 16)), sample).pixels == 15 * 15
    depth = labelled("depth", np.ones((16, 16), np.float32), valid)
    wrong = np.where(valid, 2, 100).astype(np.float32)
    assert image_score(predicted("depth", wrong), depth).headline == pytest.approx(1)
