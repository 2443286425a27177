import numpy as np
import pytest
from sklearn.metrics import fbeta_score, jaccard_score, precision_score, recall_score

from mtlviz.metrics import SaliencyOptions, build_meter
from mtlviz.metrics.saliency import SaliencyMeter
from mtlviz.tasks import TASKS
from tests.metrics.label_batches import example

THRESHOLDS = np.arange(1, 20) / 20


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


def test_the_second_sigmoid_has_five_operating_points():
    output, label, valid = example("saliency")
    meter = build_meter(TASKS["saliency"], SaliencyOptions(metrics=("max_f_second_sigmoid", "max_f")))
    meter.update(output, label, valid)
    probability, true = output.double().sigmoid()[:, 0][valid].numpy(), label[:, 0][valid].numpy()
    points = [0.0, *(np.log(t / (1 - t)) for t in (0.55, 0.6, 0.65, 0.7))]  # .20, .41, .62, .85
    expected = max(fbeta_score(true, probability >= point, beta=0.3**0.5, zero_division=0) for point in points)
    scores = meter.compute()
    assert scores["max_f_second_sigmoid"] == pytest.approx(expected)
    assert scores["max_f_second_sigmoid"] <= scores["max_f"] + 0.02
    assert "compatibility form" in meter.protocol


def test_max_f_of_images_averages_precision_and_recall():
    output, label, valid = example("saliency")
    meter = build_meter(TASKS["saliency"], SaliencyOptions(metrics=("max_f_image",)))
    meter.update(output, label, valid)
    images = [
        (o[0].double().sigmoid()[v].numpy(), y[0][v].numpy()) for o, y, v in zip(output, label, valid, strict=True)
    ]
    best = 0.0
    for t in np.linspace(0.2, 0.9, 15):
        p, r = (np.mean([f(y, g > t, zero_division=0) for g, y in images]) for f in (precision_score, recall_score))
        best = max(best, 2 * p * r / (p + r))
    assert meter.compute() == pytest.approx({"max_f_image": best})


def test_beta_weighs_recall():
    output, label, valid = example("saliency")
    meter = build_meter(TASKS["saliency"], SaliencyOptions(beta2=1.0))
    meter.update(output, label, valid)
    probability, true = output.sigmoid()[:, 0][valid].numpy(), label[:, 0][valid].numpy()
    expected = max(fbeta_score(true, probability >= t, beta=1, zero_division=0) for t in THRESHOLDS)
    assert meter.compute()["max_f"] == pytest.approx(expected)
    assert "beta^2 = 1.0" in meter.protocol
