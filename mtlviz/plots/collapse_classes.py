"""Which classes lag behind in collapsing: classes in order, and against how often they occur."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mtlviz.analysis.collapse.record import ClassRow
from mtlviz.plots.attention import percent
from mtlviz.plots.collapse import MODEL_COLOURS, MODEL_SYMBOLS, NEUTRAL, REFERENCE
from mtlviz.plots.label_places import label_places
from mtlviz.plots.style import finish

CLASS_SYMBOLS = ("circle", "diamond-open")
"""A filled and B open, both in the colour of the class."""


@dataclass(frozen=True)
class Measure:
    """A number of a class at a place.

    Attributes:
        field: of ``ClassRow``.
        title: on axes.
        higher_is_better: whether more of it means more collapsed.
        collapsed: its value under exact collapse; None where there is no one value.
        share: whether it is a share, drawn in per cent from 0 to 1.
        meaning: one sentence.
        formula: in LaTeX.
    """

    field: str
    title: str
    higher_is_better: bool
    collapsed: float
    share: bool
    meaning: str
    formula: str

    def of(self, row: ClassRow) -> float | None:
        """The number of one class; None where it has too few positions."""
        value: float | None = getattr(row, self.field)
        return value

    def text(self, value: float | None) -> str:
        """The number as it is written."""
        if value is None:
            return "too few positions"
        if self.share:
            return percent(value)
        return f"{value:.0f}°" if self.field == "vertex_angle" else f"{value:.2f}"


MEASURES = {
    one.title: one
    for one in (
        Measure(
            "scatter", "spread within the class", False, 0.0, False,
            "Mean squared distance of a class's features from their mean, over the mean squared distance of the class "
            "means from their centre.",
            r"v_c \,/\, \operatorname{Avg}_{c'} |\mu_{c'} - \mu_G|^2,\qquad v_c = \operatorname{Avg}_{h \in c} "
            r"|h - \mu_c|^2",
        ),
        Measure(
            "agreement", "agreement with the prediction", True, 1.0, True,
            "Share of a class's positions whose nearest class mean is the final prediction.",
            r"P(\arg\min_k |h - \mu_k| = \hat y \mid y = c)",
        ),
        Measure(
            "recall", "nearest mean is right", True, 1.0, True,
            "Share of a class's positions whose nearest class mean is their own.",
            r"P(\arg\min_k |h - \mu_k| = c \mid y = c)",
        ),
        Measure(
            "accuracy", "prediction is right", True, 1.0, True,
            "Share of a class's positions whose final prediction is right; it does not depend on the place.",
            r"P(\hat y = c \mid y = c)",
        ),
        Measure(
            "vertex_angle", "angle to the simplex vertex", False, 0.0, False,
            "Degrees between the centred class mean and its vertex of the nearest simplex frame.",
            r"\angle(\mu_c - \mu_G,\; m^\star_c)",
        ),
    )
}  # fmt: skip
"""What can be looked at a class, by title."""


@dataclass(frozen=True)
class ClassLine:
    """One model's classes at a place.

    Attributes:
        title: of the model.
        side: 0 for A, 1 for B.
        rows: of all classes, in label order.
    """

    title: str
    side: int
    rows: tuple[ClassRow, ...]


def order(rows: Sequence[ClassRow], measure: Measure) -> list[int]:
    """Labels from the class that lags most to the most collapsed one; classes without the number are left out."""
    known = [(value, row.label) for row in rows if (value := measure.of(row)) is not None]
    return [label for _, label in sorted(known, reverse=not measure.higher_is_better)]


def lag_figure(lines: Sequence[ClassLine], measure: Measure, labels: Sequence[int]) -> go.Figure:
    """Classes from the one that lags most, a dot a model.

    Args:
        lines: of the models.
        measure: what is drawn.
        labels: the classes from the top.
    """
    by_label = [{row.label: row for row in line.rows} for line in lines]
    traces = []
    for line, rows in zip(lines, by_label, strict=True):
        kept = [(at, rows[label]) for at, label in enumerate(labels) if measure.of(rows[label]) is not None]
        traces.append({
            "type": "scatter", "x": [measure.of(row) for _, row in kept], "y": [at for at, _ in kept],
            "mode": "markers", "name": line.title, "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {"color": MODEL_COLOURS[line.side], "symbol": MODEL_SYMBOLS[line.side], "size": 10},
            "hovertext": [_hover(line.title, row, measure) for _, row in kept],
        })  # fmt: skip
    shapes = [_reference(measure, "x")]
    for at, label in enumerate(labels):
        known = [value for rows in by_label if (value := measure.of(rows[label])) is not None]
        if len(known) > 1:
            shapes.append({"type": "line", "x0": min(known), "x1": max(known), "y0": at, "y1": at, "layer": "below",
                           "line": {"color": NEUTRAL, "width": 1.5}})  # fmt: skip
    names = [f"{by_label[0][label].name} ({percent(by_label[0][label].share)})" for label in labels]
    layout = {
        "yaxis": {"tickvals": list(range(len(labels))), "ticktext": names, "automargin": True, "ticksuffix": "  ",
                  "range": [len(labels) - 0.4, -0.6], "showgrid": True, "zeroline": False, "fixedrange": True},
        "xaxis": _axis(lines, measure), "shapes": shapes, "margin": {"l": 8, "r": 12, "t": 8, "b": 44},
        "dragmode": False,
    }  # fmt: skip
    return finish(go.Figure(traces, layout), height=80 + 22 * len(labels))


def frequency_figure(
    lines: Sequence[ClassLine], measure: Measure, colours: Sequence[str], labels: Sequence[int]
) -> go.Figure:
    """Every class by how often it occurs and how far it has collapsed, in the colour of the class.

    Args:
        lines: of the models; classes of the first are named.
        measure: on the y axis.
        colours: hex by label.
        labels: the classes that are drawn.
    """
    drawn = [
        [row for row in line.rows if row.label in labels and measure.of(row) is not None and row.share > 0]
        for line in lines
    ]
    axis = _axis(lines, measure)
    shares = [row.share for rows in drawn for row in rows] or [1.0]
    span = float(np.log10(min(shares)) - 0.25), float(min(np.log10(max(shares)) + 0.3, 0.08))
    traces = [_points(line, rows, measure, colours) for line, rows in zip(lines, drawn, strict=True)]
    if traces:
        traces[0] |= _names([trace["x"] for trace in traces], [trace["y"] for trace in traces], drawn[0], span, axis)
    ticks = [power for power in range(-6, 1) if span[0] <= power <= span[1]]
    layout = {
        "xaxis": {
            "type": "log", "range": span, "title": {"text": "share of the labelled positions", "standoff": 6},
            "tickvals": [10.0**power for power in ticks], "ticktext": [f"{100 * 10.0**power:g}%" for power in ticks],
            "showgrid": True, "zeroline": False, "fixedrange": True,
        },
        "yaxis": axis, "shapes": [_reference(measure, "y")], "margin": {"l": 56, "r": 12, "t": 12, "b": 44},
        "dragmode": False,
    }  # fmt: skip
    return finish(go.Figure(traces, layout), height=max(320, 80 + 22 * len(labels)))


def _points(line: ClassLine, rows: Sequence[ClassRow], measure: Measure, colours: Sequence[str]) -> dict[str, Any]:
    """The classes of one model."""
    filled = line.side == 0
    palette = [colours[row.label] for row in rows]
    outline = {"width": 1.2, "color": NEUTRAL} if filled else {"width": 2, "color": palette}
    return {
        "type": "scatter", "x": [row.share for row in rows], "y": [measure.of(row) for row in rows],
        "mode": "markers", "name": line.title, "cliponaxis": False, "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": palette, "symbol": CLASS_SYMBOLS[line.side], "size": 10, "line": outline},
        "hovertext": [_hover(line.title, row, measure) for row in rows],
    }  # fmt: skip


def _names(
    shares: Sequence[list[float]],
    values: Sequence[list[float]],
    named: Sequence[ClassRow],
    span: tuple[float, float],
    axis: dict[str, Any],
) -> dict[str, Any]:
    """Names of the first model's classes, off the points of all models."""
    low, high = axis["range"]
    x = (np.log10(np.concatenate(shares)) - span[0]) / (span[1] - span[0])
    y = (np.concatenate(values) - low) / (high - low)
    names = [row.name for row in named]
    places = label_places(x, y, [*names, *[""] * (len(x) - len(names))])[: len(names)]
    return {"mode": "markers+text", "text": names, "textposition": places, "textfont": {"size": 11}}


