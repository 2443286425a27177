import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial.distance import cdist
from skimage.morphology import thin
from sklearn.metrics import log_loss

from mtlviz.metrics import EdgeOptions, Meter, build_meter
from mtlviz.metrics.edges import EdgeMeter
from mtlviz.tasks import TASKS
from tests.metrics.label_batches import example

THRESHOLDS = np.arange(1, 20) / 20


def edges_of(meter: Meter, true: torch.Tensor, given: torch.Tensor) -> float:
    """F of a binary prediction, both ``(H, W)`` bool."""
    meter.update(40.0 * given[None, None] - 20, true[None, None].byte(), torch.ones(1, *true.shape, dtype=torch.bool))
    return meter.compute()[meter.headline]


def line(row: int, size: int = 64) -> torch.Tensor:
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[row] = True
    return mask


def test_edges_match_within_the_tolerance_only():
    tolerance = 2 / np.hypot(64, 64)
    scores = [
        edges_of(EdgeMeter(TASKS["edge"], EdgeOptions(tolerance=tolerance)), line(30), line(30 + shift))
        for shift in (0, 2, 3)
    ]
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
    meter = EdgeMeter(TASKS["edge"], EdgeOptions(tolerance=0.06))
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


def ods(**options) -> Meter:
    return build_meter(TASKS["edge"], EdgeOptions(metrics=("ods_f", "ois_f", "edge_ap"), steps=9, **options))


def square(size: int = 64) -> torch.Tensor:
    """The outline of a square; corners are not set, so that it is thin already."""
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[[16, 48], 17:48] = True
    mask[17:48, [16, 48]] = True
    return mask


@pytest.mark.parametrize("thin_truth", [False, True])
@pytest.mark.parametrize("suppress", [False, True])
def test_perfect_edges_have_ods_one(thin_truth, suppress):
    assert edges_of(ods(thin_truth=thin_truth, suppress=suppress), square(), square()) == 1


def test_a_thick_truth_can_only_be_met_if_it_is_thinned():
    thick = line(29) | line(30) | line(31)
    assert edges_of(ods(), thick, thick) == 1
    assert edges_of(ods(thin_truth=False), thick, thick) < 0.7


def test_ods_falls_from_one_to_zero_at_the_tolerance():
    tolerance = 2 / np.hypot(64, 64)
    scores = [edges_of(ods(tolerance=tolerance), line(30), line(30 + shift)) for shift in (0, 2, 3)]
    assert scores == [1, 1, 0]


def test_the_tolerance_of_ods_scales_with_the_diagonal():
    shift, tolerance = 3, 3 / np.hypot(128, 128)
    assert edges_of(ods(tolerance=tolerance), line(30, 64), line(30 + shift, 64)) == 0
    assert edges_of(ods(tolerance=tolerance), line(60, 128), line(60 + shift, 128)) == 1


def test_double_edges_cost_under_ods_and_nothing_under_the_tolerant_f():
    tolerance = 3 / np.hypot(64, 64)
    double = line(28) | line(32)
    assert edges_of(EdgeMeter(TASKS["edge"], EdgeOptions(tolerance=tolerance)), line(30), double) == 1
    assert edges_of(ods(tolerance=tolerance), line(30), double) == pytest.approx(2 / 3)


def test_ods_has_one_threshold_for_the_set_and_ois_one_for_every_image():
    logits = torch.full((2, 1, 64, 64), -20.0)
    logits[0, 0, 30] = 3.0  # probability .95, true
    logits[0, 0, 10] = 0.9  # .71, wrong
    logits[1, 0, 30] = -0.5  # .38, true
    label = torch.stack([line(30), line(30)])[:, None].byte()
    meter = ods()
    meter.update(logits, label, torch.ones(2, 64, 64, dtype=torch.bool))
    scores = meter.compute()
    assert scores["ois_f"] == 1
    assert scores["ods_f"] == pytest.approx(2 * (2 / 3) / (2 / 3 + 1))  # all three lines, recall 1


