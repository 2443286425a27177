"""How concentrated, how mixed and how noisy what tokens read is; the same code for KEM and cross-attention.

Statistics of a row describe its weights divided by their sum. Where a number depends on how many tokens could
have been read, it is taken relative to the model's own number of candidates.
"""

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from mtlviz.analysis.attention import BLOCK_ENTRIES, attention_rows, readable, row_blocks
from mtlviz.analysis.effective_rank import effective_rank
from mtlviz.analysis.entropy import normalised_entropy
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.trace import RowTrace, TokenLayout

TOP_P = 0.9
"""Share of the mass that ``top_p_tokens`` counts tokens for."""
TOP_PS = (0.1, 0.25, 0.5, 0.75, TOP_P, 0.95, 0.99)
"""Shares of the mass of the curve ``top_p_counts``."""

Rows = Float[np.ndarray, "rows S"]
PerRow = Float[np.ndarray, " rows"]


@dataclass(frozen=True)
class RowStatistics:
    """Numbers of the rows of some tokens, each ``(rows,)`` unless said otherwise.

    Attributes:
        tokens: int, whose rows.
        candidates: int, tokens that could have been read.
        mass: sum of the weights, 1 unless KEM's competition drops mass.
        entropy: -sum a log a / log candidates; 0 one token, 1 all candidates alike.
        participation: 1 / sum a^2, the number of tokens that equal weights would need to be as spread.
        top_p_counts: int ``(rows, P)``, the fewest tokens that hold each share ``TOP_PS`` of the mass.
        sources: ``(rows, T)`` mass on the tokens of each task.
    """

    tokens: Int[np.ndarray, " rows"]
    candidates: Int[np.ndarray, " rows"]
    mass: PerRow
    entropy: PerRow
    participation: PerRow
    top_p_counts: Int[np.ndarray, "rows P"]
    sources: Float[np.ndarray, "rows T"]

    @property
    def top_p_tokens(self) -> Int[np.ndarray, " rows"]:
        """The fewest tokens that hold ``TOP_P`` of the mass."""
        return self.top_p_counts[:, TOP_PS.index(TOP_P)]


@dataclass(frozen=True)
class Noise:
    """Mass on tokens of other classes than the reading token's (kem.md 3.17), each ``(rows,)``.

    NaN where the reading token, or everything it reads, has no label.

    Attributes:
        mass: share of the labelled mass that lies on other classes, 0 to 1.
        chance: the same for a row that reads all its labelled candidates alike.
    """

    mass: PerRow
    chance: PerRow

    @property
    def relative(self) -> PerRow:
        """Mass over chance: 1 as noisy as reading everything alike, 0 without noise; NaN for no chance."""
        relative: PerRow = np.full(len(self.mass), np.nan)
        np.divide(self.mass, self.chance, out=relative, where=self.chance > 0)
        return relative


@dataclass(frozen=True)
class MapStatistics:
    """The whole S x S map; means over all tokens that are not padding.

    Attributes:
        rows: statistics of every row.
        sources: ``(T, T)`` mass that the readers of each task (rows) take from each task (columns).
        columns: ``(S,)`` mean weight with which each token is read (its column mass).
        read_tokens: tokens with a column mass above 0.
        effective_rank: exp of the entropy of the normalised singular values, 1 to S, see ``effective_rank``; None if
            not asked for.
        noise: of every row, or None without labels.
    """

    rows: RowStatistics
    sources: Float[np.ndarray, "T T"]
    columns: Float[np.ndarray, " S"]
    read_tokens: int
    effective_rank: float | None
    noise: Noise | None


PerRows = TypeVar("PerRows", RowStatistics, Noise)


def row_statistics(trace: RowTrace, tokens: Int[np.ndarray, " rows"] | list[int]) -> RowStatistics:
    """Statistics of the rows of ``tokens``."""
    wanted = np.asarray(tokens, np.int64).reshape(-1)
    return statistics_of_rows(trace, wanted, attention_rows(trace, wanted))


def row_noise(trace: RowTrace, tokens: Int[np.ndarray, " rows"] | list[int], labels: Int[np.ndarray, " N"]) -> Noise:
    """Noise mass of the rows of ``tokens``.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        tokens: indices into the S tokens.
        labels: of each place on the token grid (``token_classes``, ``token_depth_bins``), one for all tasks.
    """
    wanted = np.asarray(tokens, np.int64).reshape(-1)
    return noise_of_rows(trace, wanted, attention_rows(trace, wanted), labels)


