"""Do two quantities rise together, whatever their scales? Spearman's rank correlation, and what chance reaches."""

import math

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

DOUBT = 1.96
"""Standard errors within which a rank correlation is taken for chance."""


def rank_correlations(rows: Float[np.ndarray, "k n"]) -> Float[np.ndarray, "k k"]:
    """Spearman's rank correlation between rows, ties sharing their mean rank (Spearman, 1904).

    NaN for a constant row, and everywhere with fewer than two columns.

    Args:
        rows: one quantity a row; columns that hold a value that is not finite are left out.
    """
    known = rows[:, np.isfinite(rows).all(0)]
    if known.shape[1] < 2:
        return np.full((len(rows), len(rows)), np.nan)
    ranks = rankdata(known, axis=1)
    centred = ranks - ranks.mean(1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    directions = centred / np.where(lengths > 0, lengths, np.nan)
    return np.asarray(np.clip(directions @ directions.T, -1.0, 1.0))


def rank_correlation(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]) -> float:
    """Spearman's rank correlation of two quantities; NaN as in ``rank_correlations``."""
    return float(rank_correlations(np.stack([first, second]))[0, 1])


def beyond_chance(correlation: float, count: int) -> bool:
    """Whether independent quantities would hardly reach a rank correlation: outside 1.96 / sqrt(n - 1) of 0.

    Args:
        correlation: of ranks; NaN is not beyond chance.
        count: n, values behind it.
    """
    return count > 1 and abs(correlation) >= DOUBT / math.sqrt(count - 1)