def _reference(measure: Measure, axis: str) -> dict[str, Any]:
    """The value of exact collapse as a line across the figure."""
    other = "y" if axis == "x" else "x"
    return {
        "type": "line", f"{axis}0": measure.collapsed, f"{axis}1": measure.collapsed, f"{other}ref": "paper",
        f"{other}0": 0, f"{other}1": 1, "line": REFERENCE, "layer": "below",
    }  # fmt: skip


def _axis(lines: Sequence[ClassLine], measure: Measure) -> dict[str, Any]:
    """The axis of the measure, the same in both figures."""
    values = [value for line in lines for row in line.rows if (value := measure.of(row)) is not None]
    low, high = min([*values, measure.collapsed]), max([*values, measure.collapsed, 1e-9])
    room = 0.06 * ((high - low) or 1.0)
    direction = "higher" if measure.higher_is_better else "lower"
    return {
        "range": [low - room, high + room], "zeroline": False, "fixedrange": True, "nticks": 6,
        "tickformat": ".0%" if measure.share else "", "ticksuffix": "°" if measure.field == "vertex_angle" else "",
        "title": {"text": f"{measure.title} ({direction} is more collapsed)", "standoff": 6}, "showgrid": True,
    }  # fmt: skip


def _hover(title: str, row: ClassRow, measure: Measure) -> str:
    return (
        f"{row.name}, {title}: {measure.text(measure.of(row))}<br>{percent(row.share)} of the positions "
        f"(n = {row.count:,})"
    )
