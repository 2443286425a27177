import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score

from mtlviz.metrics import ClassOptions
from mtlviz.metrics.classes import ClassMeter
from mtlviz.tasks import IGNORE, TASKS
from tests.metrics.label_batches import example

TASK = TASKS["human_parts"]


def logits(labels: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.one_hot(labels[:, 0].long(), TASK.channels).movedim(-1, 1).float()


def test_miou_equals_scikit_learn():
    output, label, valid = example("human_parts")
    meter = ClassMeter(TASK)
    meter.update(output, label, valid)
    counts = (valid & (label[:, 0] != IGNORE)).numpy()
    given, true = output.argmax(1).numpy()[counts], label[:, 0].numpy()[counts]
    each = jaccard_score(true, given, labels=range(TASK.channels), average=None, zero_division=0)
    assert meter.compute()["miou"] == pytest.approx(each.mean())
    assert meter.compute()["pixel_accuracy"] == pytest.approx(accuracy_score(true, given))
    np.testing.assert_allclose([entry["iou"] for entry in meter.per_class().values()], each)


def test_an_absent_class_counts_zero_or_not_at_all():
    label = torch.tensor([0, 0, 1, 1], dtype=torch.uint8).view(1, 1, 1, 4)
    scores = {}
    for absent in ("zero", "nan"):
        meter = ClassMeter(TASK, ClassOptions(absent=absent))
        meter.update(logits(label), label, torch.ones(1, 1, 4, dtype=torch.bool))
        scores[absent] = meter.compute()["miou"]
    assert scores == pytest.approx({"zero": 2 / 7, "nan": 1.0})


def test_frequencies_are_shares_of_labelled_pixels():
    label = torch.tensor([0, 0, 0, 2, IGNORE], dtype=torch.uint8).view(1, 1, 1, 5)
    meter = ClassMeter(TASK)
    meter.update(torch.zeros(1, TASK.channels, 1, 5), label, torch.ones(1, 1, 5, dtype=torch.bool))
    frequencies = {name: entry["frequency"] for name, entry in meter.per_class().items()}
    assert frequencies["background"] == pytest.approx(0.75)
    assert frequencies["torso"] == pytest.approx(0.25)


def test_images_without_a_person_can_be_left_out():
    label = torch.tensor([[0, 0, 1, 1], [0, 0, 0, IGNORE]], dtype=torch.uint8).view(2, 1, 1, 4)
    given = torch.tensor([[0, 0, 1, 1], [2, 2, 2, 2]], dtype=torch.uint8).view(2, 1, 1, 4)
    counted = []
    for skip in (False, True):
        meter = ClassMeter(TASK, ClassOptions(absent="nan", skip_background=skip))
        meter.update(logits(given), label, torch.ones(2, 1, 4, dtype=torch.bool))
        counted.append((int(meter.confusion.sum()), meter.compute()["miou"]))
    assert counted == [(7, pytest.approx((2 / 5 + 1 + 0) / 3)), (4, 1.0)]
    assert "images labelled background alone left out" in meter.protocol
