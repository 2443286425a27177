"""What a token reads, as one map a source task; the same picture for every model, so that two compare."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float, UInt8

from mtlviz.analysis.attention import Readable
from mtlviz.plots.maps import Hover, Layer, Panel, Scale
from mtlviz.plots.style import SEQUENTIAL, colours, finish, ink, task_colour, task_title
from mtlviz.trace import TokenLayout

CELL = 16
"""Pixels a token in the drawn picture; hatching needs some."""
DECADES = 4
"""A logarithmic scale reaches at most so far below its largest value."""
VEIL = (245, 245, 245, 165)
"""Over tokens that were free to be read and are not."""
HATCH_LIGHT, HATCH_DARK = (205, 205, 205, 225), (150, 150, 150, 225)
"""Over tokens that the model cannot read at all."""


@dataclass(frozen=True)
class WeightScale:
    """How weights become colours.

    Attributes:
        low: weight at the start; smaller ones have the same colour.
        high: weight at the end.
        logarithmic: equal steps of colour are equal ratios.
    """

    low: float
    high: float
    logarithmic: bool

    def place(self, weights: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Place of weights on the scale, 0 to 1; NaN for weights of 0."""
        known = np.where(weights > 0, weights, np.nan).astype(np.float64)
        low, high = self.low, self.high
        if self.logarithmic:
            known, low, high = np.log10(known), np.log10(low), np.log10(high)
        places: Float[np.ndarray, "*shape"] = np.clip((known - low) / ((high - low) or 1.0), 0, 1)
        return places

    def bar(self) -> Scale:
        """The colour bar, labelled in per cent of all that is read."""
        if self.logarithmic:
            powers = np.arange(np.ceil(np.log10(self.low)), np.floor(np.log10(self.high)) + 1)
            values = 10.0**powers if len(powers) >= 2 else np.geomspace(self.low, self.high, 5)[1:-1]
        else:
            values = np.linspace(self.low, self.high, 5)[1:-1]
        ticks = tuple(zip(self.place(values).tolist(), map(percent, values), strict=True))
        return Scale(0, 1, "share of all that is read" + (" (log)" if self.logarithmic else ""), ticks=ticks)


def weight_scale(rows: Sequence[Float[np.ndarray, " _"]], *, logarithmic: bool) -> WeightScale:
    """One scale for all the rows, up to their largest weight.

    Args:
        rows: weights; 0 does not enter.
        logarithmic: start at the smallest weight, at most ``DECADES`` below the largest, instead of at 0.
    """
    positive = np.concatenate([row[row > 0] for row in rows]) if rows else np.zeros(0)
    high = float(positive.max()) if positive.size else 1.0
    if not logarithmic:
        return WeightScale(0.0, high, False)
    low = max(float(positive.min()) if positive.size else 0.1, high * 10.0**-DECADES)
    return WeightScale(low if low < high * 0.999 else high / 10, high, True)


def percent(share: float) -> str:
    """A share as per cent with two significant digits: 12%, 0.13%, 0.0041%."""
    if share <= 0:
        return "0%"
    digits = max(0, 1 - int(np.floor(np.log10(share * 100) + 1e-9)))
    return f"{share * 100:.{digits}f}%"


def weight_panels(
    row: Float[np.ndarray, " S"],
    readable: Readable,
    layout: TokenLayout,
    scale: WeightScale,
    *,
    model: str,
    opacity: float = 0.9,
    reading_task: str = "",
) -> tuple[Panel, ...]:
    """One map a task of the weights with which its tokens are read.

    Args:
        row: weights over all tokens.
        readable: tokens that can be read, and those that are; the others are drawn as not read.
        layout: the tokens.
        scale: of the colours, shared with the maps it is compared with.
        model: name shown with every map.
        opacity: of the coloured cells over the image.
        reading_task: task of the reading token, named where its own task is not read.
    """
    shape = (len(layout.tasks), *layout.grid)
    weights, candidates, read = (one.reshape(shape) for one in (row, readable.candidates, readable.read))
    total = float(row.sum()) or 1.0
    panels = []
    for index, task in enumerate(layout.tasks):
        picture = _picture(scale.place(weights[index]), candidates[index], read[index], opacity)
        texts = _texts(weights[index], candidates[index], read[index], int(readable.candidates.sum()))
        share = weights[index].sum() / total
        note = f"{percent(float(share))} of the weight"
        if not candidates[index].any():
            note = "not read: the reader's own task" if task == reading_task else "not read"
        layer = Layer(picture, "grid", values=np.where(candidates[index], weights[index], np.nan))
        panels.append(
            Panel(f"{model}: {task_title(task)}", (layer,), scale=scale.bar(), hover=Hover(texts), task=task, note=note)
        )
    return tuple(panels)


