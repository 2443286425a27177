"""How much a selection changes: slot by slot, over strengths, and over a set of images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from mtlviz.analysis.stability.names import Measure
from mtlviz.plots.collapse import MODEL_COLOURS, MODEL_SYMBOLS
from mtlviz.plots.style import finish

NEUTRAL = "#7a7f87"
GRID_LINE = "rgba(122,127,135,0.25)"
ROW_HEIGHT = 112
APART = 0.17
"""Half the distance between two models at one place, in places."""


@dataclass(frozen=True)
class SlotLine:
    """One model's numbers by slot.

    Attributes:
        title: of the model.
        side: 0 for A, 1 for B; gives colour and marker.
        values: by measure ``(L,)``, NaN where a slot has none.
    """

    title: str
    side: int
    values: Mapping[str, Float[np.ndarray, " L"]]


@dataclass(frozen=True)
class Course:
    """One model's number over strengths.

    Attributes:
        title: of the model.
        side: 0 for A, 1 for B.
        strengths: in order.
        values: ``(strengths, seeds)``.
    """

    title: str
    side: int
    strengths: tuple[float, ...]
    values: Float[np.ndarray, "X seeds"]


@dataclass(frozen=True)
class SetDot:
    """A mean over images with its interval.

    Attributes:
        label: of the row.
        side: 0 for A, 1 for B.
        mean: over images.
        low: lower end of its interval; None without one.
        high: upper end.
        count: n.
    """

    label: str
    side: int
    mean: float
    low: float | None
    high: float | None
    count: int


def slot_figure(lines: Sequence[SlotLine], measures: Sequence[Measure]) -> go.Figure:
    """One row a measure, one column a slot, one dot a model.

    Args:
        lines: one a model.
        measures: what is drawn, from above.
    """
    fig = make_subplots(len(measures), 1, shared_xaxes=True, vertical_spacing=0.26 / len(measures))
    most = max(len(values) for line in lines for values in line.values.values())
    for row, measure in enumerate(measures, 1):
        for line in lines:
            fig.add_trace(_slot_dots(line, measure, len(lines), row == 1), row, 1)
        _slot_axis(fig, measure, [line.values[measure.key] for line in lines], row)
    fig.update_xaxes(range=[-0.7, most - 0.3], showgrid=True, gridcolor=GRID_LINE, zeroline=False, dtick=1, ticks="",
                     showticklabels=False)  # fmt: skip
    shown = list(range(0, most, 1 if most <= 24 else 5))
    fig.update_xaxes(showticklabels=True, tickvals=shown, tickangle=0, tickfont={"size": 10},
                     title={"text": "slot", "standoff": 4}, row=len(measures), col=1)  # fmt: skip
    fig.update_layout(dragmode=False, margin={"l": 46, "r": 8, "t": 54, "b": 40})
    finish(fig, height=ROW_HEIGHT * len(measures) + 94, legend=len(lines) > 1)
    return fig.update_layout(legend={"y": 1 + 34 / (ROW_HEIGHT * len(measures)), "yanchor": "bottom"})


def curve_figure(courses: Sequence[Course], measure: Measure, quantity: str, current: float) -> go.Figure:
    """A measure over strengths: the mean over seeds as a line, smallest to largest as a band.

    Args:
        courses: one a model.
        measure: what is drawn.
        quantity: what the strength is.
        current: the strength that the page shows.
    """
    fig = go.Figure()
    for course in courses:
        colour, x = MODEL_COLOURS[course.side], list(course.strengths)
        low, high = course.values.min(1), course.values.max(1)
        fig.add_scatter(
            x=[*x, *x[::-1]], y=[*high, *low[::-1]], fill="toself", fillcolor=colour, opacity=0.18, hoverinfo="skip",
            line={"width": 0}, mode="lines", showlegend=False, name=f"{course.title}, range",
        )  # fmt: skip
        fig.add_scatter(
            x=x, y=course.values.mean(1), mode="lines+markers", name=course.title, line={"color": colour, "width": 2},
            marker={"symbol": MODEL_SYMBOLS[course.side], "size": 8, "color": colour},
            customdata=np.stack([low, high], -1),
            hovertemplate=course.title + " at %{x:g}: %{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})"
            "<extra></extra>",
        )  # fmt: skip
    fig.add_vline(x=current, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"})
    fig.update_xaxes(title={"text": quantity}, showgrid=False, zeroline=False)
    if measure.same == 1:
        fig.update_yaxes(range=[min(0.0, *(float(one.values.min()) for one in courses)), 1.03])
    title = f"{measure.title}{_unit(measure)}"
    fig.update_yaxes(showgrid=True, gridcolor=GRID_LINE, zeroline=False)
    fig.update_layout(dragmode=False, margin={"l": 46, "r": 8, "t": 58, "b": 46}, annotations=[_above(title, 1.0, 26)])
    finish(fig, height=330, legend=len(courses) > 1)
    return fig.update_layout(legend={"y": 1.01, "yanchor": "bottom"})


def set_figure(dots: Sequence[SetDot], titles: Mapping[int, str], measure: Measure) -> go.Figure:
    """A measure over a set: one row a change, one dot with its interval a model.

    Args:
        dots: row by row, from above.
        titles: by side those of the models that are drawn.
        measure: what is drawn.
    """
    labels = list(dict.fromkeys(dot.label for dot in dots))
    fig = go.Figure()
    for side, title in titles.items():
        own = [dot for dot in dots if dot.side == side]
        shift = 0.0 if len(titles) == 1 else APART * (2 * side - 1)
        fig.add_scatter(
            x=[dot.mean for dot in own], y=[labels.index(dot.label) + shift for dot in own], mode="markers", name=title,
            marker={"symbol": MODEL_SYMBOLS[side], "size": 9, "color": MODEL_COLOURS[side]},
            error_x={
                "type": "data", "symmetric": False, "thickness": 2, "width": 0, "color": MODEL_COLOURS[side],
                "array": [0 if dot.high is None else dot.high - dot.mean for dot in own],
                "arrayminus": [0 if dot.low is None else dot.mean - dot.low for dot in own],
            },
            text=[_dot_text(dot, title) for dot in own], hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    fig.update_yaxes(tickvals=list(range(len(labels))), ticktext=labels, range=[len(labels) - 0.4, -0.6],
                     showgrid=True, gridcolor=GRID_LINE, zeroline=False, automargin=True, ticksuffix="  ")  # fmt: skip
    fig.update_xaxes(title={"text": f"{measure.title}{_unit(measure)}"}, showgrid=True, gridcolor=GRID_LINE,
                     zeroline=False, nticks=6)  # fmt: skip
    if measure.same is not None:
        fig.add_vline(x=measure.same, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    fig.update_layout(dragmode=False, margin={"l": 8, "r": 14, "t": 30, "b": 46})
    finish(fig, height=92 + 32 * len(labels), legend=len(titles) > 1)
    return fig.update_layout(legend={"y": 1.01, "yanchor": "bottom"})


def _slot_dots(line: SlotLine, measure: Measure, models: int, named: bool) -> go.Scatter:
    values = line.values[measure.key]
    shift = 0.0 if models == 1 else APART * (2 * line.side - 1)
    return go.Scatter(
        x=np.arange(len(values)) + shift, y=values, mode="markers", name=line.title, legendgroup=line.title,
        showlegend=named,
        marker={"symbol": MODEL_SYMBOLS[line.side], "size": 8, "color": MODEL_COLOURS[line.side]},
        text=[
            f"slot {slot}, {line.title}<br>{measure.title} "
            + (f"{value:.3f}{_unit(measure)}" if np.isfinite(value) else "unknown")
            for slot, value in enumerate(values)
        ],
        hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _slot_axis(fig: go.Figure, measure: Measure, values: Sequence[Float[np.ndarray, " _"]], row: int) -> None:
    """The scale of one row and its title above it."""
    known = np.concatenate([one[np.isfinite(one)] for one in values]) if values else np.zeros(0)
    reference = measure.same if measure.same is not None else 0.0
    low, high = (min(0.0, *known), max(reference, *known)) if known.size else (0.0, 1.0)
    room = 0.08 * ((high - low) or 1.0)
    fig.update_yaxes(range=[low - room, high + room], nticks=4, showgrid=False, zeroline=False, row=row, col=1)
    fig.add_hline(y=reference, line={"color": NEUTRAL, "width": 1.2, "dash": "dash"}, row=row, col=1)
    top = fig.layout[f"yaxis{row if row > 1 else ''}"].domain[1]
    fig.add_annotation(_above(f"{measure.title}{_unit(measure)}", top, 1))


def _above(text: str, top: float, shift: int) -> dict[str, Any]:
    return {"text": f"<b>{text}</b>", "x": 0, "y": top, "xref": "paper", "yref": "paper", "xanchor": "left",
            "yanchor": "bottom", "yshift": shift, "showarrow": False, "borderpad": 0}  # fmt: skip


def _dot_text(dot: SetDot, title: str) -> str:
    spread = "" if dot.low is None or dot.high is None else f" [{dot.low:.3f}, {dot.high:.3f}]"
    return f"{dot.label}, {title}<br>{dot.mean:.3f}{spread}, n = {dot.count}"


def _unit(measure: Measure) -> str:
    return f" ({measure.unit})" if measure.unit else ""
