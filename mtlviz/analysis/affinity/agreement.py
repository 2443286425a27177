"""How much do the tasks' affinities agree over the whole image?"""

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from mtlviz.analysis.affinity.rows import fused_rows, position_blocks, task_rows, valid_mask
from mtlviz.trace import AffinityTrace

PAIRS = 100_000
"""Pairs of positions behind a rank correlation."""


def linear_cka(trace: AffinityTrace) -> Float[np.ndarray, "T T"]:
    """Centred kernel alignment of the tasks' cosines (Kornblith et al., 2019; Cortes et al., 2012).

    With X_t the unit features less their mean over the image, |X_s^T X_t|^2 / (|X_s^T X_s| |X_t^T X_t|): the cosine
    between the two centred n x n matrices, computed from C x C ones. 1 for the same cosines, 0 where X_s^T X_t = 0;
    unrelated features lie above 0 (``cka_by_chance``). NaN for a task whose features are all alike. It describes the
    cosines also of a model that turns them into another similarity.
    """
    centred = _centred(trace)
    tasks, positions = centred.shape[:2]
    with threadpool_limits(1, user_api="blas"):  # matrices too small to be worth waking other threads
        cross = np.array([[((centred[s].T @ centred[t]) ** 2).sum() for t in range(tasks)] for s in range(tasks)])
    return _normalised(cross, 1e-12 * positions**2)


def cka_by_chance(trace: AffinityTrace) -> Float[np.ndarray, "T T"]:
    """Mean of ``linear_cka`` over all ways to shuffle one task's positions: what unrelated features reach.

    For centred matrices K and L the mean of <K, P L P^T> over permutations P is tr K tr L / (n - 1).
    """
    centred = _centred(trace)
    lengths = (centred**2).sum((1, 2))
    with threadpool_limits(1, user_api="blas"):
        sizes = np.array([np.linalg.norm(one.T @ one) for one in centred])
    scaled = np.divide(lengths, sizes, out=np.full_like(lengths, np.nan), where=sizes > 1e-12 * centred.shape[1])
    chance: Float[np.ndarray, "T T"] = scaled[:, None] * scaled / (centred.shape[1] - 1)
    return chance


def sampled_pairs(trace: AffinityTrace, count: int = PAIRS, seed: int = 0) -> Int[np.ndarray, "2 p"]:
    """Ordered pairs of different positions of the image: all of them, or ``count`` drawn with replacement.

    A position and itself are no pair: every task gives them 1.
    """
    positions = np.flatnonzero(valid_mask(trace))
    n = len(positions)
    if n * (n - 1) <= count:
        first, second = np.divmod(np.arange(n * (n - 1)), max(n - 1, 1))
    else:
        drawn = np.random.default_rng(seed).integers(0, (n, n - 1), (count, 2))
        first, second = drawn.T
    return np.stack([positions[first], positions[second + (second >= first)]])


def entries_of_pairs(
    trace: AffinityTrace, pairs: Int[np.ndarray, "2 p"], group: int = 0
) -> Float[np.ndarray, "sides p"]:
    """What every task's affinity, and last G, hold at pairs (query, key); their rows are streamed."""
    tasks = len(trace.layout.tasks)
    entries = np.empty((tasks + 1, pairs.shape[1]), np.float32)
    order = np.argsort(pairs[0], kind="stable")
    queries, keys = pairs[:, order]
    for positions in position_blocks(trace):
        start, end = np.searchsorted(queries, (positions[0], positions[-1] + 1))
        asked = order[start:end]
        local = np.searchsorted(positions, queries[start:end])
        for task in range(tasks):
            entries[task, asked] = task_rows(trace, task, positions)[local, keys[start:end]]
        entries[tasks, asked] = fused_rows(trace, positions, group)[local, keys[start:end]]
    return entries


def _centred(trace: AffinityTrace) -> Float[np.ndarray, "T v C"]:
    """Unit features of the image's positions less their mean."""
    units = np.asarray(trace.units, np.float64)[:, valid_mask(trace)]
    centred: Float[np.ndarray, "T v C"] = units - units.mean(1, keepdims=True)
    return centred


def _normalised(products: Float[np.ndarray, "k k"], least: float) -> Float[np.ndarray, "k k"]:
    """Products divided by the roots of their diagonal; NaN where that is not above ``least``."""
    scale = np.sqrt(np.where(np.diag(products) > least, np.diag(products), np.nan))
    normalised: Float[np.ndarray, "k k"] = np.clip(products / scale / scale[:, None], -1, 1)
    return normalised
