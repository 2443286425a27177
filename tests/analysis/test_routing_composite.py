"""Where a token received from: the composite map and its rows."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mtlviz.analysis.composite import composite_column_mass, composite_rows, picked_tokens, token_provenance
from tests.analysis.slot_traces import TASKS, half_padding, permuted_slots, random_trace, slot_trace


def dense(trace) -> np.ndarray:
    """A_w A_r with A_r written out, L x S."""
    retrieve = np.zeros((len(trace.picks), trace.layout.tokens))
    for slot, (picks, weights) in enumerate(zip(trace.picks, trace.weights, strict=True)):
        for pick, weight in zip(picks, weights, strict=True):
            if pick >= 0:
                retrieve[slot, pick] += weight
    return trace.write.astype(np.float64) @ retrieve


@pytest.mark.parametrize("count", [1, 3, 60])
def test_rows_equal_the_dense_product(count):
    trace = random_trace(0, count=count)
    assert_allclose(composite_rows(trace, np.arange(60)), dense(trace), atol=1e-12)


def test_rows_sum_to_one_under_renorm_and_to_the_kept_mass_otherwise():
    trace = random_trace(1)
    assert_allclose(composite_rows(trace, np.arange(60)).sum(1), 1, atol=1e-6)
    masked = replace(trace, weights=trace.weights * np.linspace(0.1, 0.7, 7, dtype=np.float32)[:, None])
    expected = masked.write @ masked.weights.sum(1)
    assert_allclose(composite_rows(masked, np.arange(60)).sum(1), expected, atol=1e-6)


def test_only_picked_tokens_have_a_column():
    trace = random_trace(2)
    rows = composite_rows(trace, np.arange(60))
    assert_array_equal(np.flatnonzero(rows.any(0)), np.unique(trace.picks))
    assert np.linalg.matrix_rank(rows) <= 7


def test_empty_places_have_no_column():
    trace = slot_trace(np.array([[3, -1], [4, 3]]), weights=np.array([[1, 0], [0.5, 0.5]], np.float32))
    tokens, retrieve = picked_tokens(trace)
    assert_array_equal(tokens, [3, 4])
    assert_allclose(retrieve, [[1, 0], [0.5, 0.5]])


def test_column_mass_is_the_mean_of_the_valid_rows():
    trace = random_trace(3, valid=half_padding())
    expected = dense(trace)[trace.layout.valid_tokens()].mean(0)
    assert_allclose(composite_column_mass(trace), expected, atol=1e-12)


def test_provenance_is_the_row_sorted_and_split_by_slot():
    trace = random_trace(4)
    found = token_provenance(trace, 27)
    assert (found.task, found.row, found.column) == ("depth", 1, 2)
    assert_allclose(found.slots, trace.write[27])
    assert_allclose(found.weights, dense(trace)[27][found.sources])
    assert (np.diff(found.weights) <= 0).all()
    assert_allclose(found.through.sum(1), found.weights)
    assert_allclose(found.through.sum(0), found.slots, atol=1e-6)
    assert list(found.tasks) == list(TASKS)
    assert_allclose(list(found.tasks.values()), dense(trace)[27].reshape(3, 20).sum(1))


def test_a_token_picked_by_two_slots_is_one_source():
    trace = slot_trace(np.array([[5], [5]]))
    found = token_provenance(trace, 0)
    assert_array_equal(found.sources, [5])
    assert_allclose(found.weights, [1])
    assert_allclose(found.through, [[0.5, 0.5]])


def test_permuting_slots_leaves_the_sources_alone():
    trace = random_trace(5)
    order = np.random.default_rng(0).permutation(7)
    one, other = token_provenance(trace, 9), token_provenance(permuted_slots(trace, order), 9)
    assert_array_equal(one.sources, other.sources)
    assert_allclose(one.weights, other.weights)
    assert_allclose(one.through[:, order], other.through)


@pytest.mark.parametrize(("token", "sentence"), [(60, "tokens are 0 to 59"), (-1, "0 to 59"), (19, "padding")])
def test_a_token_that_is_not_there_is_an_error(token, sentence):
    with pytest.raises(ValueError, match=sentence):
        token_provenance(random_trace(0, valid=half_padding()), token)
