"""Which tokens won which slot?"""

from dataclasses import dataclass

import numpy as np

from mtlviz.trace import SlotTrace


@dataclass(frozen=True)
class Pick:
    """One token that a slot took in.

    Attributes:
        slot: the slot, from 0.
        rank: 0 for the slot's best pick.
        token: index of the token among all S.
        task: the task it belongs to.
        row: row of its token grid, from 0 at the top.
        column: column of its token grid, from 0 at the left.
        weight: its Retrieve weight, 0 to 1.
    """

    slot: int
    rank: int
    token: int
    task: str
    row: int
    column: int
    weight: float


def slot_picks(trace: SlotTrace, slot: int | None = None) -> tuple[Pick, ...]:
    """The picks of one slot, or of all slots in slot order; best first. Empty places (-1) are left out."""
    slots = range(len(trace.picks)) if slot is None else (slot,)
    return tuple(
        Pick(number, rank, int(token), *trace.layout.place(int(token)), weight=float(weight))
        for number in slots
        for rank, (token, weight) in enumerate(zip(trace.picks[number], trace.weights[number], strict=True))
        if token >= 0
    )


def pick_coverage(trace: SlotTrace) -> float:
    """Distinct picked tokens over the L K places: 1/(L K) if all hold one token, 1 if none is there twice."""
    picks = np.asarray(trace.picks)
    return len(np.unique(picks[picks >= 0])) / picks.size
