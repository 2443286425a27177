"""What is this slot for: everything known about one slot of one image."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.picks import Picks
from mtlviz.analysis.routing import SlotRouting
from mtlviz.trace import SlotTrace


@dataclass(frozen=True)
class Twin:
    """Another slot that holds nearly the same.

    Attributes:
        slot: the other slot.
        cosine: cosine of the retrieved contents, -1 to 1.
        overlap: share of picks in common, 0 to 1.
    """

    slot: int
    cosine: float
    overlap: float


@dataclass(frozen=True)
class SlotCard:
    """One slot of one image.

    Attributes:
        slot: its number, from 0.
        occupancy: its mean Write weight, 0 to 1.
        rank: 1 for the slot that is read most.
        dead: occupancy below a tenth of an equal share.
        won: share of tokens for which it is the first choice.
        relative_norm: norm of its content over the mean of all slots.
        picks: the tokens it took in, best first.
        writers: share of its Retrieve weight by task.
        readers: share of its Write mass by task.
        twins: slots that hold nearly the same, most alike first.
        read_weight: ``(S,)`` how much each token reads this slot, NaN at padding.
    """

    slot: int
    occupancy: float
    rank: int
    dead: bool
    won: float
    relative_norm: float
    picks: Picks
    writers: dict[str, float]
    readers: dict[str, float]
    twins: tuple[Twin, ...]
    read_weight: Float[np.ndarray, " S"]


def slot_card(trace: SlotTrace, routing: SlotRouting, slot: int) -> SlotCard:
    """The card of one slot.

    Args:
        trace: what the model did.
        routing: ``slot_routing(trace)``.
        slot: 0 to L - 1.

    Raises:
        ValueError: if there is no such slot.
    """
    if not 0 <= slot < routing.slots:
        raise ValueError(f"slot {slot} does not exist; slots are 0 to {routing.slots - 1}")
    read = np.array(trace.write, np.float64)[:, slot]
    read[~trace.layout.valid_tokens()] = np.nan
    exchange = routing.exchange
    return SlotCard(
        slot=slot,
        occupancy=float(routing.occupancy[slot]),
        rank=1 + int((routing.occupancy > routing.occupancy[slot]).sum()),
        dead=bool(routing.dead[slot]),
        won=float(routing.won[slot]),
        relative_norm=float(routing.relative_norms[slot]),
        picks=routing.picks.where(routing.picks.slot == slot),
        writers=dict(zip(exchange.tasks, exchange.writers[slot].tolist(), strict=True)),
        readers=dict(zip(exchange.tasks, exchange.readers[slot].tolist(), strict=True)),
        twins=_twins(routing, slot),
        read_weight=read,
    )


def _twins(routing: SlotRouting, slot: int) -> tuple[Twin, ...]:
    likeness = routing.likeness
    twins = (
        Twin(other, float(likeness.cosine[slot, other]), float(likeness.overlap[slot, other]))
        for other in np.flatnonzero(likeness.twins[slot]).tolist()
    )
    return tuple(sorted(twins, key=lambda twin: (-twin.overlap, -twin.cosine, twin.slot)))
