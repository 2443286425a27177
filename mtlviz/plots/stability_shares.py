"""Shares of picks against shares of tokens, class by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from mtlviz.plots.collapse import MODEL_SYMBOLS
from mtlviz.plots.style import finish

NEUTRAL = "#7a7f87"
GRID_LINE = "rgba(122,127,135,0.25)"
TICKS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
LABELLED = 0.06
"""A class is named where it lies this far from the diagonal, as a share of the axes."""


@dataclass(frozen=True)
class ClassDot:
    """One class of one model.

    Attributes:
        name: of the class.
        colour: of the class, as everywhere.
        side: 0 for A, 1 for B; gives the marker.
        tokens: share of the tokens.
        picks: share of the picks.
        said: a further line for hovering.
    """

    name: str
    colour: str
    side: int
    tokens: float
    picks: float
    said: str = ""


def share_figure(dots: Sequence[ClassDot], titles: Mapping[int, str]) -> go.Figure:
    """Picks against tokens on square-root axes, which leave room for rare classes; the diagonal means in proportion.

    Args:
        dots: the classes that are present.
        titles: by side those of the models that are drawn; dots of others are left out.
    """
    fig = go.Figure()
    top = max([0.05, *(share for dot in dots for share in (dot.tokens, dot.picks))]) * 1.15
    end = float(np.sqrt(min(top, 1.0)))
    fig.add_scatter(x=[0, end], y=[0, end], mode="lines", hoverinfo="skip", showlegend=False, name="in proportion",
                    line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})  # fmt: skip
    named = _named(dots, LABELLED * end)
    for side, title in titles.items():
        own = [dot for dot in dots if dot.side == side]
        fig.add_scatter(
            x=np.sqrt([dot.tokens for dot in own]), y=np.sqrt([dot.picks for dot in own]), mode="markers+text",
            name=title, showlegend=False, cliponaxis=False, text=[dot.name if dot in named else "" for dot in own],
            textposition=["middle left" if dot.picks > dot.tokens else "middle right" for dot in own],
            textfont={"size": 10},
            marker={"color": [dot.colour for dot in own], "symbol": MODEL_SYMBOLS[side], "size": 11,
                    "line": {"color": NEUTRAL, "width": 1.5}},
            hovertext=[_text(dot, title) for dot in own], hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
        fig.add_scatter(x=[None], y=[None], mode="markers", name=title,
                        marker={"color": NEUTRAL, "symbol": MODEL_SYMBOLS[side], "size": 10})  # fmt: skip
    ticks = [tick for tick in TICKS if tick <= top]
    axis = {"tickvals": np.sqrt(ticks), "ticktext": [f"{tick:.0%}" for tick in ticks], "zeroline": False,
            "showgrid": True, "gridcolor": GRID_LINE, "range": [-0.03 * end, 1.03 * end]}  # fmt: skip
    fig.update_xaxes(**axis, title={"text": "share of the tokens"})
    fig.update_yaxes(**axis, title={"text": "share of the picks"})
    fig.update_layout(dragmode=False, margin={"l": 62, "r": 12, "t": 30, "b": 46})
    finish(fig, height=400, legend=len(titles) > 1)
    return fig.update_layout(legend={"y": 1.01, "yanchor": "bottom"})


def _named(dots: Sequence[ClassDot], least: float) -> list[ClassDot]:
    """Of every class the dot farthest from the diagonal, where that is far enough to be worth a name."""
    farthest: dict[str, ClassDot] = {}
    for dot in sorted(dots, key=_distance):
        farthest[dot.name] = dot
    return [dot for dot in farthest.values() if _distance(dot) > least]


def _distance(dot: ClassDot) -> float:
    return float(abs(np.sqrt(dot.picks) - np.sqrt(dot.tokens)))


def _text(dot: ClassDot, title: str) -> str:
    said = f"{dot.name}, {title}<br>{dot.tokens:.1%} of the tokens, {dot.picks:.1%} of the picks"
    return said + (f"<br>{dot.said}" if dot.said else "")
