"""Agreement between affinities: closed forms, an independent dense computation, and the planted case."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch

from mtlviz.analysis.affinity.agreement import (
    cka_by_chance,
    entries_of_pairs,
    linear_cka,
    sampled_pairs,
)
from mtlviz.analysis.rank_correlation import rank_correlations
from mtlviz.trace import TokenLayout
from tests.analysis.affinity_traces import N, case, features, module, padded, same_projections


def dense_cka(first: np.ndarray, second: np.ndarray) -> float:
    """From the n x n matrices, as centred kernel alignment is defined."""
    centring = np.eye(len(first)) - 1 / len(first)
    one, other = (centring @ matrix.astype(np.float64) @ centring for matrix in (first, second))
    return float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))


def with_units(*units: np.ndarray):
    return replace(case().trace, units=np.stack(units).astype(np.float32))


@pytest.mark.parametrize("mask", [None, padded()], ids=["whole", "padded"])
def test_cka_is_the_alignment_of_the_centred_matrices(mask):
    made = case(mask)
    inside = np.ones(N, bool) if mask is None else mask[0].numpy()
    matrices = made.matrices[:, inside][:, :, inside]
    expected = [[dense_cka(one, other) for other in matrices] for one in matrices]
    np.testing.assert_allclose(linear_cka(made.trace), expected, atol=1e-6)


def test_cka_is_one_for_the_same_cosines_and_zero_for_orthogonal_ones():
    basis = np.linalg.qr(np.concatenate([np.ones((N, 1)), np.random.default_rng(0).normal(size=(N, 6))], 1))[0]
    first, second = basis[:, 1:4], basis[:, 4:7]  # centred, and no column of one meets one of the other
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    found = linear_cka(with_units(first, first @ rotation, second))
    np.testing.assert_allclose(found, [[1, 1, 0], [1, 1, 0], [0, 0, 1]], atol=1e-6)


def test_a_task_whose_features_are_all_alike_agrees_with_nobody():
    units = case().trace.units
    found = linear_cka(with_units(units[0], np.ones_like(units[1]), units[2]))
    assert np.isnan(found[1]).all()
    assert found[0, 0] == pytest.approx(1)


def test_all_pairs_are_taken_where_they_are_few_and_drawn_from_a_seed_where_they_are_many():
    trace = case(padded()).trace
    inside = np.flatnonzero(padded()[0].numpy())
    pairs = sampled_pairs(trace)
    assert len({*map(tuple, pairs.T)}) == pairs.shape[1] == len(inside) * (len(inside) - 1)
    few = sampled_pairs(trace, count=40)
    assert few.shape == (2, 40)
    assert np.array_equal(few, sampled_pairs(trace, count=40))
    assert not np.array_equal(few, sampled_pairs(trace, count=40, seed=1))
    for drawn in (pairs, few):
        assert set(drawn.ravel()) <= set(inside)
        assert (drawn[0] != drawn[1]).all()


def test_drawn_pairs_are_even_over_all_of_them():
    trace = case().trace
    first, second = sampled_pairs(trace, count=N * (N - 1) - 1)
    every = np.concatenate([sampled_pairs(trace, count=379, seed=seed) for seed in range(200)], 1)
    counts = np.bincount(every[0] * N + every[1], minlength=N * N).reshape(N, N)
    assert not np.diag(counts).any()
    off = counts[~np.eye(N, dtype=bool)]
    assert abs(off - off.mean()).max() < 6 * off.mean() ** 0.5
    assert len(first) == len(second)


@pytest.mark.parametrize("options", [{}, {"fusion": "per_task"}, {"top": 3}], ids=str)
def test_entries_are_those_of_the_matrices(options):
    made = case(**options)
    pairs = sampled_pairs(made.trace, count=150)
    found = entries_of_pairs(made.trace, pairs, group=len(made.fused) - 1)
    np.testing.assert_allclose(found[:-1], made.matrices[:, pairs[0], pairs[1]], atol=1e-6)
    np.testing.assert_allclose(found[-1], made.fused[-1, pairs[0], pairs[1]], atol=2e-6)


def test_the_planted_case_shows_in_both_matrices():
    """Two tasks are given the same features, a third has them at other places: it agrees only once put back."""
    moved = torch.randperm(N, generator=torch.Generator().manual_seed(3))
    first = features()["semseg"]
    given = {"semseg": first, "depth": first, "normals": first.flatten(2)[..., moved].reshape(first.shape)}
    trace = case(given=given, interaction=same_projections(module())).trace
    ranks = rank_correlations(entries_of_pairs(trace, sampled_pairs(trace))[:3])
    for found in (linear_cka(trace), ranks):
        assert found[0, 1] == pytest.approx(1, abs=1e-5)
        assert found[0, 2] == pytest.approx(found[1, 2], abs=1e-5)
        assert found[0, 2] < 0.6
    back = np.argsort(moved.numpy())
    put_back = replace(trace, units=np.stack([*trace.units[:2], trace.units[2][back]]))
    assert linear_cka(put_back) == pytest.approx(1, abs=1e-6)
    assert rank_correlations(entries_of_pairs(put_back, sampled_pairs(trace))[:3]) == pytest.approx(1, abs=1e-4)


def test_chance_is_the_mean_over_all_permutations():
    """All 120 ways to shuffle five positions."""
    units = np.random.default_rng(2).normal(size=(2, 5, 3)).astype(np.float32)
    trace = replace(case().trace, units=units, layout=TokenLayout(("semseg", "depth"), (1, 5)))
    shuffled = [
        linear_cka(replace(trace, units=np.stack([units[0], units[1][list(order)]])))[0, 1]
        for order in permutations(range(5))
    ]
    assert cka_by_chance(trace)[0, 1] == pytest.approx(np.mean(shuffled), abs=1e-6)
