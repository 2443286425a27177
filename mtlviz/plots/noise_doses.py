"""What disturbances do to the tasks that were not disturbed: dose-response curves, dots, and who leaks into whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from mtlviz.plots.collapse import MODEL_COLOURS, MODEL_SYMBOLS, NEUTRAL
from mtlviz.plots.stability import GRID_LINE
from mtlviz.plots.style import finish

COLOURS = (*MODEL_COLOURS, "#3f9a86", "#a76bb5", "#b8575f", "#7f8f3a", "#8c6d57", "#5b6bd0", "#c25a92", "#4d9ab8")
"""A, B, then every other model in turn."""
SYMBOLS = (*MODEL_SYMBOLS, "square", "triangle-up", "cross", "triangle-down", "pentagon", "star", "hexagon", "x")
LEGEND_COLUMNS = 2
"""Models in a row of the legend where it is narrow."""
APART = 0.32
"""Half the height that the models of one row take, in rows."""


@dataclass(frozen=True)
class Point:
    """One dose of one model.

    Attributes:
        dose: its place on the horizontal axis.
        mean: of the measure.
        low: lower end of its interval; None without one.
        high: upper end.
        text: what was done, for the pointer.
        single: not a point of the curve, e.g. features of another image.
    """

    dose: float
    mean: float
    low: float | None = None
    high: float | None = None
    text: str = ""
    single: bool = False


@dataclass(frozen=True)
class Response:
    """One model's curve.

    Attributes:
        title: of the model.
        place: 0 for A, 1 for B, then the others; gives colour and marker.
        points: from small to large doses.
    """

    title: str
    place: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Dot:
    """One number of one model in a row."""

    label: str
    title: str
    place: int
    mean: float
    low: float | None = None
    high: float | None = None


def response_figure(
    responses: Sequence[Response],
    title: str,
    dose: str,
    *,
    same: float | None = 0.0,
    limits: tuple[float, float] | None = None,
    models: int = 0,
) -> go.Figure:
    """A measure over doses, one line a model, its interval as a band; single experiments as open markers.

    Args:
        responses: of the models.
        title: of the measure, with its unit.
        dose: title of the horizontal axis.
        same: the measure where nothing was done; the curves start there. None starts them at their first dose.
        limits: of the vertical axis, shared with a figure beside it.
        models: that the legend has room for, so that two figures line up.
    """
    fig = go.Figure()
    for one in responses:
        curve = [point for point in one.points if not point.single]
        if curve and same is not None:
            curve = [Point(0.0, same, same, same, "nothing done"), *curve]
        fig.add_traces([*_band(one, curve), *_line(one, curve, [point for point in one.points if point.single])])
    if same is not None:
        fig.add_hline(y=same, line={"color": NEUTRAL, "width": 1, "dash": "dash"})
    fig.update_xaxes(title={"text": dose}, showgrid=False, zeroline=False, rangemode="tozero")
    fig.update_yaxes(showgrid=True, gridcolor=GRID_LINE, zeroline=False, range=limits)
    below = 56 + 22 * -(-max(models, len(responses)) // LEGEND_COLUMNS)
    fig.update_layout(dragmode=False, margin={"l": 54, "r": 10, "t": 32, "b": below}, annotations=[_above(title)])
    finish(fig, height=290 + below, legend=True)
    return fig.update_layout(legend={"y": 0, "yref": "container", "yanchor": "bottom"})


def dots_figure(
    dots: Sequence[Dot],
    title: str,
    axis: str,
    *,
    same: float | None = 0.0,
    limits: tuple[float, float] | None = None,
    models: int = 0,
) -> go.Figure:
    """Rows of numbers, one dot with its interval a model.

    Args:
        dots: row by row, from above.
        title: above the rows.
        axis: the measure, with its unit.
        same: where nothing changed, drawn dashed.
        limits: of the horizontal axis, shared with a figure beside it.
        models: that there is room for, so that two figures line up.
    """
    labels = list(dict.fromkeys(dot.label for dot in dots))
    looks = list(dict.fromkeys((dot.title, dot.place) for dot in dots))
    fig = go.Figure()
    for order, (name, place) in enumerate(looks):
        own = [dot for dot in dots if (dot.title, dot.place) == (name, place)]
        shift = 0.0 if len(looks) == 1 else APART * (2 * order / (len(looks) - 1) - 1)
        colour = COLOURS[place % len(COLOURS)]
        fig.add_scatter(
            x=[dot.mean for dot in own], y=[labels.index(dot.label) + shift for dot in own], mode="markers", name=name,
            marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 9, "color": colour},
            error_x={"type": "data", "symmetric": False, "thickness": 2, "width": 0, "color": colour,
                     "array": [0 if dot.high is None else dot.high - dot.mean for dot in own],
                     "arrayminus": [0 if dot.low is None else dot.mean - dot.low for dot in own]},
            text=[f"{dot.label}, {name}<br>{_said(dot.mean, dot.low, dot.high)}" for dot in own],
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    if same is not None:
        fig.add_vline(x=same, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    fig.update_yaxes(tickvals=list(range(len(labels))), ticktext=labels, range=[len(labels) - 0.45, -0.55],
                     showgrid=True, gridcolor=GRID_LINE, zeroline=False, automargin=True, ticksuffix="  ")  # fmt: skip
    fig.update_xaxes(title={"text": axis}, showgrid=True, gridcolor=GRID_LINE, zeroline=False, nticks=6, range=limits)
    most = max(models, len(looks))
    below = 56 + 22 * -(-most // LEGEND_COLUMNS)
    fig.update_layout(dragmode=False, margin={"l": 8, "r": 14, "t": 32, "b": below}, annotations=[_above(title)])
    finish(fig, height=40 + below + len(labels) * max(36, 18 * most), legend=True)
    return fig.update_layout(legend={"y": 0, "yref": "container", "yanchor": "bottom"})


def _band(one: Response, curve: Sequence[Point]) -> list[go.Scatter]:
    known = [point for point in curve if point.low is not None and point.high is not None]
    if len(known) < 2 or all(point.low == point.high for point in known):
        return []
    doses = [point.dose for point in known]
    ends = [point.high for point in known] + [point.low for point in known[::-1]]
    return [
        go.Scatter(
            x=[*doses, *doses[::-1]], y=ends, fill="toself", fillcolor=COLOURS[one.place % len(COLOURS)], opacity=0.18,
            hoverinfo="skip", line={"width": 0}, mode="lines", showlegend=False, legendgroup=one.title,
            name=f"{one.title}, interval",
        )
    ]  # fmt: skip


def _line(one: Response, curve: Sequence[Point], singles: Sequence[Point]) -> list[go.Scatter]:
    colour, symbol = COLOURS[one.place % len(COLOURS)], SYMBOLS[one.place % len(SYMBOLS)]
    traces: list[go.Scatter] = []
    for points, mode, mark, width in ((curve, "lines+markers", symbol, 0), (singles, "markers", f"{symbol}-open", 2)):
        if points:
            traces.append(
                go.Scatter(
                    x=[point.dose for point in points], y=[point.mean for point in points], mode=mode, name=one.title,
                    line={"color": colour, "width": 2}, legendgroup=one.title, showlegend=not traces,
                    marker={"symbol": mark, "size": 8 if not width else 11, "color": colour,
                            "line": {"color": colour, "width": width}},
                    text=[f"{one.title}, {point.text}<br>{_said(point.mean, point.low, point.high)}"
                          for point in points],
                    hovertemplate="%{text}<extra></extra>",
                )
            )  # fmt: skip
    return traces


def _said(mean: float, low: float | None, high: float | None) -> str:
    return f"{mean:.3g}" + ("" if low is None or high is None else f" [{low:.3g}, {high:.3g}]")


def _above(text: str) -> dict[str, Any]:
    return {"text": f"<b>{text}</b>", "x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left",
            "yanchor": "bottom", "yshift": 8, "showarrow": False, "borderpad": 0}  # fmt: skip