def brute_force_ods(images: list[tuple[np.ndarray, np.ndarray]], radius: float, steps: int) -> float:
    """The best F of all thresholds, by scikit-image's thinning and scipy's matching of all pairs of pixels."""
    scores = []
    for step in np.arange(1, steps + 1) / (steps + 1):
        matched = drawn = wanted = 0
        for probability, true in images:
            lines, goal = thin(probability >= step), thin(true)
            near = cdist(np.argwhere(lines), np.argwhere(goal)) <= radius
            matched += (maximum_bipartite_matching(csr_array(near), perm_type="column") >= 0).sum()
            drawn, wanted = drawn + lines.sum(), wanted + goal.sum()
        scores.append(2 * matched / (drawn + wanted))
    return max(scores)


@pytest.mark.parametrize("blur", [0.6, 1.5])
def test_ods_equals_brute_force(rng, blur):
    fields = [gaussian_filter(rng.standard_normal((40, 50)), 3) for _ in range(3)]
    truths = [np.abs(field) < 0.1 * field.std() for field in fields]
    guesses = [gaussian_filter(np.roll(true, (1, 2), (0, 1)) + 0.3 * rng.random(true.shape), blur) for true in truths]
    guesses = [(0.02 + 0.96 * guess / guess.max()) for guess in guesses]
    meter = build_meter(TASKS["edge"], EdgeOptions(metrics=("ods_f",), steps=15, tolerance=0.04))
    for guess, true in zip(guesses, truths, strict=True):
        every = torch.ones(1, *true.shape, dtype=torch.bool)
        meter.update(torch.from_numpy(guess).logit()[None, None], torch.from_numpy(true)[None, None].byte(), every)
    expected = brute_force_ods(list(zip(guesses, truths, strict=True)), 0.04 * np.hypot(40, 50), 15)
    assert 0.4 < expected < 1
    assert meter.compute()["ods_f"] == pytest.approx(expected, rel=1e-12)


def test_bf_score_is_the_tolerant_f():
    output, label, valid = example("edge", count=2)
    meter = build_meter(TASKS["edge"], EdgeOptions(metrics=("bf_score", "edge_f")))
    meter.update(output, label, valid)
    scores = meter.compute()
    assert scores["bf_score"] == scores["edge_f"]
    assert "bf_score: tolerant" in meter.protocol


def test_eight_bit_rounds_down():
    logits = torch.logit(torch.full((1, 1, 8, 8), 0.5009))  # 127.7 of 255, below the threshold .5
    logits[:, :, :4] = -20
    label = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    label[:, :, 4:] = 1
    counts = []
    for eight_bit in (False, True):
        meter = build_meter(TASKS["edge"], EdgeOptions(metrics=("ods_f",), steps=1, eight_bit=eight_bit))
        meter.update(logits, label, torch.ones(1, 8, 8, dtype=torch.bool))
        counts.append(float(meter.drawn))
    assert counts[0] > 0 == counts[1]


def test_without_a_true_edge_ods_does_not_exist():
    meter = ods()
    meter.update(torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16), torch.ones(1, 16, 16, dtype=torch.bool))
    assert all(np.isnan(value) for value in meter.compute().values())


def test_the_area_under_a_precision_of_one_is_the_largest_recall():
    logits = torch.full((1, 1, 64, 64), -20.0)
    logits[0, 0, 30] = torch.logit(torch.linspace(0.05, 0.95, 64))
    meter = ods()
    meter.update(logits, line(30)[None, None].byte(), torch.ones(1, 64, 64, dtype=torch.bool))
    largest = (np.linspace(0.05, 0.95, 64) >= 0.1).mean()
    assert meter.compute()["edge_ap"] == pytest.approx(largest)


def test_suppression_helps_blurred_edges():
    blurred = torch.from_numpy(gaussian_filter(square().double().numpy(), 3))
    logits = torch.logit(blurred / blurred.max() * 0.98, eps=1e-6)[None, None]
    scores = []
    for suppress in (False, True):
        meter = ods(suppress=suppress)
        meter.update(logits, square()[None, None].byte(), torch.ones(1, 64, 64, dtype=torch.bool))
        scores.append(meter.compute()["ods_f"])
    assert scores[1] >= scores[0] - 0.02
    assert scores[1] > 0.6
