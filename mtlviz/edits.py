"""Interventions: what is changed inside one forward pass, as data."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Tensor

Array = np.ndarray | Tensor


@dataclass(frozen=True)
class Noise:
    """Gaussian noise on the task encoder's features of one task.

    Attributes:
        task: whose features.
        level: standard deviation over the root mean square of these features.
        seed: fixes the noise.
    """

    task: str
    level: float
    seed: int = 0


@dataclass(frozen=True)
class Distractors:
    """Random tokens that compete with the real ones for being read and belong to no task and no place.

    Attributes:
        count: m, how many.
        level: root mean square of their entries over that of the real tokens.
        seed: fixes them.
    """

    count: int
    level: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Permutation:
    """Tokens that change places, every task's in the same way.

    Attributes:
        tasks: whose tokens.
        seed: fixes the places.
    """

    tasks: tuple[str, ...]
    seed: int = 0


@dataclass(frozen=True)
class Edit:
    """An intervention; fields left alone change nothing, bit for bit.

    An interaction names the fields that it can apply (``Interaction.edits``) and refuses the others.

    Attributes:
        residual: replaces the weight w_r of the interaction's residual; 0 switches the interaction off.
        noise: noise on tasks' features before the interaction.
        features: by task ``(D, H, W)`` features that take the place of its own, e.g. of another image.
        permuted: tokens that change places before the interaction.
        silenced: tasks that nobody reads: they take no part in Retrieve, or in the attention of others.
        muted: tokens that receive nothing from the interaction.
        moved: pairs (from, to): token ``to`` receives what ``from`` would have received.
        distractors: extra tokens that compete for being read.
        oracle: ``(N,)`` label of each place; weights between places of different labels are set to 0, those of
            the other pairs stay as they are. Negative labels match nothing.
        zeroed: slots whose term of the Write sum is dropped.
        renormalised: with ``zeroed``, the Write weights of the other slots are scaled to sum to 1.
        frozen: slots that keep their content from before Retrieve.
        contents: by slot the ``(D,)`` content that takes the place of what it retrieved.
        swapped: pairs of slots that hand out each other's content while they are read as before.
        picks: K at run time.
        held: ``(L, K)``, or ``(h, L, K)`` with heads, the tokens that win each slot whatever their logits; of sparse
            attention ``(S, K)``, the tokens that every token reads. Their weights follow the logits as before.
    """

    residual: float | None = None
    noise: tuple[Noise, ...] = ()
    features: Mapping[str, Array] = field(default_factory=lambda: MappingProxyType({}))
    permuted: Permutation | None = None
    silenced: tuple[str, ...] = ()
    muted: tuple[int, ...] = ()
    moved: tuple[tuple[int, int], ...] = ()
    distractors: Distractors | None = None
    oracle: Array | None = None
    zeroed: tuple[int, ...] = ()
    renormalised: bool = False
    frozen: tuple[int, ...] = ()
    contents: Mapping[int, Array] = field(default_factory=lambda: MappingProxyType({}))
    swapped: tuple[tuple[int, int], ...] = ()
    picks: int | None = None
    held: Array | None = None

    @property
    def used(self) -> frozenset[str]:
        """Names of the fields that change something."""
        return frozenset(self.described()) - {"renormalised"}

    def described(self) -> dict[str, Any]:
        """Plain data of the fields that differ from doing nothing; arrays as the start of their sha256."""
        plain: dict[str, Any] = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            empty = value is None or value is False or (not isinstance(value, Array | float) and not value)
            if not empty:
                plain[entry.name] = _plain(value)
        return plain


NOTHING = Edit()
"""The edit that changes nothing."""


def _plain(value: object) -> Any:  # noqa: ANN401
    if isinstance(value, Array):
        array = np.ascontiguousarray(value.detach().cpu().numpy() if isinstance(value, Tensor) else value)
        return hashlib.sha256(repr((array.dtype, array.shape)).encode() + array.tobytes()).hexdigest()[:16]
    if isinstance(value, Noise | Distractors | Permutation):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return value
