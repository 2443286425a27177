"""Spearman's rank correlation against SciPy's, and the identities it has."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from mtlviz.analysis.rank_correlation import beyond_chance, rank_correlation, rank_correlations


def test_rank_correlation_is_spearmans(rng):
    rows = np.round(rng.normal(size=(4, 300)), 1)  # with ties
    np.testing.assert_allclose(rank_correlations(rows), spearmanr(rows, axis=1).statistic, atol=1e-12)


def test_only_the_order_counts(rng):
    one = np.round(rng.normal(size=300), 1)
    found = rank_correlations(np.stack([one, np.exp(one), -one, np.zeros(300)]))
    np.testing.assert_allclose(found[:3, :3], [[1, 1, -1], [1, 1, -1], [-1, -1, 1]], atol=1e-12)
    assert np.isnan(found[3]).all(), "a constant has no order"


def test_two_quantities_without_ties_have_the_closed_form(rng):
    """1 - 6 sum d^2 / (n (n^2 - 1)), d the difference of the ranks."""
    order = rng.permutation(9)
    expected = 1 - 6 * np.square(np.arange(9) - order).sum() / (9 * 80)
    assert rank_correlation(np.arange(9.0), order.astype(float)) == pytest.approx(expected)


def test_pairs_with_a_value_that_is_not_finite_are_left_out():
    first, second = np.array([1, 2, np.nan, 4, np.inf]), np.array([1.0, 3, 9, 2, 5])
    assert rank_correlation(first, second) == pytest.approx(0.5)
    assert np.isnan(rank_correlation(first[2:], second[2:])), "one pair is left"


def test_chance_reaches_the_threshold_about_once_in_twenty(rng):
    count, trials = 40, 2000
    against = rank_correlations(rng.normal(size=(trials + 1, count)))[0, 1:]
    share = np.mean([beyond_chance(value, count) for value in against.tolist()])
    assert share == pytest.approx(0.05, abs=0.02)
    assert not beyond_chance(float("nan"), 10)
    assert not beyond_chance(1.0, 1)
