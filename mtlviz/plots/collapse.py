"""Statistics of neural collapse: dots with bands over the places of a network, and lines over training steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from mtlviz.analysis.collapse.names import Statistic
from mtlviz.analysis.collapse.record import Estimate
from mtlviz.plots.style import PLACE_TITLES, finish
from mtlviz.trace import PLACES

MODEL_COLOURS = ("#5f7ea8", "#c27d26")
"""A and B as dots and lines: the hues of their bars elsewhere, of a lightness that stands out on white and on dark."""
MODEL_SYMBOLS = ("circle", "diamond")
TICKS = {
    "encoder": "encoder", "task_encoder": "task<br>encoder", "interaction_input": "inter.<br>input",
    "interaction_output": "inter.<br>output", "decoder": "decoder",
}  # fmt: skip
NEUTRAL = "#7a7f87"
REFERENCE: dict[str, Any] = {"color": NEUTRAL, "width": 1.5, "dash": "dash"}
PANEL_HEIGHT = 236
BAND_WIDTH, BAND_OPACITY = 8, 0.4
NAMES_WIDTH = 124
"""Pixels for the names of rows where a figure of rows stands in a row of panels."""
APART = 0.09
"""Half the distance between two models at one place, in places."""


@dataclass(frozen=True)
class Line:
    """One model's numbers in a panel.

    Attributes:
        title: of the model.
        side: 0 for A, 1 for B; gives colour and marker.
        estimates: by place, or by key of a statistic.
    """

    title: str
    side: int
    estimates: Mapping[str, Estimate]

    @property
    def colour(self) -> str:
        """Of dots and lines."""
        return MODEL_COLOURS[self.side]

    @property
    def symbol(self) -> str:
        """Of dots."""
        return MODEL_SYMBOLS[self.side]


@dataclass(frozen=True)
class Spectrum:
    """One model's shares of the variance on the principal axes of its features, largest first."""

    title: str
    side: int
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Course:
    """One model's number over its training.

    Attributes:
        title: of the model.
        side: 0 for A, 1 for B.
        steps: at which the training logged.
        values: at those steps; None where the number is not defined.
    """

    title: str
    side: int
    steps: tuple[int, ...]
    values: tuple[float | None, ...]


def place_panel(statistic: Statistic, lines: Sequence[Line]) -> go.Figure:
    """One statistic at every place, a dot a model with its band, and the value of exact collapse.

    Args:
        statistic: what is drawn.
        lines: of the models; places that one lacks are left out for it.
    """
    places = [place for place in PLACES if any(place in line.estimates for line in lines)]
    axis = {
        "tickvals": list(range(len(places))), "ticktext": [TICKS[place] for place in places], "showgrid": False,
        "range": [-0.45, len(places) - 0.55], "tickfont": {"size": 11}, "zeroline": False, "tickangle": 0,
        "fixedrange": True,
    }  # fmt: skip
    traces = [_dots(line, places, PLACE_TITLES, APART if len(lines) > 1 else 0.0) for line in lines]
    values = [end for line in lines for one in line.estimates.values() for end in (one.value, one.low, one.high)]
    return _panel(traces, axis, statistic, [value for value in values if value is not None])


