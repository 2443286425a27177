"""The picks of a model on an image and on its changed copy: which stayed, which went, which came."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from mtlviz.analysis.stability.comparison import Comparison
from mtlviz.analysis.stability.selection import slots_of
from mtlviz.plots.maps import Geometry, Panel
from mtlviz.plots.style import task_title

Fate = Literal["kept", "lost", "new", "outside"]


@dataclass(frozen=True)
class Look:
    """How a fate is drawn; colour alone would not do for every eye."""

    symbol: str
    fill: str
    edge: str
    ink: str
    said: str


FATES: dict[Fate, Look] = {
    "kept": Look("circle", "#1f6fb2", "#ffffff", "#ffffff", "picked before and after"),
    "lost": Look("square", "#fff4ee", "#d9480f", "#b93a08", "no longer picked"),
    "new": Look("diamond", "#ffc61a", "#5c4400", "#1a1a1a", "picked only now"),
    "outside": Look("circle", "#8b9197", "#e4e4e4", "#ffffff", "the other image does not show this token"),
}
SIZE = 16.0
"""Diameter of a mark in pixels; about a token."""


@dataclass(frozen=True)
class Mark:
    """One pick.

    Attributes:
        slot: that picked it.
        task: of its token.
        row: of its token in the image that it is drawn on.
        column: likewise.
        fate: ``kept``, ``lost``, ``new``, or ``outside`` where the other image does not show its token.
    """

    slot: int
    task: str
    row: int
    column: int
    fate: Fate


def pick_marks(found: Comparison, task: str | None) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    """The picks before and after.

    Args:
        found: the comparison.
        task: whose tokens; None takes those of all tasks.
    """
    before, after = found.before.picks, found.after.picks
    return (
        _marks(found, task, np.asarray(slots_of(found.clean.run).picks), before, after, "lost"),
        _marks(found, task, np.asarray(slots_of(found.changed).picks), after, before, "new"),
    )


def pick_panel(title: str, marks: Sequence[Mark], grid: tuple[int, int], slots: int) -> Panel:
    """A map whose note counts its picks; ``mark_traces`` are drawn over it.

    Args:
        title: of the map.
        marks: the picks.
        grid: (rows, columns) of the tokens.
        slots: of the model.
    """
    counts = Counter(mark.fate for mark in marks)
    said = [f"{counts[fate]} {fate}" for fate in FATES if counts[fate]]
    picked = np.zeros((*grid, slots))
    for mark in marks:
        picked[mark.row, mark.column, mark.slot] += 1
    return Panel(title, note=", ".join(said) or "no pick among the tokens of this task", picked=False, values=picked)


def mark_traces(marks: Sequence[Mark], geometry: Geometry) -> tuple[go.Scatter, ...]:
    """The picks of a map, one trace a fate; the number on a mark is the slot's. Marks on one token are fanned out."""
    places = _places(marks, geometry)
    traces = []
    for fate, look in FATES.items():
        own = [(mark, place) for mark, place in zip(marks, places, strict=True) if mark.fate == fate]
        if own:
            traces.append(_trace(fate, look, own))
    return tuple(traces)


def _trace(fate: Fate, look: Look, own: Sequence[tuple[Mark, tuple[float, float]]]) -> go.Scatter:
    symbol_size = SIZE * (1.2 if look.symbol == "diamond" else 0.94 if look.symbol == "square" else 1.0)
    return go.Scatter(
        x=[x for _, (x, _) in own],
        y=[y for _, (_, y) in own],
        mode="markers+text",
        name=fate,
        text=[str(mark.slot) for mark, _ in own],
        textfont={"size": 9, "color": look.ink},
        textposition="middle center",
        marker={
            "symbol": look.symbol, "size": symbol_size, "color": look.fill, "line": {"color": look.edge, "width": 1.5},
        },
        customdata=[[mark.row, mark.column] for mark, _ in own],
        hovertext=[_text(mark) for mark, _ in own],
        hovertemplate="%{hovertext}<extra></extra>",
        cliponaxis=False,
        showlegend=False,
    )  # fmt: skip


def _text(mark: Mark) -> str:
    where = f"{task_title(mark.task)}, row {mark.row}, column {mark.column}"
    return f"slot {mark.slot}: {FATES[mark.fate].said}<br>{where}"


def _places(marks: Sequence[Mark], geometry: Geometry) -> list[tuple[float, float]]:
    """(x, y) of every mark: the centre of its token, or a place on a circle around it where it shares the token."""
    together = Counter((mark.row, mark.column) for mark in marks)
    seen: Counter[tuple[int, int]] = Counter()
    places = []
    for mark in marks:
        token = mark.row, mark.column
        x, y = geometry.centre(*token)
        if together[token] > 1:
            angle = 2 * np.pi * seen[token] / together[token] - np.pi / 2
            x, y = x + 0.45 * geometry.cell[1] * np.cos(angle), y + 0.45 * geometry.cell[0] * np.sin(angle)
            seen[token] += 1
        places.append((float(x), float(y)))
    return places


def _marks(
    found: Comparison, task: str | None, raw: np.ndarray, named: np.ndarray, other: np.ndarray, gone: Fate
) -> tuple[Mark, ...]:
    """Every pick at its own place, judged by its token of the original.

    Args:
        found: the comparison.
        task: whose tokens; None takes all.
        raw: ``(L, K)`` picks as tokens of the image they are drawn on.
        named: ``(L, K)`` the same as tokens of the original, negative where the other image does not show them.
        other: ``(L, K)`` picks of the other image, as tokens of the original.
        gone: what a pick is called that the other image does not have.
    """
    layout = slots_of(found.clean.run).layout
    marks = []
    for slot, (tokens, originals) in enumerate(zip(raw, named, strict=True)):
        for token, original in zip(tokens, originals, strict=True):
            if token < 0:
                continue
            where, row, column = layout.place(int(token))
            if task in (None, where):
                fate: Fate = "outside" if original < 0 else "kept" if original in other[slot] else gone
                marks.append(Mark(slot, where, row, column, fate))
    return tuple(marks)
