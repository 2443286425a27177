"""Shares of picks against shares of tokens: closed forms."""

import numpy as np
import pytest

from mtlviz.analysis.stability.intervals import mean_intervals
from mtlviz.analysis.stability.selection import Selection
from mtlviz.analysis.stability.shares import (
    concentration_curve,
    equal_access_gini,
    proportional_gini,
    rare_recall,
    share_counts,
    task_gini,
)


def test_picks_in_proportion_have_a_gini_of_0_against_tokens():
    tokens = np.array([100, 50, 10, 0])
    assert proportional_gini(3 * tokens, tokens) == pytest.approx(0)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_all_picks_of_one_class_have_one_less_its_share_of_the_tokens(share):
    tokens = np.array([1000 * share, 1000 * (1 - share)])
    assert proportional_gini(np.array([60, 0]), tokens) == pytest.approx(1 - share)


def test_two_classes_have_the_difference_of_their_shares():
    """The area between a curve of two straight pieces and the diagonal is a triangle."""
    tokens, picks = np.array([80, 20]), np.array([30, 70])
    assert proportional_gini(picks, tokens) == pytest.approx(0.7 - 0.2)


def test_the_curve_is_convex_and_ends_at_1(rng):
    across, up = concentration_curve(rng.integers(0, 20, 9), rng.integers(1, 50, 9))
    slopes = np.diff(up) / np.diff(across)
    assert (np.diff(slopes) >= -1e-12).all()
    assert (across[-1], up[-1]) == (1, 1)


def test_equal_access_is_0_and_one_class_alone_is_1_less_1_over_c():
    tokens = np.array([90, 5, 5, 0])
    assert equal_access_gini(np.array([20, 20, 20, 0]), tokens) == pytest.approx(0)
    assert equal_access_gini(np.array([60, 0, 0, 0]), tokens) == pytest.approx(1 - 1 / 3)


def test_rare_recall_counts_rare_classes_that_hold_a_pick():
    tokens = np.array([970, 15, 15, 0, 19])
    assert rare_recall(np.array([50, 1, 0, 0, 9]), tokens) == pytest.approx(2 / 3)
    assert rare_recall(np.array([60, 0, 0, 0, 0]), tokens) == 0
    assert np.isnan(rare_recall(np.array([30, 30]), np.array([50, 50])))


def test_tasks_with_equal_shares_have_a_gini_of_0():
    assert task_gini(np.array([15, 15, 15, 15])) == pytest.approx(0)
    assert task_gini(np.array([60, 0, 0, 0])) == pytest.approx(3 / 4)


def test_nothing_to_count_is_nan():
    nothing = np.zeros(3, np.int64)
    for value in (proportional_gini(nothing, nothing), equal_access_gini(nothing, nothing), task_gini(nothing)):
        assert np.isnan(value)


def test_picks_are_counted_by_class_and_by_task():
    picks = np.array([[0, 1, 13], [2, 12, -1]])
    classes = np.array([0, 0, 1] + [1] * 7, np.int16)
    none = np.zeros((2, 1))
    chosen = Selection(picks, np.array([[0, 0, 1], [1, 1, -1]], np.int16), {"retrieved": none}, none[:, 0], none[:, 0])
    counts = share_counts(chosen, classes, count=3, tasks=2, per_task=10)
    assert counts.tokens.tolist() == [2, 8, 0]
    assert counts.picks.tolist() == [2, 3, 0]
    assert counts.tasks.tolist() == [3, 2]


def test_an_interval_holds_the_mean_and_shrinks_with_more_images(rng):
    values = rng.normal(size=(400, 1))
    few, many = mean_intervals(values[:25])[0], mean_intervals(values)[0]
    assert few.low < few.mean < few.high
    assert many.mean == pytest.approx(values.mean())
    assert many.high - many.low == pytest.approx(4 * 0.98 * values.std() / 400**0.5, rel=0.1)
    assert many.high - many.low < few.high - few.low


def test_missing_values_leave_the_mean_and_lower_n():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan], [2.0, 5.0]])
    first, second = mean_intervals(values)
    assert (first.mean, first.count) == (2.0, 3)
    assert (second.mean, second.count) == (5.0, 1)
    assert second.as_dict() == {"mean": 5.0, "low": None, "high": None, "n": 1}


def test_a_constant_has_an_interval_without_width():
    assert mean_intervals(np.ones((10, 1)))[0].as_dict() == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 10}