def source_bars(rows: Sequence[tuple[str, Float[np.ndarray, " T"]]], tasks: Sequence[str]) -> go.Figure:
    """One bar a reader, divided by the tasks whose tokens it reads.

    Args:
        rows: (label, share of each task), drawn from top to bottom.
        tasks: in token order.
    """
    labels = [label for label, _ in rows]
    fig = go.Figure()
    for index, task in enumerate(tasks):
        shares = [float(sources[index]) for _, sources in rows]
        fig.add_bar(
            y=labels, x=shares, orientation="h", name=task_title(task), marker={"color": task_colour(task)},
            text=[f"{share:.0%}" if share >= 0.06 else "" for share in shares], textposition="inside",
            textangle=0, insidetextfont={"color": ink(task_colour(task))}, insidetextanchor="middle",
            hovertemplate="%{y}<br>" + task_title(task) + ": %{x:.1%}<extra></extra>",
        )  # fmt: skip
    fig.update_layout(barmode="stack", bargap=0.25, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    fig.update_xaxes(range=[0, 1], tickformat=".0%", title={"text": "share of the weight"}, automargin=True)
    fig.update_yaxes(autorange="reversed", automargin=True, ticksuffix="  ")
    finish(fig, height=130 + 34 * len(rows), legend=True)
    # Above the bars: however many rows it needs on a narrow screen, it grows away from the axis title.
    return fig.update_layout(legend={"y": 1, "yanchor": "bottom", "traceorder": "normal"})


def source_matrix(sources: Float[np.ndarray, "T T"], tasks: Sequence[str], title: str) -> go.Figure:
    """Which task reads which, as a matrix: readers in rows, sources in columns, rows sum to 1.

    Args:
        sources: ``MapStatistics.sources``.
        tasks: in token order.
        title: above the matrix.
    """
    names = [task_title(task) for task in tasks]
    fig = go.Figure()
    fig.add_heatmap(
        z=sources, x=names, y=names, zmin=0, zmax=1, colorscale=SEQUENTIAL, showscale=False, xgap=2, ygap=2,
        text=[[f"{share:.0%}" for share in row] for row in sources], texttemplate="%{text}",
        hovertemplate="%{y} tokens take %{z:.1%} of what they read from %{x}<extra></extra>",
    )  # fmt: skip
    fig.update_layout(title={"text": title, "x": 0, "xref": "paper"}, margin={"l": 8, "r": 8, "t": 36, "b": 8})
    fig.update_xaxes(title={"text": "read from"}, automargin=True, tickangle=0)
    fig.update_yaxes(autorange="reversed", title={"text": "reader"}, automargin=True)
    return finish(fig, height=130 + 40 * len(tasks))


def _picture(
    places: Float[np.ndarray, "rows columns"],
    candidates: Bool[np.ndarray, "rows columns"],
    read: Bool[np.ndarray, "rows columns"],
    opacity: float,
) -> UInt8[np.ndarray, "h w 4"]:
    """Coloured where read, veiled where free but not read, hatched where it cannot be read."""
    shown = read & np.isfinite(places)
    rgba = np.concatenate([colours(places, 0, 1), np.full((*places.shape, 1), round(255 * opacity), np.uint8)], -1)
    rgba[~shown] = VEIL
    picture = rgba.repeat(CELL, 0).repeat(CELL, 1)
    down, right = np.indices(picture.shape[:2])
    stripe = (down + right) % CELL < CELL // 4
    closed = ~candidates.repeat(CELL, 0).repeat(CELL, 1)
    picture[closed & stripe], picture[closed & ~stripe] = HATCH_DARK, HATCH_LIGHT
    return picture


def _texts(
    weights: Float[np.ndarray, "rows columns"],
    candidates: Bool[np.ndarray, "rows columns"],
    read: Bool[np.ndarray, "rows columns"],
    count: int,
) -> np.ndarray:
    """What hovering over every token says."""
    texts = np.empty(weights.shape, object)
    for place, weight in np.ndenumerate(weights):
        if not candidates[place]:
            texts[place] = "cannot be read"
        elif not read[place] or weight <= 0:
            texts[place] = "free to be read, weight 0"
        else:
            texts[place] = f"{percent(float(weight))}, {weight * count:.2g} times an even share"
    return texts
