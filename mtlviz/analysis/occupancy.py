"""How much is each slot read, and how unequally?"""

import numpy as np
from jaxtyping import Bool, Float

from mtlviz.trace import SlotTrace

DEAD_SHARE = 0.1
"""A slot is dead when its occupancy is below this share of the 1 / L that an equal split would give it."""


def valid_write(trace: SlotTrace) -> Float[np.ndarray, "V L"]:
    """Write weights of the V tokens that are not padding, float64.

    Raises:
        ValueError: if every token is padding.
    """
    valid = trace.layout.valid_tokens()
    if not valid.any():
        raise ValueError(f"all {len(valid)} tokens are padding; routing needs at least one token of an image")
    write: np.ndarray = np.asarray(trace.write, np.float64)[valid]
    return write


def slot_occupancy(trace: SlotTrace) -> Float[np.ndarray, " L"]:
    """Mean Write weight of every slot over the tokens that are not padding; sums to 1 over the slots."""
    occupancy: np.ndarray = valid_write(trace).mean(0)
    return occupancy


def dead_slots(occupancy: Float[np.ndarray, " L"]) -> Bool[np.ndarray, " L"]:
    """Slots that almost nothing reads: occupancy below 1 / (10 L)."""
    return occupancy < DEAD_SHARE / len(occupancy)


def gini(shares: Float[np.ndarray, " L"]) -> float:
    """Gini coefficient, sum_ij |x_i - x_j| / (2 L^2 mean(x)): 0 for equal shares, 1 - 1/L where one has all.

    Args:
        shares: non-negative numbers.

    Raises:
        ValueError: if all are 0.
    """
    total = float(shares.sum())
    if not total > 0:
        raise ValueError("the Gini coefficient of shares that are all 0 is not defined")
    count = len(shares)
    ordered = np.sort(shares)
    return float(((2 * np.arange(1, count + 1) - count - 1) * ordered).sum() / (count * total))
