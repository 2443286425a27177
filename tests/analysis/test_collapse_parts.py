"""What a collapse pass is made of: moments, the order of positions, the sample that is kept, bands."""

import numpy as np
import pytest
import torch

from mtlviz.analysis.collapse.bands import estimate, group_draws
from mtlviz.analysis.collapse.kept import EMPTY, Kept, image_key, position_hashes
from mtlviz.analysis.collapse.moments import Moments, moments_of
from mtlviz.analysis.collapse.positions import class_order
from mtlviz.tasks import IGNORE


def test_moments_of_parts_merge_to_those_of_the_whole(rng):
    rows = torch.from_numpy(rng.normal(size=(90, 6)) + 50)
    merged = Moments.empty((1,), 6, True)
    for part in rows.split([1, 50, 39]):
        merged.merge(moments_of(part[None]))
    np.testing.assert_allclose(merged.mean[0], rows.mean(0))
    np.testing.assert_allclose(merged.spread[0] / 90, np.cov(rows.T, bias=True), rtol=1e-11)


def test_positions_are_ordered_by_class_and_then_by_image():
    order = class_order(torch.tensor([[1, 0, IGNORE], [0, 1, 1]]), 3)
    assert order.rows.tolist() == [1, 3, 0, 4, 5]
    assert order.keys.tolist() == [0, 1, 2, 3, 3]
    assert order.lengths == (2, 3, 0)
    assert order.counts.tolist() == [[1, 1], [1, 2], [0, 0]]


def test_hashes_are_spread_evenly_and_differ_between_images():
    keys = [image_key(index, "same name", 32) for index in range(640)]
    assert np.bincount([key.group for key in keys], minlength=32).min() > 5
    hashes = position_hashes(keys, 50)
    assert len(hashes.unique()) == len(hashes)
    assert float(hashes.double().mean() / 2**62) == pytest.approx(1, abs=0.02)


def test_a_sample_keeps_the_smallest_hashes_of_every_class(rng):
    kept = Kept(3, 4, {"here": 2})
    hashes = torch.from_numpy(rng.permutation(1000))
    labels = torch.from_numpy(rng.choice([0, 1, IGNORE], 1000, p=[0.5, 0.49, 0.01]))
    labels[7] = 2
    for part in np.split(np.arange(1000), [3, 500]):
        entries = kept.choose(hashes[part], labels[part])
        kept.put(entries, entries.rows, entries.rows, {"here": hashes[part][entries.rows, None].expand(-1, 2).float()})
    for label in range(2):
        assert kept.hashes[label].sort().values.tolist() == hashes[labels == label].sort().values[:4].tolist()
    assert sorted(kept.hashes[2].tolist()) == [int(hashes[7]), EMPTY, EMPTY, EMPTY]
    held = kept.hashes != EMPTY
    assert (kept.features["here"][held][:, 0] == kept.hashes[held]).all()


def test_draws_are_as_many_as_groups_and_follow_from_the_seed():
    draws = group_draws(32, 100, 0)
    assert (draws.sum(1) == 32).all()
    np.testing.assert_array_equal(draws, group_draws(32, 100, 0))
    assert (draws != group_draws(32, 100, 1)).any()


def test_a_band_lies_about_its_value_and_is_as_wide_as_the_resamples():
    resamples = np.concatenate([np.linspace(10, 12, 1001), [np.nan]])
    found = estimate(5, resamples, 0.9)
    assert (found.value, found.low, found.high) == (5, pytest.approx(4.1), pytest.approx(5.9))
    assert estimate(0.99, resamples, 0.9, largest=1).high == 1
    assert estimate(0.5, resamples, 0.9).low == 0
    assert estimate(float("nan"), resamples).value is None
    assert estimate(5, np.array([np.nan])).low is None
