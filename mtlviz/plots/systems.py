"""Systems of a comparison: one look each, the same in every figure; and Delta_m as dots with intervals."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from mtlviz.analysis.systems import Row, Spread
from mtlviz.metrics.delta_m import LOWER_IS_BETTER
from mtlviz.plots.collapse import NEUTRAL
from mtlviz.plots.stability import GRID_LINE
from mtlviz.plots.style import METRIC_TITLES, finish, task_title
from mtlviz.tasks import TASKS

DELTA = "Δm"
"""How the mean gain over each task alone is called in figures and tables."""
ROW_HEIGHT = 38
LEGEND_ROW = 20
"""Pixels of a row of the legend."""


@dataclass(frozen=True)
class Look:
    """How a system is drawn.

    Attributes:
        colour: hex; neighbours in kind share a hue.
        symbol: of its markers; tells apart what shares a hue.
        dash: of its lines.
    """

    colour: str
    symbol: str
    dash: str = "solid"


LOOKS = {
    "single": Look("#7a7f87", "square", "dash"),
    "none": Look("#98a0aa", "circle", "dot"),
    "kem": Look("#2f7fc1", "circle"),
    "skem": Look("#12a0a6", "diamond"),
    "skem-literal": Look("#7476d8", "triangle-up", "dash"),
    "skem-normalised": Look("#a36bd3", "triangle-down", "dashdot"),
    "skem-learnable": Look("#c75fb0", "pentagon", "dot"),
    "inducing_points": Look("#55aede", "hexagon", "dash"),
    "ctal": Look("#3d9c5c", "star"),
    "cross_attention": Look("#d1711f", "square"),
    "topk_attention": Look("#c8493d", "cross", "dash"),
    "pair_attention": Look("#c99a1e", "x", "dashdot"),
}
"""Slots in blue and violet, affinities in green, attention from yellow to red, no exchange in grey."""
OTHERS = (
    Look("#8d6e57", "star-square"), Look("#b8575f", "bowtie"), Look("#7f8f3a", "hourglass"),
    Look("#5b6bd0", "hexagram"), Look("#4d9ab8", "star-diamond"), Look("#a9588f", "diamond-wide"),
)  # fmt: skip
"""Of systems that are not named above, in turn."""


def looks(names: Iterable[str]) -> dict[str, Look]:
    """How the systems of a comparison are drawn."""
    ordered = list(dict.fromkeys(names))
    strange = [name for name in ordered if name not in LOOKS]
    return {name: LOOKS.get(name) or OTHERS[strange.index(name) % len(OTHERS)] for name in ordered}


def metric_label(metric: str) -> str:
    """Name of a metric for a reader."""
    return METRIC_TITLES.get(metric, metric.replace("_", " "))


def metric_unit(metric: str) -> str:
    """Its unit; empty for shares."""
    own = next((task.metric_unit for task in TASKS.values() if task.metric == metric), "")
    return own or {"median_angle": "°", "rmse_angle": "°", "abs_err": "m"}.get(metric, "")


def axis_label(task: str, metric: str) -> str:
    """E.g. ``Depth RMSE (m) ↓``."""
    unit = metric_unit(metric)
    arrow = "↓" if LOWER_IS_BETTER.get(metric) else "↑"
    return f"{task_title(task)} {metric_label(metric)}{f' ({unit})' if unit else ''} {arrow}"


def amount(metric: str, value: float) -> str:
    """A value with as many decimals as tell systems apart, without its unit."""
    return "–" if not math.isfinite(value) else f"{value:.{2 if metric_unit(metric) == '°' else 4}f}"


def spread_text(metric: str, one: Spread) -> str:
    """E.g. ``0.6571 ± 0.0043``."""
    if one.deviation is None or not math.isfinite(one.mean):
        return amount(metric, one.mean)
    return f"{amount(metric, one.mean)} ± {amount(metric, one.deviation)}"


def percent_text(value: float | None) -> str:
    """A gain in percent with its sign; a true minus, as in print."""
    return "–" if value is None or not math.isfinite(value) else f"{value:+.2f}".replace("-", "−")


def gain_text(one: Spread | None) -> str:
    """E.g. ``+1.32 ± 0.41``."""
    if one is None:
        return "–"
    return percent_text(one.mean) + ("" if one.deviation is None else f" ± {one.deviation:.2f}")


def gain_limits(rows: Iterable[Row]) -> tuple[float, float] | None:
    """Ends of an axis on which the gains of all rows, on and off, lie with their intervals; None without any."""
    ends = [0.0]
    for row in rows:
        if row.gain is not None and math.isfinite(row.gain.mean):
            ends += [row.gain.mean - (row.gain.deviation or 0), row.gain.mean + (row.gain.deviation or 0)]
        if row.gain_off is not None and math.isfinite(row.gain_off):
            ends.append(row.gain_off)
    room = 0.06 * (max(ends) - min(ends))
    return None if len(ends) == 1 else (min(ends) - room, max(ends) + room)


def gain_figure(rows: Sequence[Row], limits: tuple[float, float] | None = None) -> go.Figure:
    """Delta_m by system, best above: filled with the interaction, open with it switched off, and the way between.

    Args:
        rows: systems; those without a gain are left out.
        limits: of the axis in percent, shared with the figure of another regime.
    """
    shown = sorted(
        (row for row in rows if row.gain is not None and math.isfinite(row.gain.mean)), key=lambda row: -_mean(row)
    )
    known = looks(row.name for row in rows)
    fig = go.Figure()
    for place, row in enumerate(shown):
        fig.add_traces(_dots(place, row, known[row.name]))
    fig.add_vline(x=0, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    kinds = (("interaction on", "circle"), ("switched off", "circle-open"))
    for name, symbol in kinds if any(row.gain_off is not None for row in shown) else ():
        marker = {"symbol": symbol, "size": 10, "color": NEUTRAL, "line": {"color": NEUTRAL, "width": 2}}
        fig.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=marker, hoverinfo="skip")
    fig.update_xaxes(title={"text": f"{DELTA} over each task alone (%)"}, range=limits, showgrid=True,
                     gridcolor=GRID_LINE, zeroline=False, nticks=7)  # fmt: skip
    fig.update_yaxes(tickvals=list(range(len(shown))), ticktext=[broken(row.title) for row in shown],
                     range=[len(shown) - 0.4, -0.6], showgrid=True, gridcolor=GRID_LINE, zeroline=False,
                     automargin=True, ticksuffix="  ")  # fmt: skip
    fig.update_layout(dragmode=False, margin={"l": 8, "r": 16, "t": 34, "b": 48})
    finish(fig, height=90 + ROW_HEIGHT * len(shown), legend=True)
    return fig.update_layout(legend={"y": 1, "yref": "container", "yanchor": "top"})


def legend_below(fig: go.Figure, systems: int, height: int, columns: int = 2) -> go.Figure:
    """Finish a figure whose legend names systems, with room for it where the window is narrow.

    Args:
        fig: with margins for titles above.
        systems: entries of the legend.
        height: of all that is not legend, in pixels.
        columns: entries side by side where the window is narrow.
    """
    below = 64 + LEGEND_ROW * -(-systems // columns)
    fig.update_layout(dragmode=False, margin={"l": 56, "r": 14, "t": 16, "b": below})
    finish(fig, height=height + below, legend=True)
    return fig.update_layout(legend={"y": 0, "yref": "container", "yanchor": "bottom"})


def broken(title: str) -> str:
    """A title on two lines where it is long, parted at the space nearest to its middle."""
    spaces = [place for place, letter in enumerate(title) if letter == " "]
    if len(title) <= 16 or not spaces:
        return title
    cut = min(spaces, key=lambda place: abs(place - len(title) / 2))
    return f"{title[:cut]}<br>{title[cut + 1 :]}"


def interval(values: Mapping[str, Any], one: Spread) -> dict[str, Any]:
    """An error bar of one deviation; nothing without one."""
    return {} if one.deviation is None else {"type": "data", "array": [one.deviation], "width": 0, **values}


def _dots(place: int, row: Row, look: Look) -> list[go.Scatter]:
    gain = row.gain or Spread(math.nan)
    over = f" (± over {gain.over})" if gain.over else ""
    marks = {"size": 11, "color": look.colour, "line": {"color": look.colour, "width": 2}}
    traces = [
        go.Scatter(
            x=[gain.mean], y=[place], mode="markers", name=row.title, showlegend=False,
            marker={**marks, "symbol": look.symbol},
            error_x=interval({"color": look.colour, "thickness": 2}, gain),
            hovertemplate=f"{row.title}<br>{DELTA} {gain_text(gain)}%{over}<extra></extra>",
        )
    ]  # fmt: skip
    if row.gain_off is not None and math.isfinite(row.gain_off):
        way = {"color": look.colour, "width": 1, "dash": "dot"}
        traces.insert(0, go.Scatter(x=[row.gain_off, gain.mean], y=[place, place], mode="lines", line=way,
                                    showlegend=False, hoverinfo="skip"))  # fmt: skip
        traces.append(go.Scatter(
            x=[row.gain_off], y=[place], mode="markers", name=f"{row.title}, off", showlegend=False,
            marker={**marks, "symbol": f"{look.symbol}-open"},
            hovertemplate=f"{row.title}, switched off<br>{DELTA} {percent_text(row.gain_off)}%<extra></extra>",
        ))  # fmt: skip
    return traces


def _mean(row: Row) -> float:
    return math.nan if row.gain is None else row.gain.mean
