"""Which slots are the same slot twice?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mtlviz.trace import SlotTrace

TWIN_COSINE = 0.95
TWIN_OVERLAP = 0.5


@dataclass(frozen=True)
class SlotLikeness:
    """How alike any two slots are.

    Attributes:
        cosine: ``(L, L)`` cosine of the retrieved content, -1 to 1; 0 where a slot retrieved nothing.
        overlap: ``(L, L)`` picks in common over the picks of a slot, 0 to 1.
    """

    cosine: Float[np.ndarray, "L L"]
    overlap: Float[np.ndarray, "L L"]

    @property
    def twins(self) -> Bool[np.ndarray, "L L"]:
        """True where two different slots are twins: cosine > 0.95 or overlap >= 0.5."""
        twins: np.ndarray = (self.cosine > TWIN_COSINE) | (self.overlap >= TWIN_OVERLAP)
        return twins & ~np.eye(len(twins), dtype=bool)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Slots joined by chains of twins, largest group first; a slot without a twin is its own group."""
        left, groups = set(range(len(self.cosine))), []
        while left:
            group: set[int] = set()
            edge = {min(left)}
            while edge:
                group |= edge
                edge = set(np.flatnonzero(self.twins[sorted(edge)].any(0)).tolist()) - group
            groups.append(tuple(sorted(group)))
            left -= group
        return tuple(sorted(groups, key=lambda group: (-len(group), group)))


def slot_likeness(trace: SlotTrace) -> SlotLikeness:
    """Cosine of retrieved content and overlap of picks between all slots."""
    content = np.asarray(trace.memory_after, np.float64)
    return SlotLikeness(_cosines(content), _overlaps(np.asarray(trace.picks)))


def _cosines(rows: Float[np.ndarray, "L D"]) -> Float[np.ndarray, "L L"]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    cosines: np.ndarray = np.clip(unit @ unit.T, -1.0, 1.0)
    return cosines


def _overlaps(picks: np.ndarray) -> Float[np.ndarray, "L L"]:
    """Picks in common over the smaller number of picks; slots without picks overlap nothing."""
    slots = len(picks)
    tokens, column = np.unique(picks, return_inverse=True)
    holds = np.zeros((slots, len(tokens)))
    holds[np.repeat(np.arange(slots), picks.shape[1]), column.ravel()] = 1.0
    holds[:, tokens < 0] = 0.0
    counts = holds.sum(1)
    fewest = np.minimum(counts[:, None], counts)
    common = np.einsum("lt,mt->lm", holds, holds)  # so small that the threads of a BLAS cost more than they save
    overlaps: np.ndarray = np.divide(common, fewest, out=np.zeros((slots, slots)), where=fewest > 0)
    return overlaps
