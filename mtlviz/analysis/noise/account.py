"""Both sides of reading much or little: what irrelevant tokens do to what is read, and what a choice does (kem.md 2.6).

Row i reads o = sum_j a_ij x_j of the contents x of its labelled tokens. With s what its relevant tokens alone would
give under the same weights, u the same of the others, eta its noise mass and r the plain mean of the relevant
candidates,

    o - r = eta (u - s) + (s - r).

The first term is the bias of noise: where the others are read evenly it pulls towards the mean token and shrinks the
signal r - mean by eta. The second is the price of a choice: the fewer relevant tokens carry the weight, the further
their mean strays from r, with variance sigma^2 sum_S a^2 / (sum_S a)^2 for tokens that scatter independently.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.attention_statistics import candidate_mask
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.trace import RowTrace

Tokens = Int[np.ndarray, " rows"]
Rows = Float[np.ndarray, "rows S"]
PerRow = Float[np.ndarray, " rows"]
Vectors = Float[np.ndarray, "rows D"]
SAME = 1e-6
"""Distances below this share of a vector's length are rounding."""


@dataclass(frozen=True)
class Account:
    """Numbers of the rows of some tokens, each ``(rows,)``; NaN where a row has none.

    Attributes:
        attenuation: share of the signal r - mean that is missing in o - mean, along it: 0 all there, 1 only the mean
            token is left, below 0 more than there was.
        bias: |o - s| / |r|, the first term; all of o - r where nothing relevant is read.
        toward_mean: cosine of the bias with the way to the mean token: 1 pure smoothing.
        selection: |s - r| / |r|, the second term.
        selection_variance: sum_S a^2 / (sum_S a)^2: 1/m where m relevant tokens are read alike, 1/K for K of them.
        error: |o - r| / |r|, both terms together: one may cancel a part of the other.
    """

    attenuation: PerRow
    bias: PerRow
    toward_mean: PerRow
    selection: PerRow
    selection_variance: PerRow
    error: PerRow


def account_of_rows(
    trace: RowTrace, tokens: Tokens, rows: Rows, labels: Int[np.ndarray, " N"], contents: Float[np.ndarray, "S D"]
) -> Account:
    """Both sides for the rows of ``tokens``.

    Args:
        trace: of attention or slots, as CPU arrays.
        tokens: whose rows.
        rows: of weights.
        labels: of each place on the token grid, the oracle.
        contents: of every token, in any space that the reading mixes linearly: the interaction's input.
    """
    every = np.tile(labels, len(trace.layout.tasks))
    known = every != UNKNOWN
    same = (every[tokens, None] == every) & known  # (rows, S)
    weights = rows * known
    signal = weights * same
    read, total = _mean(weights, contents)
    relevant, mass = _mean(signal, contents)
    allowed = candidate_mask(trace, tokens) & known
    reference, count = _mean((allowed & same).astype(rows.dtype), contents)
    middle, _ = _mean(allowed.astype(rows.dtype), contents)
    there = (count > 0) & (total > 0)
    relevant = np.where(mass[:, None] > 0, relevant, reference)
    size = np.where(there, np.linalg.norm(reference, axis=1), np.nan)
    squares = np.square(signal, dtype=np.float64).sum(1)
    return Account(
        attenuation=1 - _along(read - middle, reference - middle, size),
        bias=np.linalg.norm(read - relevant, axis=1) / size,
        toward_mean=_cosine(read - relevant, middle - relevant, size),
        selection=np.where(mass > 0, np.linalg.norm(relevant - reference, axis=1) / size, np.nan),
        selection_variance=_divided(squares, np.where(there, mass**2, np.nan)),
        error=np.linalg.norm(read - reference, axis=1) / size,
    )


def _mean(weights: Rows, contents: Float[np.ndarray, "S D"]) -> tuple[Vectors, PerRow]:
    """Weighted means of the contents, 0 without weight, and the weights' sums."""
    total = weights.sum(1, dtype=np.float64)
    mean: Vectors = (weights @ contents).astype(np.float64) / np.where(total > 0, total, 1)[:, None]
    return mean, total


def _along(vectors: Vectors, direction: Vectors, size: PerRow) -> PerRow:
    """Component of a vector along a direction, in lengths of the direction."""
    squares = np.square(direction).sum(1)
    return _divided((vectors * direction).sum(1), np.where(squares > (SAME * size) ** 2, squares, np.nan))


def _cosine(first: Vectors, second: Vectors, size: PerRow) -> PerRow:
    lengths = np.stack([np.linalg.norm(vectors, axis=1) for vectors in (first, second)])
    product = np.where((lengths > SAME * size).all(0), lengths.prod(0), np.nan)
    return _divided((first * second).sum(1), product)


def _divided(part: PerRow, whole: PerRow) -> PerRow:
    found: PerRow = np.full(len(part), np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found
