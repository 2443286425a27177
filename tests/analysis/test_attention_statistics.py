"""Statistics of attention maps against closed forms."""

import numpy as np
import pytest

from mtlviz.analysis.attention import attention_rows
from mtlviz.analysis.attention_statistics import map_statistics, row_noise, row_statistics
from mtlviz.analysis.effective_rank import effective_rank, rank_of_spectrum
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.trace import AttentionTrace, SlotTrace, TokenLayout

GRID = (4, 5)
N = 20


def attention(queries: np.ndarray, keys: np.ndarray, valid: np.ndarray | None = None, tasks: int = 2) -> AttentionTrace:
    layout = TokenLayout(tuple("abcd"[:tasks]), GRID, valid)
    return AttentionTrace(layout, queries, keys, keys, keys, 1.0)


def uniform(valid: np.ndarray | None = None, tasks: int = 2) -> AttentionTrace:
    return attention(np.zeros((tasks * N, 4), np.float32), np.ones((tasks * N, 4), np.float32), valid, tasks)


def slots(picks: np.ndarray, weights: np.ndarray, write: np.ndarray, valid: np.ndarray | None = None) -> SlotTrace:
    layout = TokenLayout(("a", "b"), GRID, valid)
    memory = np.zeros((len(picks), 4), np.float32)
    logits = np.zeros((len(picks), 2 * N), np.float32)
    return SlotTrace(layout, logits, picks, weights, write, memory, memory, np.zeros((2 * N, 4), np.float32), 1.0)


def random_slots(count: int = 5, picks: int = 3) -> SlotTrace:
    rng = np.random.default_rng(3)
    chosen = np.stack([rng.permutation(2 * N)[:picks] for _ in range(count)])
    weights, write = rng.random((count, picks)), rng.random((2 * N, count))
    return slots(chosen, weights / weights.sum(1, keepdims=True), write / write.sum(1, keepdims=True))


def test_uniform_logits_give_entropy_one_and_every_candidate_takes_part() -> None:
    statistics = row_statistics(uniform(tasks=3), [0, 25])
    np.testing.assert_allclose(statistics.entropy, 1, atol=1e-6)
    np.testing.assert_allclose(statistics.participation, 2 * N, rtol=1e-5)
    np.testing.assert_array_equal(statistics.candidates, 2 * N)
    np.testing.assert_array_equal(statistics.top_p_tokens, 36)  # 90 % of 40
    np.testing.assert_allclose(statistics.sources, [[0, 0.5, 0.5], [0.5, 0, 0.5]], atol=1e-6)


def test_a_row_on_one_token_has_entropy_zero_and_one_participant() -> None:
    keys = np.zeros((2 * N, 4), np.float32)
    keys[N + 3, 0] = 1
    statistics = row_statistics(attention(np.full((2 * N, 4), 1e3, np.float32), keys), [0])
    np.testing.assert_allclose(statistics.entropy, 0, atol=1e-6)
    np.testing.assert_allclose(statistics.participation, 1)
    assert statistics.top_p_tokens[0] == 1


def test_entropy_of_kem_is_relative_to_all_valid_tokens_not_to_the_picks() -> None:
    valid = np.arange(N) < 16
    trace = slots(np.array([[0, 1, 2, 3]]), np.full((1, 4), 0.25), np.ones((2 * N, 1)), valid)
    statistics = row_statistics(trace, [0])
    np.testing.assert_allclose(statistics.entropy, np.log(4) / np.log(32))
    np.testing.assert_allclose(statistics.participation, 4)


def test_mass_dropped_by_the_competition_is_reported_and_statistics_describe_the_rest() -> None:
    trace = slots(np.array([[0, 25]]), np.array([[0.2, 0.2]]), np.ones((2 * N, 1)))
    statistics = row_statistics(trace, [0])
    np.testing.assert_allclose(statistics.mass, 0.4)
    np.testing.assert_allclose(statistics.sources, [[0.5, 0.5]])
    np.testing.assert_allclose(statistics.participation, 2)


