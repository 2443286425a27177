"""How the leaked mass is spread over tokens, and over pairs of tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from mtlviz.plots.collapse import MODEL_COLOURS, REFERENCE
from mtlviz.plots.stability import GRID_LINE
from mtlviz.plots.style import DIVERGING, SEQUENTIAL, finish, task_title

BINS = 40
HEIGHT = 330


@dataclass(frozen=True)
class Spread:
    """Leaked mass of the tokens of one model.

    Attributes:
        title: of the model.
        side: 0 for A, 1 for B; gives colour and marker.
        mass: ``(rows,)``, NaN where a token has none.
        chance: ``(rows,)``.
    """

    title: str
    side: int
    mass: Float[np.ndarray, " rows"]
    chance: Float[np.ndarray, " rows"]


def spread_figure(spreads: Sequence[Spread]) -> go.Figure:
    """How many tokens leak how much: one outline a model over the same bins, its mean and the mean chance."""
    edges, fig = np.linspace(0, 1, BINS + 1), go.Figure()
    for spread in spreads:
        colour, known = MODEL_COLOURS[spread.side], spread.mass[np.isfinite(spread.mass)]
        share = np.histogram(np.clip(known, 0, 1), edges)[0] / max(len(known), 1)
        fig.add_scatter(
            x=edges, y=[*share, share[-1]], line={"color": colour, "width": 2, "shape": "hv"}, mode="lines",
            fill="tozeroy", fillcolor=_faded(colour), name=f"{spread.title}, n = {len(known):,} tokens",
            customdata=[f"{low:.1%} to {low + 1 / BINS:.1%}" for low in edges],
            hovertemplate=spread.title + ": %{y:.1%} of the tokens leak %{customdata}<extra></extra>",
        )  # fmt: skip
        if known.size:
            fig.add_vline(x=float(known.mean()), line={"color": colour, "width": 2})
            chance = spread.chance[np.isfinite(spread.mass)].mean()
            fig.add_vline(x=float(chance), line={**REFERENCE, "color": colour, "dash": "dot"})
    fig.update_xaxes(title={"text": "mass that leaks to irrelevant tokens, η"}, range=[0, 1.005], tickformat=".0%",
                     dtick=0.2, zeroline=False, showgrid=False)  # fmt: skip
    fig.update_yaxes(tickformat=".0%", rangemode="tozero", showgrid=True, gridcolor=GRID_LINE, zeroline=False)
    return framed(fig, "share of the tokens")


def pair_figure(
    values: Float[np.ndarray, "T T"],
    tasks: Sequence[str],
    title: str,
    *,
    axes: tuple[str, str] = ("read from", "reader"),
    sentence: str = "%{y} readers: %{text} of what they read from %{x} leaks",
    colours: Float[np.ndarray, "T T"] | None = None,
    signed: bool = False,
    shares: bool = True,
) -> go.Figure:
    """A task by task matrix; cells without a number stay empty.

    Args:
        values: rows by the task of the vertical axis.
        tasks: in order.
        title: above the matrix.
        axes: titles of the horizontal and the vertical axis.
        sentence: of the pointer, plotly's template.
        colours: places on the scale, 0 to 1, or -1 to 1 if ``signed``; None takes the values.
        signed: the scale is centred at 0.
        shares: values are shown in per cent.
    """
    names = [task_title(task) for task in tasks]
    text = [["" if not np.isfinite(cell) else f"{cell:.0%}" if shares else f"{cell:.2g}" for cell in row]
            for row in values]  # fmt: skip
    fig = go.Figure()
    fig.add_heatmap(
        z=values if colours is None else colours, x=names, y=names, zmin=-1 if signed else 0, zmax=1,
        colorscale=DIVERGING if signed else SEQUENTIAL, showscale=False, xgap=2, ygap=2, text=text,
        texttemplate="%{text}", hovertemplate=sentence + "<extra></extra>", hoverongaps=False,
    )  # fmt: skip
    fig.update_layout(margin={"l": 8, "r": 8, "t": 34, "b": 8}, dragmode=False, annotations=[_above(title, 8)])
    fig.update_xaxes(title={"text": axes[0]}, automargin=True, tickangle=0 if len(tasks) < 5 else 35, showgrid=False)
    fig.update_yaxes(autorange="reversed", title={"text": axes[1]}, automargin=True, showgrid=False)
    return finish(fig, height=140 + 40 * len(tasks))


def framed(fig: go.Figure, title: str) -> go.Figure:
    """The frame of a figure with a title and a list of its lines below."""
    fig.update_layout(dragmode=False, margin={"l": 46, "r": 26, "t": 32, "b": 46}, annotations=[_above(title, 8)])
    finish(fig, height=HEIGHT + 22 * len(fig.data), legend=True)
    return fig.update_layout(legend={"y": -0.2, "orientation": "v", "traceorder": "normal"})


def _above(text: str, shift: int) -> dict[str, Any]:
    return {"text": f"<b>{text}</b>", "x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left",
            "yanchor": "bottom", "yshift": shift, "showarrow": False, "borderpad": 0}  # fmt: skip


def _faded(colour: str) -> str:
    return f"rgba({int(colour[1:3], 16)},{int(colour[3:5], 16)},{int(colour[5:7], 16)},0.18)"
