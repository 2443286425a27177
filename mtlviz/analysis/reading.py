"""What does one token read, in numbers that compare between models?"""

from dataclasses import dataclass
from typing import Literal, SupportsFloat

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.attention import Readable, attention_rows, logit_half_range, noise_floor, readable
from mtlviz.analysis.attention_statistics import (
    TOP_P,
    MapStatistics,
    Noise,
    RowStatistics,
    map_statistics,
    row_noise,
    row_statistics,
)
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.analysis.write_map import written_variation
from mtlviz.trace import AttentionTrace, RowTrace, SlotTrace

LARGEST_RANK = 4096
"""Most tokens for which the effective rank of cross-attention, S^3 time, is computed without being asked."""

Unit = Literal["tokens", "share", "number", "times"]


@dataclass(frozen=True)
class Quantity:
    """One number of a reading; NaN where it does not exist.

    Attributes:
        title: what it is called.
        token: for the picked token.
        whole: mean over all tokens of the image, or of the whole map.
        unit: ``tokens``, ``share`` (0 to 1), ``number`` or ``times`` (relative to chance).
        definition: one sentence.
    """

    title: str
    token: float
    whole: float
    unit: Unit
    definition: str


@dataclass(frozen=True)
class Reading:
    """What one token reads, beside what all tokens read.

    Attributes:
        trace: of the model.
        token: index of the reading token.
        row: ``(S,)`` its weights.
        readable: which tokens it could read, and which it does.
        statistics: of its row.
        noise: of its row, None without labels.
        whole: statistics of the map.
        floor: the least mass that softmax has to leave on other classes with this row's logits (kem.md 2.6);
            NaN without labels and for KEM, whose competition can leave none.
    """

    trace: RowTrace
    token: int
    row: Float[np.ndarray, " S"]
    readable: Readable
    statistics: RowStatistics
    noise: Noise | None
    whole: MapStatistics
    floor: float

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """All numbers with their definitions."""
        return (*_spread(self), *_noise(self), *_of_the_map(self))


def read_token(
    trace: RowTrace, token: int, whole: MapStatistics, labels: Int[np.ndarray, " N"] | None = None
) -> Reading:
    """What ``token`` reads.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        token: index into the S tokens.
        whole: ``whole_map`` of the same trace and labels.
        labels: of each place on the token grid (``token_classes``, ``token_depth_bins``).
    """
    return Reading(
        trace=trace,
        token=token,
        row=attention_rows(trace, [token])[0],
        readable=readable(trace, token),
        statistics=row_statistics(trace, [token]),
        noise=None if labels is None else row_noise(trace, [token], labels),
        whole=whole,
        floor=float("nan") if labels is None else _floor(trace, token, labels),
    )


def whole_map(trace: RowTrace, labels: Int[np.ndarray, " N"] | None = None) -> MapStatistics:
    """Statistics of the map; the effective rank of cross-attention only up to ``LARGEST_RANK`` tokens."""
    return map_statistics(trace, labels, rank=isinstance(trace, SlotTrace) or trace.layout.tokens <= LARGEST_RANK)


def _floor(trace: RowTrace, token: int, labels: Int[np.ndarray, " N"]) -> float:
    own = labels[token % trace.layout.tokens_per_task]
    if own == UNKNOWN or not isinstance(trace, AttentionTrace):
        return float("nan")
    candidates = readable(trace, token).candidates & (np.tile(labels, len(trace.layout.tasks)) != UNKNOWN)
    same = candidates & (np.tile(labels, len(trace.layout.tasks)) == own)
    return noise_floor(int(candidates.sum()), int(same.sum()), logit_half_range(trace, token))


def _spread(reading: Reading) -> tuple[Quantity, ...]:
    row, rows = reading.statistics, reading.whole.rows
    return (
        _quantity("Tokens it could read", row.candidates[0], rows.candidates.mean(), "tokens",
                 "Tokens that compete for being read, n: cross-attention the other tasks', KEM all tasks'."),
        _quantity("Tokens it reads", (reading.row > 0).sum(), reading.whole.read_tokens, "tokens",
                 "Tokens with a weight above 0; for the whole map, tokens that anyone reads."),
        _quantity("Entropy", row.entropy[0], rows.entropy.mean(), "number",
                 "-Σ a log a / log n: 0 when one token is read, 1 when all n are read alike."),
        _quantity("Participation", row.participation[0], rows.participation.mean(), "tokens",
                 "1 / Σ a²: the number of tokens that equal weights would need to be as spread."),
        _quantity(f"Tokens that hold {TOP_P:.0%}", row.top_p_tokens[0], rows.top_p_tokens.mean(), "tokens",
                 f"The fewest tokens that together hold {TOP_P:.0%} of the weight."),
    )  # fmt: skip


def _noise(reading: Reading) -> tuple[Quantity, ...]:
    row, whole = reading.noise, reading.whole.noise
    if row is None or whole is None:
        return ()
    return (
        _quantity("Weight on other labels", row.mass[0], _mean(whole.mass), "share",
                 "Share of the weight on tokens whose true label differs from the reader's (noise mass)."),
        _quantity("The same at chance", row.chance[0], _mean(whole.chance), "share",
                 "Noise mass of a reader that reads all its n tokens alike."),
        _quantity("Noise over chance", row.relative[0], _mean(whole.relative), "times",
                 "Noise mass / noise mass at chance: comparable between models; 1 is no choice at all."),
        _quantity("Least noise softmax allows", reading.floor, float("nan"), "share",
                 "1 / (1 + m / (n - m) · e^2B) for m tokens of the reader's label and this row's logits, "
                 "half their range being B; KEM's competition can leave none."),
    )  # fmt: skip


def _of_the_map(reading: Reading) -> tuple[Quantity, ...]:
    whole, absent = reading.whole, float("nan")
    rank = absent if whole.effective_rank is None else whole.effective_rank
    return (
        _quantity("Effective rank", absent, rank, "number",
                 "exp of the entropy of the map's normalised singular values: how many different rows it "
                 "amounts to. At most L for KEM."),
        _quantity("Most-read token", absent, float(whole.columns.max()), "share",
                 "Largest column mean: the share of everybody's weight that one token receives."),
        _quantity("Variation of what is written", absent, written_variation(reading.trace), "number",
                 "Variance of F^ between tokens over its mean square: 0 when every token receives the same "
                 "vector, however its map looks; 1 when the vectors cancel out."),
    )  # fmt: skip


def _quantity(title: str, token: SupportsFloat, whole: SupportsFloat, unit: Unit, definition: str) -> Quantity:
    return Quantity(title, float(token), float(whole), unit, definition)


def _mean(values: Float[np.ndarray, " rows"]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
