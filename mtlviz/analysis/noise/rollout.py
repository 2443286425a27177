"""Attention rollout: what reaches a decoder through an interaction and past it (Abnar & Zuidema, 2020; kem.md 3.17).

A token leaves as F_i + w F^_i. Rollout takes the token itself and what it reads by the weights of that sum, the rows of
I + |w| A over their sums, and multiplies such matrices over layers. There is one layer of interaction here, and around
it convolutions that mix neighbours alone: one matrix is all of the rollout, for cross-attention and for KEM's composite
map alike, and it says no more than A and the share that is read. Weights count both terms as equally large; by size,
the share is that of the length of what is written in both lengths (in the manner of Kobayashi et al., 2021).
"""

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.attention import attention_rows
from mtlviz.trace import InteractionTrace, RowTrace

Tokens = Int[np.ndarray, " rows"]
PerRow = Float[np.ndarray, " rows"]


def shares_by_weight(mass: PerRow, residual: float) -> PerRow:
    """Share of each rollout row that is read from tokens, |w| m / (1 + |w| m); the rest is the token itself.

    Args:
        mass: m, sum of each row's weights.
        residual: w.
    """
    read = abs(residual) * mass
    shares: PerRow = read / (1 + read)
    return shares


def shares_by_size(
    trace: InteractionTrace, before: Float[np.ndarray, "S D"], kept: float = 1.0
) -> Float[np.ndarray, " S"]:
    """The same with lengths for weights, |w F^_i| / (|kept F_i| + |w F^_i|) of every token; 0 where both are 0.

    Args:
        trace: of any interaction, as CPU arrays.
        before: F, what written content is added to.
        kept: weight of F in the sum.
    """
    written = abs(trace.residual) * np.linalg.norm(np.asarray(trace.written, np.float64), axis=1)
    total = written + abs(kept) * np.linalg.norm(np.asarray(before, np.float64), axis=1)
    shares: Float[np.ndarray, " S"] = np.divide(written, total, out=np.zeros_like(written), where=total > 0)
    return shares


def rollout_rows(trace: RowTrace, tokens: Tokens, shares: PerRow | None = None) -> Float[np.ndarray, "rows S"]:
    """Rows of the rollout; each sums to 1.

    Args:
        trace: of attention or slots, as CPU arrays.
        tokens: whose rows.
        shares: of each row that is read; None takes ``shares_by_weight``.
    """
    rows = np.asarray(attention_rows(trace, tokens), np.float64)
    mass = rows.sum(1)
    read = shares_by_weight(mass, trace.residual) if shares is None else np.where(mass > 0, shares, 0)
    rows *= (read / np.where(mass > 0, mass, 1))[:, None]
    rows[np.arange(len(tokens)), tokens] += 1 - read
    return rows


def rollout_noise(noise: PerRow, labelled: PerRow, mass: PerRow, shares: PerRow) -> PerRow:
    """Noise mass of rollout rows from that of the rows of weights: a token is no noise to itself.

    Args:
        noise: share of the labelled mass on other labels; NaN stays NaN.
        labelled: mass on tokens with a label.
        mass: of the row.
        shares: of the rollout row that is read.
    """
    read = shares * labelled / np.where(mass > 0, mass, 1)
    found: PerRow = read * noise / (1 - shares + read)
    return found