def test_effective_rank_of_an_identity_is_its_size_and_of_a_rank_one_map_is_one() -> None:
    assert rank_of_spectrum(np.linalg.svd(np.eye(7), compute_uv=False)) == pytest.approx(7)
    assert effective_rank(slots(np.array([[0, 1]]), np.array([[0.5, 0.5]]), np.ones((2 * N, 1)))) == pytest.approx(1)
    keys = np.eye(2 * N, dtype=np.float32)
    swapped = np.roll(keys, N, 0) * 1e4  # every token reads its twin in the other task: a permutation
    assert effective_rank(attention(swapped, keys)) == pytest.approx(2 * N)
    assert effective_rank(uniform()) == pytest.approx(2)  # one block a task
    with pytest.raises(ValueError, match="zero matrix"):
        rank_of_spectrum(np.zeros(3))


def test_effective_rank_of_kem_through_its_factors_equals_that_of_the_whole_map() -> None:
    trace = random_slots()
    whole = np.linalg.svd(attention_rows(trace, np.arange(2 * N)), compute_uv=False)
    assert effective_rank(trace) == pytest.approx(rank_of_spectrum(whole[:5]), rel=1e-9)
    assert effective_rank(trace) <= 5


def test_column_mass_sums_to_one_and_counts_the_tokens_that_are_read() -> None:
    trace = random_slots()
    statistics = map_statistics(trace)
    np.testing.assert_allclose(statistics.columns.sum(), 1)
    assert statistics.read_tokens == len(np.unique(trace.picks))
    np.testing.assert_allclose(statistics.sources.sum(1), 1)
    np.testing.assert_allclose(statistics.columns, attention_rows(trace, np.arange(2 * N)).mean(0))


def test_means_of_the_map_leave_out_padding() -> None:
    valid = np.ones(N, bool)
    valid[[0, 6]] = False
    statistics = map_statistics(uniform(valid), rank=False)
    assert len(statistics.rows.tokens) == 36
    assert statistics.effective_rank is None
    np.testing.assert_allclose(statistics.rows.entropy, 1, atol=1e-6)
    np.testing.assert_allclose(statistics.columns[statistics.columns > 0], 1 / 36, rtol=1e-6)
    np.testing.assert_allclose(statistics.sources, [[0, 1], [1, 0]], atol=1e-6)


def test_noise_of_uniform_reading_is_chance() -> None:
    labels = np.repeat([0, 1], [5, 15])
    noise = row_noise(uniform(), [0, 19, N + 7], labels)
    np.testing.assert_allclose(noise.mass, [0.75, 0.25, 0.25], rtol=1e-5)
    np.testing.assert_allclose(noise.relative, 1, rtol=1e-5)


def test_reading_only_the_own_class_is_free_of_noise() -> None:
    labels = np.repeat([0, 1], [5, 15])
    trace = slots(np.array([[1, 22]]), np.array([[0.5, 0.5]]), np.ones((2 * N, 1)))
    noise = row_noise(trace, [0, 10], labels)
    np.testing.assert_allclose(noise.mass, [0, 1])
    np.testing.assert_allclose(noise.chance, [0.75, 0.25])


def test_tokens_without_a_label_enter_no_noise() -> None:
    labels = np.repeat([0, UNKNOWN, 1], [5, 5, 10])
    noise = row_noise(uniform(), [0, 7], labels)
    np.testing.assert_allclose(noise.mass, [10 / 15, np.nan], rtol=1e-5)
    np.testing.assert_allclose(noise.relative, [1, np.nan], rtol=1e-5)


def test_chance_is_taken_among_each_models_own_candidates() -> None:
    valid = np.arange(N) >= 2
    labels = np.repeat([0, 1], [5, 15])
    noise = map_statistics(uniform(valid), labels).noise
    assert noise is not None
    np.testing.assert_allclose(noise.chance[0], 15 / 18)
