"""A list of edits as short text that can be typed, kept and put into a link, e.g. ``zero-3 swap-1-5 residual-0.5``.

One word an operation, its parts separated by ``-``. Numbers have at most three decimals, so that a list is written
and read back without loss.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtlviz.errors import OptionError

Part = str | int | float

MOST = 40
"""Operations in one list."""
DECIMALS = 3
HERE = "here"
"""The source of a transplant that is the image itself; others are ``room12``, a held-out room, and photographs."""


@dataclass(frozen=True)
class Kind:
    """A kind of part of an operation.

    Attributes:
        read: its value from text that matches ``pattern``.
        pattern: of the whole part.
        low: smallest number.
        high: largest number.
    """

    read: Callable[[str], Part]
    pattern: str
    low: float = 0
    high: float = math.inf


SLOT = Kind(int, r"\d{1,3}")
TASK = Kind(str, r"[a-z][a-z_]{0,31}")
PLACE = Kind(int, r"\d{1,3}")
SOURCE = Kind(str, rf"{HERE}|room\d{{1,3}}|[a-z]{{1,16}}")
COUNT = Kind(int, r"\d{1,5}", low=1)
SEED = Kind(int, r"\d{1,3}")
WEIGHT = Kind(float, r"\d{1,2}(\.\d{1,3})?", high=10)
TOKEN = (TASK, PLACE, PLACE)


@dataclass(frozen=True)
class Verb:
    """What an operation does.

    Attributes:
        parts: kinds of what follows its name.
        field: of ``Edit``; a model that cannot apply it is not offered the operation.
        named: leading parts that name what is changed, of which a list holds one operation, the last; by default all.
        example: how it is written.
    """

    parts: tuple[Kind, ...]
    field: str
    named: int | None = None
    example: str = ""


VERBS: dict[str, Verb] = {
    "zero": Verb((SLOT,), "zeroed", example="zero-3"),
    "renormalise": Verb((), "renormalised", named=0, example="renormalise"),
    "freeze": Verb((SLOT,), "frozen", example="freeze-3"),
    "swap": Verb((SLOT, SLOT), "swapped", example="swap-1-5"),
    "give": Verb((SLOT, SLOT, SOURCE), "contents", named=1, example="give-3-7-room12"),
    "silence": Verb((TASK,), "silenced", example="silence-depth"),
    "mute": Verb(TOKEN, "muted", example="mute-depth-4-7"),
    "move": Verb((*TOKEN, *TOKEN), "moved", example="move-depth-4-7-normals-4-8"),
    "residual": Verb((WEIGHT,), "residual", named=0, example="residual-0.5"),
    "picks": Verb((COUNT,), "picks", named=0, example="picks-1"),
    "slots": Verb((COUNT,), "zeroed", named=0, example="slots-10"),
    "noise": Verb((TASK, WEIGHT, SEED), "noise", named=1, example="noise-depth-0.5-0"),
}
"""Every operation by its name, in the order in which they are offered.

``give-3-7-room12``: slot 3 holds what slot 7 retrieved from held-out room 12. ``slots-10``: the first ten slots alone,
the others dropped and the weights renormalised, which is the network with ten slots. ``noise-depth-0.5-0``: task, level
over the features' root mean square, seed.
"""


@dataclass(frozen=True)
class Operation:
    """One entry of the list: a name of ``VERBS`` and its parts in their order."""

    verb: str
    parts: tuple[Part, ...] = ()

    def __str__(self) -> str:
        """The word that stands for it."""
        return "-".join([self.verb, *map(_written, self.parts)])


Operations = tuple[Operation, ...]


def write_operations(operations: Sequence[Operation]) -> str:
    """The text of a list; ``read_operations`` reads it back."""
    return " ".join(map(str, operations))


def read_operations(text: str) -> Operations:
    """The list that a text stands for; of operations on the same thing the last one counts.

    Raises:
        OptionError: if a word is no operation. The word is not repeated: a link may hold anything.
    """
    words = text.split()
    if len(words) > MOST:
        raise OptionError(f"A list holds at most {MOST} edits; this one has {len(words):,}.")
    operations: Operations = ()
    for number, word in enumerate(words, 1):
        operations = with_operation(operations, _read(word, number))
    return operations


def with_operation(operations: Operations, new: Operation) -> Operations:
    """The list with one more operation at its end, in the place of what it repeats or replaces."""
    named = VERBS[new.verb].named
    return (*(old for old in operations if (old.verb, old.parts[:named]) != (new.verb, new.parts[:named])), new)


def _read(word: str, number: int) -> Operation:
    name, *texts = word.split("-")
    verb = VERBS.get(name)
    if verb is None:
        raise OptionError(f"Edit {number} of the list is unknown; edits begin with one of {', '.join(VERBS)}.")
    parts: list[Part] = []
    for kind, text in zip(verb.parts, texts, strict=False):
        if re.fullmatch(kind.pattern, text, re.ASCII) is None or not _inside(kind, kind.read(text)):
            break
        parts.append(kind.read(text))
    if len(parts) < len(verb.parts) or len(texts) > len(verb.parts):
        raise OptionError(f"Edit {number} of the list, {name!r}, is not complete; it is written like {verb.example}.")
    return Operation(name, tuple(parts))


def _inside(kind: Kind, value: Part) -> bool:
    return isinstance(value, str) or kind.low <= value <= kind.high


def _written(part: Part) -> str:
    return f"{part:.{DECIMALS}f}".rstrip("0").rstrip(".") if isinstance(part, float) else str(part)
