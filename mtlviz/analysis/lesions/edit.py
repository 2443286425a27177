"""The edit that a list of operations stands for in one model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.lesions.effects import possible_edits
from mtlviz.analysis.lesions.operations import VERBS, Operation, Operations, Part
from mtlviz.analysis.lesions.slots import slot_count
from mtlviz.edits import Edit, Noise
from mtlviz.engine import Engine
from mtlviz.errors import OptionError
from mtlviz.trace import TokenLayout

Contents = Callable[[int, str], Float[np.ndarray, " D"]]
"""What a slot retrieved from an image: by slot and source."""


@dataclass(frozen=True)
class Subject:
    """The model that is operated on, as far as operations name its parts.

    Attributes:
        layout: its tokens.
        slots: L; 0 for a model without slots.
        fields: of ``Edit`` that it can apply.
    """

    layout: TokenLayout
    slots: int
    fields: frozenset[str]

    @classmethod
    def of(cls, engine: Engine) -> "Subject":
        """The subject that an engine runs."""
        card = engine.card
        layout = TokenLayout(tuple(task.name for task in card.tasks), card.token_grid)
        return cls(layout, slot_count(engine.card), possible_edits(engine))

    @property
    def verbs(self) -> tuple[str, ...]:
        """Operations that this model allows."""
        return tuple(name for name, verb in VERBS.items() if verb.field in self.fields)


def edit_of(operations: Operations, subject: Subject, contents: Contents) -> Edit:
    """Compile a list of operations.

    Several swaps act one after another; ``renormalise`` and ``slots`` make the weights of the slots that are left sum
    to 1, whichever of the two dropped the others.

    Args:
        operations: the list.
        subject: the model.
        contents: gives what a slot retrieved from an image, for transplants.

    Raises:
        OptionError: naming the first operation that the model does not allow, or what it has not.
    """
    for operation in operations:
        if refusal := _refusal(operation, subject):
            raise OptionError(refusal)
    by_verb = {name: [one.parts for one in operations if one.verb == name] for name in VERBS}
    residual, picks, first = (_only(by_verb[name]) for name in ("residual", "picks", "slots"))
    kept = subject.slots if first is None else int(first)
    zeroed = {int(slot) for (slot,) in by_verb["zero"]} | set(range(kept, subject.slots))
    renormalised = bool(by_verb["renormalise"]) or kept < subject.slots
    return Edit(
        residual=None if residual is None else float(residual),
        noise=tuple(Noise(str(task), float(level), int(seed)) for task, level, seed in by_verb["noise"]),
        silenced=tuple(str(task) for (task,) in by_verb["silence"]),
        muted=tuple(_token(subject, parts) for parts in by_verb["mute"]),
        moved=tuple((_token(subject, parts[:3]), _token(subject, parts[3:])) for parts in by_verb["move"]),
        zeroed=tuple(sorted(zeroed)),
        renormalised=renormalised and bool(zeroed),
        frozen=tuple(int(slot) for (slot,) in by_verb["freeze"]),
        contents=_given(by_verb["give"], contents),
        swapped=tuple((int(first), int(second)) for first, second in by_verb["swap"]),
        picks=None if picks is None else int(picks),
    )


def applicable(operations: Operations, subject: Subject) -> Operations:
    """The operations of a list that the model allows, each for itself."""
    return tuple(operation for operation in operations if not _refusal(operation, subject))


def _given(gifts: Sequence[tuple[Part, ...]], contents: Contents) -> Mapping[int, np.ndarray]:
    return {int(slot): contents(int(origin), str(source)) for slot, origin, source in gifts}


def _only(values: Sequence[tuple[Part, ...]]) -> Part | None:
    return values[0][0] if values else None


def _token(subject: Subject, parts: Sequence[Part]) -> int:
    task, row, column = parts
    return subject.layout.token(str(task), int(row), int(column))


def _refusal(operation: Operation, subject: Subject) -> str:
    """Why the model does not allow an operation; empty where it does."""
    if operation.verb not in subject.verbs:
        return f"This model does not allow the edit “{operation}”; it allows {', '.join(subject.verbs)}."
    for part, (name, allowed) in zip(operation.parts, _allowed(operation, subject), strict=True):
        if allowed is not None and part not in allowed:
            first, last = allowed[0], allowed[-1]
            given = f"{first} to {last}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
            return f"The edit “{operation}” names a {name} that this model does not have; it has {given}."
    return ""


def _allowed(operation: Operation, subject: Subject) -> list[tuple[str, Sequence[Part] | None]]:
    """What every part of an operation is called, and its choices; None where the operation itself says."""
    rows, columns = subject.layout.grid
    slot: tuple[str, Sequence[Part]] = ("slot", range(subject.slots))
    task: tuple[str, Sequence[Part]] = ("task", subject.layout.tasks)
    token: list[tuple[str, Sequence[Part]]] = [task, ("row", range(rows)), ("column", range(columns))]
    number: tuple[str, None] = ("number", None)
    known: dict[str, list[tuple[str, Sequence[Part] | None]]] = {
        "zero": [slot], "freeze": [slot], "swap": [slot, slot], "give": [slot, slot, number], "silence": [task],
        "mute": [*token], "move": [*token, *token], "noise": [task, number, number],
        "slots": [("number of slots", range(1, subject.slots + 1))],
    }  # fmt: skip
    return known.get(operation.verb, [number] * len(operation.parts))
