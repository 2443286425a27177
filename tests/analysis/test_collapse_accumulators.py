import numpy as np
import pytest
import torch

from mtlviz.analysis.collapse.accumulators import FINAL, ClassAccumulator, RegressionAccumulator, shapes_of
from mtlviz.analysis.collapse.bands import resampled
from mtlviz.analysis.collapse.kept import ImageKey, image_key
from mtlviz.analysis.collapse.positions import rows_of
from mtlviz.analysis.collapse.record import Protocol
from mtlviz.analysis.collapse.statistics import balanced_weights, pixel_weights
from mtlviz.analysis.collapse.summary import class_place, regression_place
from mtlviz.models.token_classes import majority
from mtlviz.tasks import IGNORE
from tests.analysis import collapse_direct as direct

CLASSES, IMAGES, SIZE = 4, 24, (16, 24)
GRIDS = {"encoder": (2, 3), FINAL: (4, 6)}
WIDTHS = {"encoder": 7, FINAL: 5}
NAMES = ("wall", "floor", "lamp", "absent")
EVERYTHING = Protocol(groups=8, resamples=50, least=1, kept=10_000)


@pytest.fixture(scope="module")
def images():
    """Feature maps that tell the classes apart a little, and labels in which the last class does not occur."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.randint(0, 3, (IMAGES, *GRIDS[FINAL]), generator=generator)
    labels = coarse.repeat_interleave(4, 1).repeat_interleave(4, 2).to(torch.uint8)
    labels[:5, :4, :8] = IGNORE
    labels[torch.rand(labels.shape, generator=generator) < 0.2] = 0
    features = {}
    for place, (rows, columns) in GRIDS.items():
        noise = torch.randn(IMAGES, WIDTHS[place], rows, columns, generator=generator)
        centres = 2 * torch.randn(CLASSES, WIDTHS[place], generator=generator) + 3
        there = majority(labels, CLASSES, GRIDS[place]).clamp(max=3).unflatten(1, (rows, columns))
        features[place] = noise + centres[there].permute(0, 3, 1, 2)
    return features, labels


@pytest.fixture(scope="module")
def classifier():
    generator = torch.Generator().manual_seed(4)
    return torch.randn(CLASSES, WIDTHS[FINAL], generator=generator), torch.randn(CLASSES, generator=generator)


def collected(images, classifier, batches, protocol=EVERYTHING):
    features, labels = images
    accumulator = ClassAccumulator(shapes_of(features), *classifier, protocol)
    keys = [image_key(index, f"image {index}", protocol.groups) for index in range(IMAGES)]
    for batch in batches:
        part = {place: one[batch] for place, one in features.items()}
        accumulator.update(part, labels[batch], [keys[index] for index in range(IMAGES)[batch]])
    return accumulator


def labelled_rows(images, place):
    features, labels = images
    classes = majority(labels, CLASSES, GRIDS[place]).flatten()
    known = classes != IGNORE
    return rows_of(features[place])[known].double().numpy(), classes[known].numpy()


WHOLE = [slice(0, IMAGES)]
HALVES = [slice(0, 12), slice(12, IMAGES)]
THIRDS = [slice(0, 7), slice(7, 8), slice(8, IMAGES)]


@pytest.mark.parametrize("place", GRIDS)
@pytest.mark.parametrize("weighting", ["balanced", "pixel"])
def test_a_stream_finds_what_two_passes_over_all_features_find(images, classifier, place, weighting):
    found = class_place(collected(images, classifier, THIRDS), place, NAMES, EVERYTHING)
    features, labels = labelled_rows(images, place)
    counts = np.bincount(labels, minlength=3).astype(float)
    weights = (balanced_weights if weighting == "balanced" else pixel_weights)(counts, 1)
    value = {key: one.of(weighting).value for key, one in found.statistics.items()}
    assert value["nc1_pinv"] == pytest.approx(direct.nc1_pinv(features, labels, weights), rel=1e-5)
    assert value["nc1_quotient"] == pytest.approx(direct.nc1_quotient(features, labels, weights), rel=1e-5)
    assert value["nc1_cdnv"] == pytest.approx(direct.nc1_cdnv(features, labels, weights), rel=1e-5)
    for key, expected in direct.nc2(features, labels, weights).items():
        assert value[f"nc2_{key}"] == pytest.approx(expected, rel=1e-5)
    assert found.positions == len(labels)
    assert found.present == (0, 1, 2)


@pytest.mark.parametrize("place", GRIDS)
def test_nearest_class_means_are_those_of_the_whole_stream(images, classifier, place):
    """All positions are kept here, so nothing is estimated."""
    found = class_place(collected(images, classifier, THIRDS), place, NAMES, EVERYTHING)
    features, labels = labelled_rows(images, place)
    means = [features[labels == label].mean(0) for label in range(3)]
    closest = direct.nearest(features, means)
    logits = torch.nn.functional.conv2d(images[0][FINAL], classifier[0][:, :, None, None], classifier[1])
    logits = torch.nn.functional.interpolate(logits, GRIDS[place], mode="area")
    known = majority(images[1], CLASSES, GRIDS[place]).flatten() != IGNORE
    predicted = rows_of(logits)[known].argmax(1).numpy()
    for key, right in {
        "agreement": closest == predicted,
        "recall": closest == labels,
        "accuracy": predicted == labels,
    }.items():
        shares = np.array([right[labels == label].mean() for label in range(3)])
        assert found.statistics[key].pixel.value == pytest.approx(right.mean())
        assert found.statistics[key].balanced.value == pytest.approx(shares.mean())
        assert [getattr(row, key) for row in found.classes[:3]] == pytest.approx(shares)
    if place == FINAL:
        unbiased = (features @ classifier[0].double().numpy().T).argmax(1)
        assert found.statistics["nc4"].pixel.value == pytest.approx((closest != predicted).mean())
        assert found.statistics["nc4_without_bias"].pixel.value == pytest.approx((closest != unbiased).mean())


def flat(found):
    return {
        (key, weighting): one.of(weighting).value
        for key, one in found.statistics.items()
        for weighting in ("balanced", "pixel")
    }


def test_two_passes_merged_are_one(images, classifier):
    together = collected(images, classifier, HALVES)
    one, other = (collected(images, classifier, [half]) for half in HALVES)
    other.merge(one)
    for place in GRIDS:
        found, merged = (class_place(each, place, NAMES, EVERYTHING) for each in (together, other))
        assert flat(merged) == pytest.approx(flat(found), rel=1e-10)
        bands = [
            (one.balanced.low, one.balanced.high) for one in found.statistics.values() if one.balanced.low is not None
        ]
        again = [
            (one.balanced.low, one.balanced.high) for one in merged.statistics.values() if one.balanced.low is not None
        ]
        np.testing.assert_allclose(again, bands, rtol=1e-9)


def test_a_small_sample_does_not_depend_on_how_images_come(images, classifier):
    few = Protocol(groups=8, resamples=0, least=1, kept=5)
    forwards = collected(images, classifier, HALVES, few)
    one, other = (collected(images, classifier, [half], few) for half in HALVES)
    other.merge(one)
    for grid, kept in forwards.kept.items():
        np.testing.assert_array_equal(kept.hashes.sort(1).values, other.kept[grid].hashes.sort(1).values)
        for place, features in kept.features.items():
            order, again = kept.hashes.argsort(1), other.kept[grid].hashes.argsort(1)
            for label in range(3):
                mine, theirs = features[label, order[label]], other.kept[grid].features[place][label, again[label]]
                torch.testing.assert_close(mine, theirs)


def test_what_is_kept_has_a_fixed_size(images, classifier):
    short, long = (collected(images, classifier, batches) for batches in (WHOLE[:0], WHOLE * 3))
    assert [one.shape for one in short.tensors()] == [one.shape for one in long.tensors()]


def test_collapsed_features_far_from_the_origin_keep_their_spread(classifier):
    """Distances of 0.01 from means of length 1000: sums of squares in float32 would lose them altogether."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat(8, 2)[:, :6].reshape(8, 2, 3).to(torch.uint8)
    noise = 0.01 * torch.randn(8, 5, 2, 3, dtype=torch.float64, generator=generator)
    features = 1000 * torch.eye(5, dtype=torch.float64)[labels.long()].permute(0, 3, 1, 2) + noise
    accumulator = ClassAccumulator(shapes_of({FINAL: features}), *classifier, EVERYTHING)
    keys = [ImageKey(index % 8, index) for index in range(8)]
    accumulator.update({FINAL: features.float()}, labels, keys)
    found = class_place(accumulator, FINAL, NAMES, EVERYTHING)
    rows = rows_of(features).numpy()
    expected = np.mean([rows[labels.flatten() == label].var(0).sum() for label in range(3)])
    assert np.mean([row.variance for row in found.classes[:3]]) == pytest.approx(expected, rel=1e-2)


