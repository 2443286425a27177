"""A sample keeps what is rare, comes from its seed, and can be drawn while tokens come in."""

import numpy as np
import pytest

from mtlviz.analysis.token_sample import least_a_stratum, stratified_sample, token_priorities

COUNTS = {0: 3, 1: 1, 2: 4000, 3: 996}
"""Tokens by stratum; two are rare."""


def tokens(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(priorities, strata) of 5,000 tokens."""
    strata = np.random.default_rng(1).permutation(np.repeat(list(COUNTS), list(COUNTS.values())))
    return token_priorities(len(strata), seed, "room"), strata


def test_every_stratum_is_in_the_sample_and_the_rest_is_fair():
    priorities, strata = tokens()
    drawn = np.bincount(strata[stratified_sample(priorities, strata, 1000, 5)], minlength=4)
    assert drawn.sum() == 1000
    assert drawn[0] == 3
    assert drawn[1] == 1
    assert drawn[2] / drawn[3] == pytest.approx(4000 / 996, rel=0.2)


def test_a_sample_comes_from_its_seed_and_its_image():
    first, again, other = (stratified_sample(*tokens(seed), 500, 5) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(token_priorities(9, 0, "room 1"), token_priorities(9, 0, "room 2"))


def test_everything_is_drawn_where_there_is_room():
    priorities, strata = tokens()
    assert np.array_equal(stratified_sample(priorities, strata, 9000, 5), np.arange(5000))
    assert len(stratified_sample(np.zeros(0), np.zeros(0, int), 10, 2)) == 0


@pytest.mark.parametrize("parts", [2, 7])
def test_a_sample_of_samples_is_the_sample_of_the_whole(parts):
    priorities, strata = tokens()
    whole = stratified_sample(priorities, strata, 600, 8)
    kept = np.zeros(0, np.int64)
    for part in np.array_split(np.random.default_rng(2).permutation(5000), parts):
        there = np.concatenate([kept, part])
        kept = there[stratified_sample(priorities[there], strata[there], 600, 8)]
    assert np.array_equal(np.sort(kept), whole)


def test_a_smaller_sample_is_the_sample_of_a_larger_one():
    priorities, strata = tokens()
    large = stratified_sample(priorities, strata, 2000, 20)
    small = stratified_sample(priorities, strata, 500, 5)
    assert np.array_equal(large[stratified_sample(priorities[large], strata[large], 500, 5)], small)


def test_a_guarantee_without_room_is_refused():
    with pytest.raises(ValueError, match="lower `least`"):
        stratified_sample(*tokens(), 10, 5)
    assert least_a_stratum(2000, 72) == 13
    assert least_a_stratum(20_000, 72) == 20
    assert least_a_stratum(100, 400) == 1
