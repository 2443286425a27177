"""Everything the bench can measure: keys, units, bars, and the part that measures each. No heavy imports."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from mtlviz.bench.measurement import Bar
from mtlviz.errors import OptionError

SIZES = (1280, 4800, 9600, 19200)
"""S, the tokens that compete: the default network's, and one, two and four tasks of NYUDv2 at stride 8."""

RIVALS = ("dense", "xa2", "xa4", "sdpa")
"""What KEM is put beside; see ``mtlviz.bench.contenders``."""


@dataclass(frozen=True)
class AffinitySize:
    """A size at which CTAL's two computations are put beside each other.

    Attributes:
        grid: (rows, columns) of the tokens.
        tasks: N.
        width: C_in.
        channels: C.
    """

    grid: tuple[int, int]
    tasks: int
    width: int
    channels: int

    def __str__(self) -> str:
        """E.g. ``3 tasks on 72 x 96 tokens``."""
        return f"{self.tasks} tasks on {self.grid[0]} x {self.grid[1]} tokens"


AFFINITY_SIZES = {"nyu": AffinitySize((72, 96), 3, 256, 128), "app": AffinitySize((16, 20), 4, 64, 64)}
"""The paper's network on NYUDv2 (ctal.md 3), and the default network of this package."""


@dataclass(frozen=True)
class Entry:
    """A figure the bench can measure.

    Attributes:
        key: its name.
        part: module of this package that measures it.
        unit: of the figure.
        meaning: what it is, for a reader of the table.
        bar: what it is held to, or None.
        rival: interaction figures: what KEM is put beside.
        tokens: interaction figures: S.
        training: interaction figures: forward and backward instead of forward.
    """

    key: str
    part: str
    unit: str
    meaning: str
    bar: Bar | None = None
    rival: str = ""
    tokens: int = 0
    training: bool = False

    @property
    def series(self) -> str:
        """The key with S in place of the number of tokens."""
        return f"{self.key.removesuffix(str(self.tokens))}S" if self.tokens else self.key


def _interaction_entries(tokens: int) -> list[Entry]:
    entries = []
    for training in (False, True):
        for rival in RIVALS:
            beside = "" if rival == "dense" else f"_over_{rival}"
            bars = not training and rival == "dense" and tokens == 9600
            for quantity, limit, what in (("speedup", 12, "time"), ("memory_ratio", 25, "peak bytes")):
                entries.append(
                    Entry(
                        key=f"kem_{'training_' if training else ''}{quantity}{beside}_s{tokens}",
                        part="interaction",
                        unit="x",
                        meaning=f"{what} of {rival} / KEM, {'forward + backward' if training else 'forward'}",
                        bar=Bar(">=", limit) if bars else None,
                        rival=rival,
                        tokens=tokens,
                        training=training,
                    )
                )
    for form, meaning in (("literal", "as kem.md 2.2 counts"), ("folded", "as KEM is computed")):
        key = f"kem_operations_ratio_{form}_s{tokens}"
        what = f"multiply-adds of dense / KEM, {meaning}"
        entries.append(Entry(key, "interaction", "x", what, rival="dense", tokens=tokens))
    return entries


def _affinity_entries() -> list[Entry]:
    return [
        Entry(
            key=f"ctal_{'training_' if training else ''}linear_{quantity}_{size}",
            part="affinity",
            unit="x",
            meaning=f"{what} of CTAL's core dense / linear, {'forward + backward' if training else 'forward'}",
            bar=Bar(">=", limit) if size == "nyu" and not training else None,
            training=training,
        )
        for size in AFFINITY_SIZES
        for training in (False, True)
        for quantity, limit, what in (("speedup", 3, "time"), ("memory_ratio", 15, "peak bytes"))
    ]


ENTRIES: tuple[Entry, ...] = (
    Entry("traced_over_bare", "forward", "x", "forward with its trace / bare forward", Bar("<=", 1.10)),
    Entry("lesions_over_forward", "forward", "x", "all single-slot lesions of one image / bare forward", Bar("<=", 4)),
    *(entry for tokens in SIZES for entry in _interaction_entries(tokens)),
    *_affinity_entries(),
    Entry("affinity_row_ms", "affinity_rows", "ms", "click to all rows drawn, 72x96 tokens, 3 tasks", Bar("<", 300)),
    Entry("collapse_over_bare", "collapse", "x", "collapse statistics / bare forward, same images", Bar("<=", 1.25)),
    Entry("collapse_memory_growth", "collapse", "x", "peak bytes at 5,000 images / at 100", Bar("<=", 1.05)),
    Entry("rooms_images_per_s", "rooms", "1/s", "finished samples at 128x160, two processes", Bar(">=", 25)),
    Entry("first_paint_s", "app", "s", "process start to the title in the browser"),
    Entry("cold_start_over_imports", "app", "x", "first paint / importing streamlit, torch and plotly"),
    Entry("warm_click_s_p95", "app", "s", "click on a token to the new figures, p95", Bar("<", 1)),
    Entry("bytes_per_page", "app", "B", "received by the browser for one page, the largest, warm cache"),
    Entry("largest_figure_mb", "app", "MB", "largest figure that any page sends", Bar("<", 3)),
)

KEYS: tuple[str, ...] = tuple(entry.key for entry in ENTRIES)
PARTS: tuple[str, ...] = tuple(dict.fromkeys(entry.part for entry in ENTRIES))


def chosen_entries(only: Sequence[str] | None) -> tuple[Entry, ...]:
    """The entries asked for, in the order of the catalogue.

    Args:
        only: keys, or names of parts for all their keys; None or empty for everything.

    Raises:
        OptionError: if a name is neither a key nor a part.
    """
    for name in only or ():
        if name not in KEYS and name not in PARTS:
            raise OptionError(_unknown(name))
    return tuple(entry for entry in ENTRIES if not only or entry.key in only or entry.part in only)


def _unknown(name: str) -> str:
    series = dict.fromkeys(entry.series for entry in ENTRIES)
    near = difflib.get_close_matches(name, KEYS, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return (
        f"Bench key {name!r} is unknown{hint}; choose a part ({', '.join(PARTS)}) or one of "
        f"{', '.join(series)}, where S is {', '.join(map(str, SIZES))}."
    )