def test_exact_frames_in_float32_have_collapsed(classifier):
    vertices = torch.cat([torch.eye(3) - 1 / 3, torch.zeros(3, 2)], 1) + 2
    labels = torch.tensor([[[0, 0, 1], [1, 2, 2]]] * 6).to(torch.uint8)
    features = vertices[labels.long()].permute(0, 3, 1, 2)
    accumulator = ClassAccumulator(shapes_of({FINAL: features}), vertices[[0, 1, 2, 2]], classifier[1], EVERYTHING)
    accumulator.update({FINAL: features}, labels, [ImageKey(0, index) for index in range(6)])
    found = class_place(accumulator, FINAL, NAMES, EVERYTHING).statistics
    for key in ("nc1_pinv", "nc1_quotient", "nc1_cdnv"):
        assert found[key].balanced.value == pytest.approx(0, abs=1e-12)
    for key in (
        "nc2_equinorm",
        "nc2_equiangular",
        "nc2_max_angle",
        "nc2_etf_error",
        "nc3_self_duality",
        "nc3_structure",
    ):
        assert found[key].balanced.value == pytest.approx(0, abs=1e-6)


def test_class_rows_name_every_class_and_number_only_those_that_are_there(images, classifier):
    protocol = Protocol(groups=8, resamples=0, least=10)
    rows = class_place(collected(images, classifier, WHOLE), "encoder", NAMES, protocol).classes
    assert [row.name for row in rows] == list(NAMES)
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert (rows[3].count, rows[3].variance, rows[3].recall) == (0, None, None)
    there = [row for row in rows if row.norm is not None]
    assert np.mean([row.norm for row in there]) == pytest.approx(1)
    assert all(0 <= row.vertex_angle <= 180 for row in there)


