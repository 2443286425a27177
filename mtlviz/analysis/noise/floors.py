"""The least noise that a softmax can leave, row by row, with its measured logits (kem.md 2.6)."""

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.attention import noise_floor, readable
from mtlviz.trace import AttentionTrace, SlotTrace

PerRow = Float[np.ndarray, " rows"]


def half_ranges(trace: AttentionTrace, tokens: Int[np.ndarray, " rows"]) -> PerRow:
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


def write_half_range(trace: SlotTrace) -> float:
    """Mean B of Write over tokens that are not padding: half the range of its logits over the slots, in nats."""
    write = np.asarray(trace.write, np.float64)[trace.layout.valid_tokens()]
    logs = np.log(np.maximum(write, np.finfo(np.float32).tiny))
    return float(np.ptp(logs, axis=1).mean() / 2)


def write_floor(trace: SlotTrace) -> float:
    """The least Write mass outside a single relevant slot, with the measured logits; the tokens do not enter."""
    return noise_floor(np.asarray(trace.write).shape[1], 1, write_half_range(trace))
