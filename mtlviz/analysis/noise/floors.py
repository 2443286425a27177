"""The least noise that a softmax can leave, row by row, with its measured logits (kem.md 2.6)."""

import numpy as np
from jaxtyping import Bool, Float, Int

from mtlviz.analysis.attention import noise_floor, readable
from mtlviz.trace import AttentionTrace, RowTrace, SlotTrace

Tokens = Int[np.ndarray, " rows"]
PerRow = Float[np.ndarray, " rows"]


def half_ranges(trace: AttentionTrace, tokens: Tokens) -> PerRow:
    """B of every reading token: half the distance between its largest and its smallest logit.

    Args:
        trace: of attention, as CPU arrays.
        tokens: readers.
    """
    queries, keys = np.asarray(trace.queries), np.asarray(trace.keys)
    per_task = trace.layout.tokens_per_task
    found: PerRow = np.zeros(len(tokens))
    for task in np.unique(tokens // per_task):
        readers = tokens // per_task == task
        candidates = readable(trace, int(tokens[readers][0])).candidates
        if candidates.any():
            found[readers] = np.ptp(queries[tokens[readers]] @ keys[candidates].T, axis=1) / 2
    found *= queries.shape[1] ** -0.5
    return found


def floor_ranges(trace: RowTrace, tokens: Tokens) -> PerRow:
    """B of every row of dense attention; NaN where there is none, through slots and where only some tokens are kept."""
    if isinstance(trace, SlotTrace) or trace.picks is not None:
        return np.full(len(tokens), np.nan)
    return half_ranges(trace, tokens)


def row_floors(chance: PerRow, half_range: PerRow) -> PerRow:
    """``noise_floor`` of many rows: 1 / (1 + (1 - c) / c e^(2 B)).

    Args:
        chance: c = (n - m) / n, the noise mass of a row that reads all its n labelled candidates alike.
        half_range: B of each row; NaN where it has no floor.
    """
    relevant = (1 - chance) * np.exp(2 * half_range)
    floors: PerRow = np.full(len(chance), np.nan)
    np.divide(chance, chance + relevant, out=floors, where=np.isfinite(relevant))
    return floors


def floors_of_rows(
    trace: RowTrace, tokens: Tokens, chance: PerRow, known: Bool[np.ndarray, " S"] | None = None
) -> PerRow:
    """The least noise mass of every row; NaN where weights can be 0, so that there is no floor.

    Of slots that read every candidate it is the mean of the floors of the slots' own softmaxes, weighted by what the
    row reads of each: a bottleneck of dense slots has a floor as attention has, a competition for them has none.

    Args:
        trace: of attention or slots, as CPU arrays.
        tokens: readers.
        chance: of their rows.
        known: tokens with a label; None if all have one.
    """
    if not isinstance(trace, SlotTrace):
        return row_floors(chance, floor_ranges(trace, tokens))
    candidates = readable(trace, int(tokens[0])).candidates if len(tokens) else trace.layout.valid_tokens()
    picks = np.asarray(trace.picks)
    if (picks >= 0).sum(1).min() < candidates.sum():
        return np.full(len(tokens), np.nan)
    ranges = np.ptp(np.asarray(trace.logits, np.float64)[:, candidates], axis=1) / 2  # (L,)
    labelled = np.ones(len(candidates), bool) if known is None else known
    kept = (np.asarray(trace.weights, np.float64) * labelled[picks] * (picks >= 0)).sum(1)  # (L,)
    read = np.asarray(trace.write, np.float64)[tokens] * kept  # (rows, L)
    floors = np.stack([row_floors(chance, np.full(len(chance), one)) for one in ranges], 1)
    total = read.sum(1)
    found: PerRow = np.full(len(tokens), np.nan)
    np.divide((read * floors).sum(1), total, out=found, where=total > 0)
    return found


def write_half_range(trace: SlotTrace) -> float:
    """Mean B of Write over tokens that are not padding: half the range of its logits over the slots, in nats."""
    write = np.asarray(trace.write, np.float64)[trace.layout.valid_tokens()]
    logs = np.log(np.maximum(write, np.finfo(np.float32).tiny))
    return float(np.ptp(logs, axis=1).mean() / 2)


def write_floor(trace: SlotTrace) -> float:
    """The least Write mass outside a single relevant slot, with the measured logits; the tokens do not enter."""
    return noise_floor(np.asarray(trace.write).shape[1], 1, write_half_range(trace))
