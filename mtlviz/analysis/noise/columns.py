"""Which tokens are read by all: sinks, and how unequal the reading is (kem.md 3.17)."""

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.composite import picked_tokens
from mtlviz.analysis.occupancy import gini
from mtlviz.trace import RowTrace, SlotTrace

TOP = 0.01
"""Share of the tokens whose part of all reading is the top share."""

PerToken = Float[np.ndarray, " S"]


def column_numbers(trace: RowTrace, columns: PerToken) -> dict[str, float]:
    """Sink, Gini and top share of the mass of the columns, and of what they contribute in size.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        columns: mean weight with which each token is read.

    Returns:
        ``sink`` the largest share of one token, ``gini``, ``top`` the share of the most read 1 % of the tokens, and
        the same with ``value_`` before, of weights times the size of what they carry; NaN where nothing is read.
    """
    valid = trace.layout.valid_tokens()
    plain = _concentration(columns[valid])
    weighted = _concentration(_contributions(trace, columns)[valid])
    return {**plain, **{f"value_{key}": value for key, value in weighted.items()}}


def _contributions(trace: RowTrace, columns: PerToken) -> PerToken:
    """Weights times the norm of what they carry: a token's own value, or for KEM the content of the slot."""
    if not isinstance(trace, SlotTrace):
        sized: PerToken = columns * np.linalg.norm(np.asarray(trace.values, np.float64), axis=1)
        return sized
    tokens, retrieve = picked_tokens(trace)
    sizes = np.linalg.norm(np.asarray(trace.memory_after, np.float64), axis=1)  # (L,)
    write = np.asarray(trace.write, np.float64)[trace.layout.valid_tokens()].mean(0)
    found: PerToken = np.zeros(trace.layout.tokens)
    found[tokens] = (write * sizes) @ retrieve
    return found


def _concentration(masses: PerToken) -> dict[str, float]:
    total = float(masses.sum())
    if not total > 0:
        return dict.fromkeys(("sink", "gini", "top"), float("nan"))
    ordered = np.sort(masses)[::-1] / total
    count = int(np.ceil(TOP * len(masses)))
    return {"sink": float(ordered[0]), "gini": gini(masses), "top": float(ordered[:count].sum())}