def key_rows(statistics: Sequence[Statistic], lines: Sequence[Line], title: str = "") -> go.Figure:
    """Statistics that exist at one place only, one a row, with a mark where exact collapse would put them.

    Args:
        statistics: the rows, from the top.
        lines: of the models; their estimates are by key.
        title: above a figure that stands in a row of panels, as high as they are.
    """
    titles = {one.key: one.title for one in statistics}
    mark = {"symbol": "line-ns-open", "size": 20, "color": NEUTRAL, "line": {"width": 2}}
    traces = [
        {
            "type": "scatter", "x": [one.collapsed for one in statistics], "y": list(range(len(titles))),
            "mode": "markers", "name": "exact collapse", "marker": mark,
            "hovertemplate": "exact collapse: %{x}<extra></extra>",
        },
        *(_dots(line, list(titles), titles, 0.13 if len(lines) > 1 else 0.0, across=True) for line in lines),
    ]  # fmt: skip
    top = max([1.0, *(_top(line.estimates.get(key)) for line in lines for key in titles)]) * 1.05
    known = [one.value for line in lines for key in titles if (one := line.estimates.get(key)) is not None]
    low = min([0.0, *(value for value in known if value is not None)])  # a cosine may be negative
    layout: dict[str, Any] = {
        "yaxis": {
            "tickvals": list(range(len(titles))), "ticktext": [_folded(title) for title in titles.values()],
            "automargin": True, "range": [len(titles) - 0.4, -0.6], "showgrid": False, "zeroline": False,
            "ticksuffix": "  ", "fixedrange": True,
        },
        "xaxis": {"range": [1.05 * low - 0.04 * top, top], "title": {"text": "value (no unit)", "standoff": 6},
                  "nticks": 6, "zeroline": False, "fixedrange": True},
        "margin": {"l": 8, "r": 12, "t": 8, "b": 44}, "dragmode": False,
    }  # fmt: skip
    if title:
        layout["yaxis"] |= {"automargin": False, "ticktext": [_folded(one, 18) for one in titles.values()]}
        return finish(go.Figure(traces, layout | _titled(title, NAMES_WIDTH)), height=PANEL_HEIGHT)
    return finish(go.Figure(traces, layout), height=70 + 40 * len(titles))


def course_panel(statistic: Statistic, courses: Sequence[Course]) -> go.Figure:
    """One statistic over training steps, one line a model, and the value of exact collapse.

    Args:
        statistic: what is drawn.
        courses: of the models.
    """
    traces = [
        _connected(course.title, course.side, list(course.steps), list(course.values), "step %{x:,}: %{y:.3g}")
        for course in courses
    ]
    last = max((step for course in courses for step in course.steps), default=1)
    axis = {"title": {"text": "training step", "standoff": 6}, "showgrid": False, "zeroline": False, "nticks": 5,
            "range": [-0.03 * last, 1.03 * last], "fixedrange": True}  # fmt: skip
    values = [value for course in courses for value in course.values if value is not None]
    return _panel(traces, axis, statistic, values)


def spectrum_panel(title: str, spectra: Sequence[Spectrum], dimension: int) -> go.Figure:
    """Shares of the variance on the principal axes of the features; exact collapse leaves ``dimension`` of them.

    Args:
        title: above the panel.
        spectra: of the models.
        dimension: n, of the regression's target.
    """
    traces = [
        _connected(one.title, one.side, list(range(1, len(one.shares) + 1)), list(one.shares),
                   "axis %{x}: %{y:.1%} of the variance")
        for one in spectra
    ]  # fmt: skip
    longest = max([2, *(len(one.shares) for one in spectra)])
    edge = {"type": "line", "x0": dimension + 0.5, "x1": dimension + 0.5, "yref": "paper", "y0": 0, "y1": 1,
            "line": REFERENCE}  # fmt: skip
    note = {
        "x": dimension + 0.5, "y": 1, "yref": "paper", "xanchor": "left", "yanchor": "top", "xshift": 4,
        "showarrow": False, "text": "collapse: nothing<br>right of the line", "font": {"size": 11}, "align": "left",
    }  # fmt: skip
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": "principal axis", "standoff": 6}, "range": [0.4, longest + 0.6], "tick0": 1,
                  "dtick": 1 if longest <= 8 else 3, "showgrid": False, "zeroline": False, "fixedrange": True},
        "yaxis": {"tickformat": ".0%", "rangemode": "tozero", "zeroline": False, "nticks": 5, "fixedrange": True},
        "shapes": [edge], **_titled(title),
    }  # fmt: skip
    layout["annotations"] = [*layout["annotations"], note]
    return finish(go.Figure(traces, layout), height=PANEL_HEIGHT)


def band_text(one: Estimate) -> str:
    """A number with its band: ``0.812 (0.77 to 0.86)``."""
    if one.value is None:
        return "not defined"
    if one.low is None or one.high is None:
        return f"{one.value:.3g}"
    return f"{one.value:.3g} ({one.low:.3g} to {one.high:.3g})"


