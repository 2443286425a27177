"""Which tokens won which slot?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import numpy as np
from jaxtyping import Bool, Float, Int

from mtlviz.trace import SlotTrace, TokenLayout


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


@dataclass(frozen=True, eq=False)
class Picks(Sequence[Pick]):
    """Picks as columns, in slot order and best first; a single one becomes a ``Pick`` when it is asked for.

    A slot that takes in every token has thousands of picks, of which a page looks at a few.

    Attributes:
        layout: the tokens.
        slot: ``(P,)``.
        rank: ``(P,)``, 0 for a slot's best.
        token: ``(P,)`` indices among all S.
        weight: ``(P,)`` Retrieve weights.
    """

    layout: TokenLayout
    slot: Int[np.ndarray, " P"]
    rank: Int[np.ndarray, " P"]
    token: Int[np.ndarray, " P"]
    weight: Float[np.ndarray, " P"]

    @cached_property
    def task(self) -> Int[np.ndarray, " P"]:
        """Place of every pick's task among the tasks."""
        return np.asarray(self.token // self.layout.tokens_per_task)

    def where(self, kept: Bool[np.ndarray, " P"]) -> "Picks":
        """Some of the picks, in the same order."""
        return self._columns(kept)

    def __len__(self) -> int:
        """P."""
        return len(self.token)

    @overload
    def __getitem__(self, index: int) -> Pick: ...

    @overload
    def __getitem__(self, index: slice) -> "Picks": ...

    def __getitem__(self, index: int | slice) -> "Pick | Picks":
        """One pick, or some."""
        if isinstance(index, slice):
            return self._columns(index)
        token = int(self.token[index])
        place = self.layout.place(token)
        return Pick(int(self.slot[index]), int(self.rank[index]), token, *place, weight=float(self.weight[index]))

    def __iter__(self) -> Iterator[Pick]:
        """One after the other."""
        return map(self.__getitem__, range(len(self)))

    def _columns(self, index: slice | Bool[np.ndarray, " P"]) -> "Picks":
        return replace(self, **{name: getattr(self, name)[index] for name in ("slot", "rank", "token", "weight")})

    def __eq__(self, other: object) -> bool:
        """The same picks in the same order, also as a tuple."""
        return isinstance(other, Picks | tuple) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


def slot_picks(trace: SlotTrace, slot: int | None = None) -> Picks:
    """The picks of one slot, or of all slots in slot order; best first. Empty places (-1) are left out."""
    picks, weights = np.asarray(trace.picks), np.asarray(trace.weights, np.float64)
    wanted = np.ones((len(picks), 1), bool) if slot is None else np.arange(len(picks))[:, None] == slot
    of_slot, rank = np.nonzero((picks >= 0) & wanted)
    return Picks(trace.layout, of_slot, rank, picks[of_slot, rank], weights[of_slot, rank])


def pick_coverage(trace: SlotTrace) -> float:
    """Distinct picked tokens over the L K places: 1/(L K) if all hold one token, 1 if none is there twice."""
    picks = np.asarray(trace.picks)
    return len(np.unique(picks[picks >= 0])) / picks.size