def test_without_labels_nothing_is_defined(images, classifier):
    features, labels = images
    accumulator = ClassAccumulator(shapes_of(features), *classifier, EVERYTHING)
    accumulator.update(features, torch.full_like(labels, IGNORE), [ImageKey(0, index) for index in range(IMAGES)])
    found = class_place(accumulator, FINAL, NAMES, EVERYTHING)
    assert found.positions == 0
    assert found.gram == ()
    assert {one.of(weighting).value for one in found.statistics.values() for weighting in ("balanced", "pixel")} == {
        None
    }


def test_resampling_every_group_once_gives_the_sample_itself(images, classifier):
    accumulator = collected(images, classifier, THIRDS)
    counts, means, variances = resampled(accumulator.grouped["encoder"], np.ones((1, 8), int))
    features, labels = labelled_rows(images, "encoder")
    for label in range(3):
        rows = features[labels == label]
        assert counts[0, label] == len(rows)
        np.testing.assert_allclose(means[0, label], rows.mean(0), rtol=1e-6)
        assert variances[0, label] == pytest.approx(rows.var(0).sum(), rel=1e-5)


def test_resampling_a_group_twice_counts_its_images_twice(images, classifier):
    accumulator = collected(images, classifier, WHOLE)
    draws = np.array([[2, 0, 1, 0, 3, 0, 0, 1]])
    counts, means, variances = resampled(accumulator.grouped["encoder"], draws)
    groups = np.array([image_key(index, f"image {index}", 8).group for index in range(IMAGES)])
    classes = majority(images[1], CLASSES, GRIDS["encoder"])
    repeated = np.repeat(np.arange(IMAGES), draws[0][groups])
    rows = rows_of(images[0]["encoder"][repeated]).double().numpy()
    labels = classes[repeated].flatten().numpy()
    for label in range(3):
        assert counts[0, label] == (labels == label).sum()
        np.testing.assert_allclose(means[0, label], rows[labels == label].mean(0), rtol=1e-6)
        assert variances[0, label] == pytest.approx(rows[labels == label].var(0).sum(), rel=1e-5)


def test_regression_tasks_share_the_places_where_they_are_not_told_apart(rng):
    features = {
        task: {
            "encoder": torch.randn(6, 4, 4, 6, generator=torch.Generator().manual_seed(0)),
            FINAL: torch.randn(6, 5, 8, 12),
        }
        for task in ("depth", "normals")
    }
    target = torch.nn.functional.normalize(torch.randn(6, 3, 16, 24), dim=1)
    valid = torch.rand(6, 16, 24) > 0.3
    shapes = shapes_of(features["depth"])
    accumulator = RegressionAccumulator(shapes, {"depth": 1, "normals": 3}, ["encoder"])
    for half in (slice(0, 2), slice(2, 6)):
        part = {task: {place: one[half] for place, one in places.items()} for task, places in features.items()}
        accumulator.update(part, {"normals": (target[half], valid[half])})
    assert [len(moments.count) for moments in accumulator.moments.values()] == [1, 2]
    weight = rng.normal(size=(3, 5))
    found = regression_place(accumulator, "normals", FINAL, weight)
    rows = rows_of(features["normals"][FINAL][..., ::2, ::2]).numpy()
    covariance = np.cov(rows.T, bias=True)
    values = np.sort(np.linalg.eigvalsh(covariance))[::-1]
    assert found.statistics["nrc1"].value == pytest.approx(values[3:].sum() / values.sum(), rel=1e-5)
    axes = np.linalg.qr(weight.T).Q
    inside = np.trace(axes.T @ covariance @ axes) / np.trace(covariance)
    assert found.statistics["nrc2"].value == pytest.approx(1 - inside, rel=1e-5)
    known = target.permute(0, 2, 3, 1)[:, 1::4, 1::4][valid[:, 1::4, 1::4]]
    np.testing.assert_allclose(
        accumulator.targets["normals"].spread[0] / len(known), np.cov(known.T, bias=True), rtol=1e-4, atol=1e-6
    )
    assert (found.grid, found.positions) == ((4, 6), 6 * 24)
    depth = regression_place(accumulator, "depth", "encoder", weight[:1])
    assert set(depth.statistics) == {"nrc1"}
    assert sum(depth.spectrum) == pytest.approx(1)
