"""Overlap of two selections: planted swaps have known indices."""

from collections import Counter

import numpy as np
import pytest

from mtlviz.analysis.stability.overlap import class_overlap, cosines, token_overlap
from mtlviz.analysis.stability.selection import class_margins
from tests.analysis.slot_traces import random_trace


@pytest.mark.parametrize(("kept", "index"), [(3, 1.0), (2, 2 / 4), (1, 1 / 5), (0, 0.0)])
def test_swapping_picks_gives_the_index_of_what_is_left(kept, index):
    before = np.array([[4, 9, 30]])
    after = np.concatenate([before[:, :kept], np.arange(50, 53 - kept)[None]], 1)
    assert token_overlap(before, after) == [index]


def test_the_order_of_picks_does_not_matter():
    assert token_overlap(np.array([[1, 2, 3]]), np.array([[3, 1, 2]])) == [1.0]


def test_tokens_swapped_inside_a_class_cost_tokens_and_no_classes():
    classes = np.repeat(np.arange(4), 10)
    before, after = np.array([[0, 1, 10]]), np.array([[5, 6, 17]])
    assert token_overlap(before, after) == [0.0]
    assert class_overlap(classes[before], classes[after]) == [1.0]


def test_classes_are_counted_with_repetition():
    assert class_overlap(np.array([[1, 1, 2]]), np.array([[1, 2, 2]])) == [2 / 4]


def test_empty_places_count_as_nothing():
    assert token_overlap(np.array([[7, -1, -1]]), np.array([[7, 8, -1]])) == [0.5]
    assert class_overlap(np.array([[0, -1]]), np.array([[0, -1]])) == [1.0]
    assert np.isnan(token_overlap(np.array([[-1, -1]]), np.array([[-1, -1]]))).all()


def test_two_tokens_on_one_count_once():
    assert token_overlap(np.array([[5, 5, 6]]), np.array([[5, 6, 7]])) == [2 / 3]


def test_the_indices_are_those_of_sets_and_counters(rng):
    first, second = rng.integers(-1, 6, (2, 200, 4))
    sets = [
        (set(a.tolist()) - {-1}, set(b.tolist()) - {-1}) for a, b in zip(first, second, strict=True)
    ]  # fmt: skip
    expected = [len(a & b) / len(a | b) if a | b else np.nan for a, b in sets]
    np.testing.assert_allclose(token_overlap(first, second), expected)
    bags = [(Counter(a[a >= 0].tolist()), Counter(b[b >= 0].tolist())) for a, b in zip(first, second, strict=True)]
    expected = [(a & b).total() / (a | b).total() if a | b else np.nan for a, b in bags]
    np.testing.assert_allclose(class_overlap(first, second), expected)


def test_cosines_know_equal_opposite_orthogonal_and_empty_rows():
    first = np.array([[3.0, 4.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    second = np.array([[6.0, 8.0], [-2.0, 0.0], [0.0, 5.0], [1.0, 0.0]])
    np.testing.assert_allclose(cosines(first, second), [1, -1, 0, np.nan])


def test_the_margin_is_to_the_best_token_of_another_class(rng):
    trace = random_trace(3)
    per_task = trace.layout.tokens_per_task
    classes = rng.integers(-1, 4, per_task).astype(np.int16)
    margins = class_margins(trace, classes)
    for slot, margin in enumerate(margins):
        last = trace.picks[slot, -1]
        own = classes[last % per_task]
        rivals = [
            trace.logits[slot, token]
            for token in range(trace.layout.tokens)
            if classes[token % per_task] not in (own, -1)
        ]
        assert (own < 0 and np.isnan(margin)) or margin == pytest.approx(trace.logits[slot, last] - max(rivals))


def test_the_margin_is_positive_where_one_class_holds_the_best_tokens():
    trace = random_trace(0, slots=1)
    classes = np.zeros(trace.layout.tokens_per_task, np.int16)
    logits = np.full((1, trace.layout.tokens), -1.0, np.float32)
    classes[:3] = 1
    logits[0, :3] = (5, 4, 3)
    from dataclasses import replace

    planted = replace(trace, logits=logits, picks=np.array([[0, 1, 2]]))
    assert class_margins(planted, classes) == [4.0]
    assert np.isnan(class_margins(planted, np.zeros_like(classes))).all()  # nobody to lose the place to
