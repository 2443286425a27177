"""The routing of one image in one record: which tokens won which memory slot, and who reads it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mtlviz.analysis.exchange import TaskExchange, task_exchange
from mtlviz.analysis.occupancy import dead_slots, gini, slot_occupancy
from mtlviz.analysis.picks import Picks, pick_coverage, slot_picks
from mtlviz.analysis.routing_numbers import IMAGE_NUMBERS, SLOT_NUMBERS
from mtlviz.analysis.twins import SlotLikeness, slot_likeness
from mtlviz.analysis.write_map import WriteMap, write_map, written_variation
from mtlviz.trace import SlotTrace, TokenLayout


@dataclass(frozen=True)
class SlotRouting:
    """Everything the routing page and ``inspect`` say about one image.

    Attributes:
        layout: the tokens.
        picks: all picks in slot order, best first.
        occupancy: ``(L,)`` mean Write weight of every slot, sum 1.
        dead: ``(L,)`` slots below a tenth of an equal share.
        won: ``(L,)`` share of tokens for which the slot is the first choice, sum 1.
        norms: ``(L,)`` norm of the retrieved content.
        write: winner, weight and entropy of every token.
        likeness: how alike any two slots are.
        exchange: who writes, who reads, and the flows.
        coverage: distinct picked tokens over L K.
        gini: inequality of ``occupancy``.
        written_variation: share of what is written that differs between tokens.
    """

    layout: TokenLayout
    picks: Picks
    occupancy: Float[np.ndarray, " L"]
    dead: Bool[np.ndarray, " L"]
    won: Float[np.ndarray, " L"]
    norms: Float[np.ndarray, " L"]
    write: WriteMap
    likeness: SlotLikeness
    exchange: TaskExchange
    coverage: float
    gini: float
    written_variation: float

    @property
    def slots(self) -> int:
        """L."""
        return len(self.occupancy)

    @property
    def relative_norms(self) -> Float[np.ndarray, " L"]:
        """Norms over their mean; 0 where nothing was retrieved at all."""
        mean = self.norms.mean()
        return self.norms / mean if mean > 0 else np.zeros_like(self.norms)

    @property
    def numbers(self) -> dict[str, float]:
        """The scalars of ``IMAGE_NUMBERS``, same keys and order."""
        values = {
            "entropy": float(np.nanmean(self.write.entropy)),
            "certainty": float(np.nanmean(self.write.weight)),
            "written_variation": self.written_variation,
            "gini": self.gini,
            "dead": float(self.dead.sum()),
            "twins": float(self.likeness.twins.any(1).sum()),
            "groups": float(len(self.likeness.groups)),
            "coverage": self.coverage,
        }
        return {key: values[key] for key in IMAGE_NUMBERS}


def slot_routing(trace: SlotTrace) -> SlotRouting:
    """Read one trace.

    Raises:
        ValueError: if every token is padding.
    """
    occupancy = slot_occupancy(trace)
    write = write_map(trace)
    valid = trace.layout.valid_tokens()
    return SlotRouting(
        layout=trace.layout,
        picks=slot_picks(trace),
        occupancy=occupancy,
        dead=dead_slots(occupancy),
        won=np.bincount(write.winner[valid], minlength=len(occupancy)) / valid.sum(),
        norms=np.linalg.norm(np.asarray(trace.memory_after, np.float64), axis=1),
        write=write,
        likeness=slot_likeness(trace),
        exchange=task_exchange(trace),
        coverage=pick_coverage(trace),
        gini=gini(occupancy),
        written_variation=written_variation(trace),
    )


def routing_statistics(trace: SlotTrace) -> dict[str, object]:
    """The routing of one image as plain JSON: numbers with their definitions, then a record a slot.

    Tokens are named by task, row and column, all from 0 at the top left; slots from 0.
    """
    routing = slot_routing(trace)
    numbers = {
        key: {
            "value": value,
            "name": IMAGE_NUMBERS[key].name,
            "definition": IMAGE_NUMBERS[key].definition,
            "formula": IMAGE_NUMBERS[key].formula,
            "range": [IMAGE_NUMBERS[key].lowest, IMAGE_NUMBERS[key].highest],
        }
        for key, value in routing.numbers.items()
    }
    return {
        "tasks": list(trace.layout.tasks),
        "grid": list(trace.layout.grid),
        "tokens": int(trace.layout.valid_tokens().sum()),
        "slots": routing.slots,
        "picks_per_slot": int(trace.picks.shape[1]),
        "residual": float(trace.residual),
        "numbers": numbers,
        "slot_number_definitions": {key: number.definition for key, number in SLOT_NUMBERS.items()},
        "twin_groups": [list(group) for group in routing.likeness.groups if len(group) > 1],
        "per_slot": [_slot_record(routing, slot) for slot in range(routing.slots)],
        "flows_between_tasks": routing.exchange.between_tasks.tolist(),
    }


def _slot_record(routing: SlotRouting, slot: int) -> dict[str, object]:
    exchange = routing.exchange
    return {
        "slot": slot,
        "occupancy": float(routing.occupancy[slot]),
        "dead": bool(routing.dead[slot]),
        "won": float(routing.won[slot]),
        "norm": float(routing.norms[slot]),
        "writers": dict(zip(exchange.tasks, exchange.writers[slot].tolist(), strict=True)),
        "readers": dict(zip(exchange.tasks, exchange.readers[slot].tolist(), strict=True)),
        "twins": np.flatnonzero(routing.likeness.twins[slot]).tolist(),
        "picks": [
            {"task": pick.task, "row": pick.row, "column": pick.column, "weight": pick.weight}
            for pick in routing.picks.where(routing.picks.slot == slot)
        ],
    }
