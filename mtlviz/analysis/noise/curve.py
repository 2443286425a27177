"""Noise against the number of tokens: the same map with fewer places that take part."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int

from mtlviz.analysis.attention import row_blocks
from mtlviz.analysis.attention_statistics import candidate_counts, noise_of_rows
from mtlviz.analysis.noise.floors import row_floors
from mtlviz.analysis.noise.maps import floor_ranges
from mtlviz.trace import RowTrace, SlotTrace

FRACTIONS = (0.125, 0.25, 0.5, 1.0)
"""Shares of the places that are kept."""


@dataclass(frozen=True)
class CurvePoint:
    """Means over the readers among the places that are kept.

    Attributes:
        candidates: n, tokens that could be read.
        noise: mass on tokens of another label.
        chance: the same if all candidates were read alike.
        floor: the least that a softmax with the measured logits leaves; NaN where none holds.
    """

    candidates: float
    noise: float
    chance: float
    floor: float


def token_curve(
    trace: RowTrace, labels: Int[np.ndarray, " N"], seed: int, fractions: tuple[float, ...] = FRACTIONS
) -> list[CurvePoint]:
    """Noise mass with a share of the places, one point a fraction.

    Places are drawn without replacement, larger draws holding the smaller ones, the same for all tasks. Attention
    follows exactly, its softmax over the tokens that are left. Of KEM, Retrieve follows exactly, its picks among the
    tokens that are left with renormalised weights; Write keeps the weights that it had with all tokens.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        labels: of each place on the token grid.
        seed: of the draw.
        fractions: shares of the places that are not padding.
    """
    places = np.flatnonzero(trace.layout.valid_tokens()[: trace.layout.tokens_per_task])
    order = np.random.default_rng(seed).permutation(places)
    found = []
    for fraction in fractions:
        kept = np.zeros(trace.layout.tokens_per_task, bool)
        kept[order[: max(1, round(fraction * len(places)))]] = True
        found.append(_point(only_places(trace, kept), labels))
    return found


def only_places(trace: RowTrace, kept: Bool[np.ndarray, " N"]) -> RowTrace:
    """The trace as if the other places were padding."""
    layout = replace(trace.layout, valid=kept & trace.layout.valid_tokens()[: len(kept)])
    if not isinstance(trace, SlotTrace):
        return replace(trace, layout=layout)
    valid = layout.valid_tokens()
    if (valid == trace.layout.valid_tokens()).all():
        return trace
    logits = np.where(valid, np.asarray(trace.logits, np.float64), -np.inf)
    picks = np.argsort(-logits, axis=1, kind="stable")[:, : np.asarray(trace.picks).shape[1]]
    best = np.take_along_axis(logits, picks, 1)
    weights = np.exp(best - best.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    return replace(
        trace, layout=layout, logits=logits, picks=np.where(np.isfinite(best), picks, -1), weights=weights
    )  # fmt: skip


def _point(trace: RowTrace, labels: Int[np.ndarray, " N"]) -> CurvePoint:
    parts = []
    for tokens, rows in row_blocks(trace):
        noise = noise_of_rows(trace, tokens, rows, labels)
        counts = candidate_counts(trace, tokens).astype(np.float64)
        floor = row_floors(noise.chance, floor_ranges(trace, tokens))
        parts.append(np.stack([counts, noise.mass, noise.chance, floor]))
    values = np.concatenate(parts, 1)  # (4, rows)
    values[1:, ~np.isfinite(values[1])] = np.nan
    means = (float(row[np.isfinite(row)].mean()) if np.isfinite(row).any() else float("nan") for row in values)
    return CurvePoint(*means)
