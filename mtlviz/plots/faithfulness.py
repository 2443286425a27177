"""Maps against effects: one image cell by cell, and the rank correlations of all maps over a set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from scipy.stats import rankdata

from mtlviz.plots.style import finish

NEUTRAL, FAINT = "#7a7f87", "rgba(122,127,135,0.25)"
LOOKS = {"faithful": ("#2a6f97", "circle"), "random": ("#c2561f", "diamond-open"), "shuffled": (NEUTRAL, "x-thin-open")}
"""Colour and symbol of the map and of its controls."""
OFFSETS = {"faithful": 0.2, "random": -0.04, "shuffled": -0.26}
"""Of their marks above the middle of a row, in rows."""
ROW_HEIGHT = 46


@dataclass(frozen=True)
class Strip:
    """One kind of map of one model over a set.

    Attributes:
        kind: title of the kind.
        model: title of the model.
        means: by measure (mean, low, high); NaN where there is no interval.
        single: by measure one value an image.
    """

    kind: str
    model: str
    means: Mapping[str, tuple[float, float, float]]
    single: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Cloud:
    """The cells of one row of a map.

    Attributes:
        names: of the cells.
        colours: of the cells.
        symbols: of the cells.
        weights: what the map says.
        effects: what taking them away does.
        random: what the map of random weights says.
        unit: of the effects.
    """

    names: Sequence[str]
    colours: Sequence[str]
    symbols: Sequence[str]
    weights: Float[np.ndarray, " n"]
    effects: Float[np.ndarray, " n"]
    random: Float[np.ndarray, " n"]
    unit: str


def strip_figure(strips: Sequence[Strip], titles: Mapping[str, str]) -> go.Figure:
    """One row a model, grouped by kind of map; means with intervals over the dots of single images.

    Args:
        strips: in order, those of one kind together.
        titles: of the measures that are drawn, by key of ``LOOKS``.
    """
    places, heads = _places(strips)
    fig = go.Figure()
    for key, (colour, symbol) in LOOKS.items():
        _add_singles(fig, strips, places, key, colour)
        means = [strip.means.get(key, (np.nan,) * 3) for strip in strips]
        x = [mean for mean, _, _ in means]
        fig.add_scatter(
            x=x, y=[place + OFFSETS[key] for place in places], mode="markers", name=titles[key],
            marker={"color": colour, "symbol": symbol, "size": 10, "line": {"width": 2, "color": colour}},
            error_x={"type": "data", "symmetric": False, "thickness": 2, "width": 0, "color": colour,
                     "array": [high - mean for mean, _, high in means],
                     "arrayminus": [mean - low for mean, low, _ in means]},
            customdata=[[strip.kind, strip.model, *ends] for strip, ends in zip(strips, means, strict=True)],
            hovertemplate="%{customdata[1]}, %{customdata[0]}<br>" + titles[key]
            + " ρ %{x:.2f} [%{customdata[3]:.2f}, %{customdata[4]:.2f}]<extra></extra>",
        )  # fmt: skip
    for place, kind in heads:
        fig.add_annotation(x=0, xref="paper", y=place, text=f"<b>{kind}</b>", showarrow=False, xanchor="left",
                           yanchor="middle", align="left")  # fmt: skip
    fig.add_vline(0, line={"color": NEUTRAL, "dash": "dash", "width": 1})
    fig.update_xaxes(range=[-1.02, 1.02], title={"text": "rank correlation with the effect, ρ"}, gridcolor=FAINT,
                     zeroline=False, dtick=0.5)  # fmt: skip
    fig.update_yaxes(tickvals=places, ticktext=[strip.model for strip in strips], range=[min(places) - 0.6, 0.6],
                     showgrid=False, zeroline=False, automargin=True, ticksuffix="  ")  # fmt: skip
    fig.update_layout(margin={"l": 8, "r": 8, "t": 44, "b": 8})
    rows = -min(places) + 1.2
    finish(fig, height=round(ROW_HEIGHT * rows + 110), legend=True)
    return fig.update_layout(legend={"y": 1, "yanchor": "bottom"})


def cloud_figure(cloud: Cloud, what: str) -> go.Figure:
    """Every cell by its rank in the map and in the effects; on the diagonal the map foretells the order.

    Args:
        cloud: the cells.
        what: a cell is.
    """
    fig = go.Figure()
    known = np.isfinite(cloud.weights) & np.isfinite(cloud.effects) & np.isfinite(cloud.random)
    chosen = np.flatnonzero(known).tolist()
    count = len(chosen)
    by_map, by_effect, by_random = (rankdata(one[known]) for one in (cloud.weights, cloud.effects, cloud.random))
    fig.add_shape(type="line", x0=1, y0=1, x1=max(count, 1), y1=max(count, 1),
                  line={"color": NEUTRAL, "dash": "dash", "width": 1})  # fmt: skip
    fig.add_scatter(
        x=by_random, y=by_effect, mode="markers", name="map of random weights", hoverinfo="skip",
        marker={"symbol": "diamond-open", "size": 6, "color": NEUTRAL, "opacity": 0.55},
    )  # fmt: skip
    fig.add_scatter(
        x=by_map, y=by_effect, mode="markers", name="map of the model",
        marker={"color": [cloud.colours[index] for index in chosen], "size": 11,
                "symbol": [cloud.symbols[index] for index in chosen], "line": {"color": "#ffffff", "width": 1}},
        customdata=[[cloud.names[index], float(cloud.weights[index]), float(cloud.effects[index])] for index in chosen],
        hovertemplate=f"%{{customdata[0]}}<br>map %{{customdata[1]:.3g}}, effect %{{customdata[2]:.3g}}{cloud.unit}"
        "<extra></extra>",
    )  # fmt: skip
    pad = 0.04 * max(count, 1) + 0.5
    ends = [1 - pad, max(count, 1) + pad]
    fig.update_xaxes(title={"text": f"{what} by what the map says (right: most)"}, range=ends, gridcolor=FAINT,
                     zeroline=False, showticklabels=False)  # fmt: skip
    fig.update_yaxes(title={"text": "by effect (top: most)"}, range=ends, gridcolor=FAINT, zeroline=False,
                     showticklabels=False)  # fmt: skip
    fig.update_layout(margin={"l": 30, "r": 8, "t": 30, "b": 36})
    finish(fig, height=380, legend=True)
    return fig.update_layout(legend={"y": 1.0, "yanchor": "bottom"})


def _places(strips: Sequence[Strip]) -> tuple[list[float], list[tuple[float, str]]]:
    """Where every row stands, from 0 downwards, and the titles above each group."""
    places: list[float] = []
    heads: list[tuple[float, str]] = []
    level, last = 0.0, None
    for strip in strips:
        if strip.kind != last:
            heads.append((level, strip.kind))
            level, last = level - 0.75, strip.kind
        places.append(level)
        level -= 1.0
    return places, heads


def _add_singles(fig: go.Figure, strips: Sequence[Strip], places: Sequence[float], key: str, colour: str) -> None:
    x = [value for strip in strips for value in strip.single.get(key, ())]
    y = [place + OFFSETS[key] for strip, place in zip(strips, places, strict=True) for _ in strip.single.get(key, ())]
    fig.add_scatter(x=np.array(x, float), y=np.array(y, float), mode="markers", hoverinfo="skip", showlegend=False,
                    marker={"color": colour, "size": 4, "opacity": 0.28})  # fmt: skip
