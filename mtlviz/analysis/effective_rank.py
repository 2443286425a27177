"""Effective rank of a map of weights (Roy & Vetterli, 2007): how many different rows it amounts to."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from mtlviz.analysis.attention import attention_rows, row_blocks
from mtlviz.analysis.composite import picked_tokens
from mtlviz.analysis.entropy import entropy
from mtlviz.trace import RowTrace, SlotTrace

EXACT_ROWS = 2048
"""Most rows of a map whose singular values are all computed; beyond, they are estimated."""

DIRECTIONS = 256
"""Leading singular directions that the estimate finds by themselves."""
POWERS = 2
"""Power iterations that find them."""
PROBES = 8
"""Random vectors that measure what is left."""
STEPS = 24
"""Lanczos steps of each."""

Method = Literal["exact", "factors", "estimate"]
Block = Float[np.ndarray, "S k"]
Probes = Float[np.ndarray, "S p"]
Product = Callable[[Block], Block]


def rank_method(trace: RowTrace) -> Method:
    """How ``effective_rank`` computes it: from all singular values, through KEM's factors, or estimated."""
    if isinstance(trace, SlotTrace):
        return "factors"
    return "exact" if trace.layout.valid_tokens().sum() <= EXACT_ROWS else "estimate"


def effective_rank(trace: RowTrace) -> float:
    """Effective rank of the map of all tokens that are not padding.

    Exact up to ``EXACT_ROWS`` rows, in S^3 time and S^2 memory. KEM's map has at most L non-zero singular values, those
    of an L x L matrix made of the map's factors: exact at any size. Beyond, ``estimated_rank``.
    """
    valid = np.flatnonzero(trace.layout.valid_tokens())
    # Several BLAS threads spin against whatever else runs: one is up to thirty times faster on a busy machine.
    with threadpool_limits(1, user_api="blas"):
        if isinstance(trace, SlotTrace):
            write = np.linalg.qr(np.asarray(trace.write, np.float64)[valid]).R  # (min(n, L), L)
            retrieve = np.linalg.qr(picked_tokens(trace)[1].T).R  # (min(M, L), L)
            return rank_of_spectrum(np.linalg.svdvals(write @ retrieve.T))
        if len(valid) > EXACT_ROWS:
            return estimated_rank(trace)
        return rank_of_spectrum(np.linalg.svdvals(attention_rows(trace, valid)[:, valid]))


def rank_of_spectrum(singular_values: Float[np.ndarray, " k"]) -> float:
    """Exponential of the entropy of the normalised singular values: 1 for one, k for k equal ones.

    Raises:
        ValueError: if all are zero or one is not a number.
    """
    total = singular_values.sum(dtype=np.float64)
    if not total > 0:
        raise ValueError("the effective rank of a zero matrix is not defined")
    return float(np.exp(entropy(singular_values.astype(np.float64)[None] / total)[0]))


def estimated_rank(trace: RowTrace, seed: int = 0) -> float:
    """Effective rank by deflated stochastic Lanczos quadrature, without ever holding the map.

    The leading ``DIRECTIONS`` singular values come from a randomised range finder with power iterations (Halko et al.,
    2011); the sums of sigma and sigma log sigma over the others from Lanczos quadrature with random signs (Ubaru et
    al., 2017), in the space that the leading directions leave. Each of the ``POWERS + STEPS + 1`` passes over the rows
    takes S^2 D multiply-adds and S^2 exponentials to make them again.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        seed: of the random vectors.
    """
    valid = np.flatnonzero(trace.layout.valid_tokens())

    def product(vectors: Block) -> Block:
        """The map's transpose times the map times the vectors; rows are made block by block."""
        found = np.zeros_like(vectors)
        for _, rows in row_blocks(trace):
            part = rows[:, valid]
            found += part.T @ (part @ vectors)
        return found

    draw = np.random.default_rng(seed)
    with threadpool_limits(1, user_api="blas"):
        leading, squares = _leading_directions(product, len(valid), draw)
        sigma = np.sqrt(squares)
        signs = draw.choice(np.array([-1.0, 1.0], np.float32), (len(valid), PROBES))
        rest = _quadrature(product, leading, signs)
    total = float(sigma.sum()) + rest[0]
    if not total > 0:
        raise ValueError("the effective rank of a zero matrix is not defined")
    return float(np.exp(np.log(total) - (_times_log(sigma).sum() + rest[1]) / total))


def _leading_directions(
    product: Product, size: int, draw: np.random.Generator
) -> tuple[Block, Float[np.ndarray, " k"]]:
    """Right singular directions of a map and the squares of its singular values along them."""
    basis = draw.normal(size=(size, min(DIRECTIONS, size))).astype(np.float32)
    for _ in range(POWERS):
        basis = np.linalg.qr(product(basis)).Q
    squares, turn = np.linalg.eigh((basis.T @ product(basis)).astype(np.float64))
    return basis @ turn.astype(np.float32), squares.clip(0)


def _quadrature(product: Product, leading: Block, vectors: Probes) -> tuple[float, float]:
    """Sums of sigma and of sigma log sigma over the singular values that the leading directions leave."""
    start = _without(leading, vectors).astype(np.float64)
    sizes = np.square(start).sum(0)  # (probes,)
    if not (sizes > 1e-6 * len(start)).all():
        return 0.0, 0.0  # nothing is left
    basis = [start / np.sqrt(sizes)]
    diagonal: list[np.ndarray] = []
    beside: list[np.ndarray] = []
    for _ in range(min(STEPS, len(start) - leading.shape[1])):
        moved = _without(leading, product(basis[-1].astype(np.float32))).astype(np.float64)
        diagonal.append((moved * basis[-1]).sum(0))
        for direction in basis:  # what rounding has brought back goes again
            moved -= direction * (direction * moved).sum(0)
        beside.append(np.sqrt(np.square(moved).sum(0)))
        basis.append(np.divide(moved, beside[-1], out=np.zeros_like(moved), where=beside[-1] > 0))
    sums = [_of_probe(np.array(diagonal)[:, p], np.array(beside)[:-1, p], sizes[p]) for p in range(len(sizes))]
    return float(np.mean([one[0] for one in sums])), float(np.mean([one[1] for one in sums]))


def _of_probe(diagonal: Float[np.ndarray, " k"], beside: Float[np.ndarray, " k_1"], size: float) -> tuple[float, float]:
    """Gauss quadrature of one random vector: nodes and weights from its tridiagonal matrix."""
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    weights, sigma = size * vectors[0] ** 2, np.sqrt(nodes.clip(0))
    return float(weights @ sigma), float(weights @ _times_log(sigma))


def _without(leading: Block, vectors: Probes) -> Probes:
    found: Probes = vectors - leading @ (leading.T @ vectors)
    return found


def _times_log(sigma: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    logs: Float[np.ndarray, " k"] = np.log(sigma, out=np.zeros_like(sigma), where=sigma > 0)
    found: Float[np.ndarray, " k"] = sigma * logs
    return found