def map_statistics(
    trace: RowTrace, labels: Int[np.ndarray, " N"] | None = None, *, rank: bool = True, entries: int = BLOCK_ENTRIES
) -> MapStatistics:
    """Statistics of the whole map, exact and streamed in blocks of rows.

    Takes S^2 D multiply-adds, S^2 exponentials (cross-attention) and the sorting of S rows of S numbers, in memory for
    a few blocks: the map is never held.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        labels: of each place on the token grid, for the noise mass.
        rank: compute the effective rank, see there what it takes.
        entries: weights of a block.
    """
    layout = trace.layout
    parts, noises = [], []
    columns = np.zeros(layout.tokens)
    for tokens, rows in row_blocks(trace, entries=entries):
        parts.append(statistics_of_rows(trace, tokens, rows))
        columns += rows.sum(0, dtype=np.float64)
        if labels is not None:
            noises.append(noise_of_rows(trace, tokens, rows, labels))
    statistics = _joined(parts)
    tasks = statistics.tokens // layout.tokens_per_task
    sources = np.stack([statistics.sources[tasks == task].mean(0) for task in range(len(layout.tasks))])
    columns /= len(statistics.tokens)
    return MapStatistics(
        rows=statistics,
        sources=sources,
        columns=columns,
        read_tokens=int((columns > 0).sum()),
        effective_rank=effective_rank(trace) if rank else None,
        noise=_joined(noises) if noises else None,
    )


def statistics_of_rows(trace: RowTrace, tokens: Int[np.ndarray, " rows"], rows: Rows) -> RowStatistics:
    """``row_statistics`` of rows that are there already, of ``row_blocks`` for example."""
    mass = rows.sum(1, dtype=np.float64)
    shares = rows / np.where(mass > 0, mass, 1)[:, None].astype(rows.dtype)
    candidates = candidate_counts(trace, tokens)
    ordered = np.sort(shares, 1)[:, ::-1].cumsum(1, dtype=np.float64)
    sources = shares.reshape(len(rows), len(trace.layout.tasks), -1).sum(2, dtype=np.float64)
    return RowStatistics(
        tokens=tokens,
        candidates=candidates,
        mass=mass,
        entropy=normalised_entropy(shares, candidates),
        participation=1 / np.square(shares, dtype=np.float64).sum(1),
        top_p_counts=np.stack([(ordered < share).sum(1) + 1 for share in TOP_PS], 1),
        sources=sources,
    )


def noise_of_rows(
    trace: RowTrace,
    tokens: Int[np.ndarray, " rows"],
    rows: Rows,
    labels: Int[np.ndarray, " N"],
    among: Bool[np.ndarray, " S"] | None = None,
) -> Noise:
    """``row_noise`` of rows that are there already, of ``row_blocks`` for example.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        tokens: whose rows.
        rows: of weights.
        labels: of each place on the token grid.
        among: tokens that can be relevant; all others are noise whatever their label. None takes all.
    """
    every = _of_all_tokens(labels, trace.layout)
    own = every[tokens]
    known = every != UNKNOWN
    relevant = known if among is None else known & among
    other = known[None] & ~((every[None] == own[:, None]) & relevant)  # (rows, S)
    mass = _share((rows * other).sum(1, dtype=np.float64), rows[:, known].sum(1, dtype=np.float64), own)
    allowed = candidate_mask(trace, tokens)  # (rows, S)
    chance = _share((allowed & other).sum(1).astype(float), (allowed & known).sum(1).astype(float), own)
    return Noise(mass, chance)


def candidate_mask(trace: RowTrace, tokens: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, "rows S"]:
    """Which tokens each of ``tokens`` could read."""
    per_task = trace.layout.tokens_per_task
    groups, inverse = np.unique(tokens // per_task, return_inverse=True)
    of_groups = np.stack([readable(trace, int(task) * per_task).candidates for task in groups])
    mask: Bool[np.ndarray, "rows S"] = of_groups[inverse]
    return mask


def _share(part: PerRow, whole: PerRow, own: Int[np.ndarray, " rows"]) -> PerRow:
    share: PerRow = np.full(len(part), np.nan)
    np.divide(part, whole, out=share, where=(whole > 0) & (own != UNKNOWN))
    return share


def candidate_counts(trace: RowTrace, tokens: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
    """How many tokens each of ``tokens`` could read."""
    per_task = trace.layout.tokens_per_task
    counts = [readable(trace, task * per_task).candidates.sum() for task in range(len(trace.layout.tasks))]
    of_tokens: Int[np.ndarray, " rows"] = np.asarray(counts)[tokens // per_task]
    return of_tokens


def _of_all_tokens(values: Shaped[np.ndarray, " N"], layout: TokenLayout) -> Shaped[np.ndarray, " S"]:
    if len(values) != layout.tokens_per_task:
        raise ValueError(f"{len(values)} labels for a grid of {layout.tokens_per_task} tokens")
    return np.tile(values, len(layout.tasks))


def _joined(parts: list[PerRows]) -> PerRows:
    names = [field.name for field in fields(parts[0])]
    return type(parts[0])(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