def _dots(
    line: Line, positions: Sequence[str], names: Mapping[str, str], apart: float, across: bool = False
) -> dict[str, Any]:
    """Dots with bands, ``apart`` off the middle; ``across`` puts the values on the x axis."""
    known = [name for name in positions if name in line.estimates and line.estimates[name].value is not None]
    estimates = [line.estimates[name] for name in known]
    where = [positions.index(name) + apart * (2 * line.side - 1) for name in known]
    values = [one.value or 0.0 for one in estimates]
    tint = f"rgba({','.join(str(part) for part in hex_to_rgb(line.colour))},{BAND_OPACITY})"
    band = {
        "type": "data", "symmetric": False, "thickness": BAND_WIDTH, "width": 0, "color": tint,
        "array": [0.0 if one.high is None else one.high - value for one, value in zip(estimates, values, strict=True)],
        "arrayminus": [
            0.0 if one.low is None else value - one.low for one, value in zip(estimates, values, strict=True)
        ],
    }  # fmt: skip
    axes = {"x": values, "y": where, "error_x": band} if across else {"x": where, "y": values, "error_y": band}
    return {
        "type": "scatter", **axes, "name": line.title, "mode": "markers" if across else "lines+markers",
        "marker": {"color": line.colour, "symbol": line.symbol, "size": 7}, "line": {"color": tint, "width": 1.5},
        "hovertext": [f"{line.title}, {names[name]}: {band_text(line.estimates[name])}" for name in known],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }  # fmt: skip


def _connected(title: str, side: int, x: list[int], y: Sequence[float | None], hover: str) -> dict[str, Any]:
    colour = MODEL_COLOURS[side]
    return {
        "type": "scatter", "x": x, "y": list(y), "name": title, "mode": "lines+markers",
        "line": {"color": colour, "width": 2}, "marker": {"symbol": MODEL_SYMBOLS[side], "size": 6, "color": colour},
        "hovertemplate": f"{title}, {hover}<extra></extra>",
    }  # fmt: skip


def _panel(
    traces: list[dict[str, Any]], axis: dict[str, Any], statistic: Statistic, values: Sequence[float]
) -> go.Figure:
    """Axis, title and reference that panels over places and over steps share, so that they can be compared."""
    low, high = min([statistic.collapsed, *values]), max([statistic.collapsed, *values])
    room = 0.07 * ((high - low) or 1.0)
    share = statistic.collapsed == 1.0 and low >= 0 and high <= 1
    reference = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": statistic.collapsed,
                 "y1": statistic.collapsed, "line": REFERENCE, "layer": "below"}  # fmt: skip
    layout = {
        "xaxis": axis,
        "yaxis": {"range": [low - room, high + room], "zeroline": False, "nticks": 5, "fixedrange": True,
                  "tickformat": ".0%" if share else ""},
        "shapes": [reference], **_titled(statistic.title),
    }  # fmt: skip
    return finish(go.Figure(traces, layout), height=PANEL_HEIGHT)


def _titled(title: str, left: int = 44) -> dict[str, Any]:
    """Heading and margins of a panel, so that panels in a row line up.

    The heading is an annotation, since the app's theme moves titles.

    Args:
        title: the heading.
        left: pixels of the margin, which the heading does not share but in rows of names.
    """
    heading = {"text": f"<b>{_folded(title, 36)}</b>", "x": 0, "y": 1, "xref": "paper", "yref": "paper", "yshift": 8,
               "xanchor": "left", "yanchor": "bottom", "align": "left", "showarrow": False,
               "xshift": 8 - left if left == NAMES_WIDTH else 0}  # fmt: skip
    return {"annotations": [heading], "margin": {"l": left, "r": 8, "t": 44, "b": 44}, "dragmode": False}


def _folded(text: str, most: int = 24) -> str:
    """Text on lines of at most ``most`` letters, broken between words."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)


def _top(one: Estimate | None) -> float:
    """Upper end of a number's band, or the number; 0 without one."""
    ends = [] if one is None else [end for end in (one.high, one.value) if end is not None]
    return max(ends, default=0.0)
