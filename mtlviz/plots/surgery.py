"""Effects of edits: a ranked matrix, and effects against the weights that should foretell them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from mtlviz.plots.style import FONT_SIZE, SEQUENTIAL, colours, finish, ink

ROW_HEIGHT = 24
GRID = "rgba(128,128,128,.2)"
CHOSEN = "#e8590c"
"""Outline of the chosen row; stands apart from the scale in both themes."""


@dataclass(frozen=True)
class Points:
    """Marks of one colour and shape in a scatter.

    Attributes:
        name: in the legend.
        x: weights.
        y: effects.
        colour: hex.
        symbol: of plotly.
        texts: what hovering says, one a point.
        labels: printed beside the marks; empty for none.
        keys: what a click hands on, one a point; empty where marks are not clicked.
    """

    name: str
    x: Float[np.ndarray, " n"]
    y: Float[np.ndarray, " n"]
    colour: str
    symbol: str
    texts: Sequence[str]
    labels: Sequence[str] = ()
    keys: Sequence[int] = ()


def effects_figure(
    shares: Float[np.ndarray, "E T"],
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    keys: Sequence[int],
    chosen: int | None = None,
) -> go.Figure:
    """Effects of edits (rows, from the top) on tasks (columns), each over a whole effect on the task.

    Args:
        shares: drawn and printed; NaN is empty.
        texts: what hovering says about each cell.
        rows: names of the edits, may hold HTML.
        columns: names of the tasks.
        keys: what a click on a row hands on.
        chosen: key of the row that is outlined.
    """
    known = shares[np.isfinite(shares)]
    high = float(known.max()) if known.size and known.max() > 0 else 1.0
    row, column = np.indices(shares.shape).reshape(2, -1)
    grounds = ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in colours(shares.ravel(), 0, high)]
    fig = go.Figure(
        go.Heatmap(
            z=shares.astype(np.float32), xgap=2, ygap=1, colorscale=SEQUENTIAL, zmin=0, zmax=high, hoverinfo="skip",
            showscale=False,
        )
    )  # fmt: skip
    fig.add_scatter(
        x=column, y=row, mode="text+markers", name="cells",
        marker={"symbol": "square", "size": ROW_HEIGHT, "opacity": 0, "color": "#808080"},
        text=[_printed(share) for share in shares.ravel()],
        textfont={"size": FONT_SIZE - 1, "color": [ink(ground) for ground in grounds]},
        hovertext=[text for line in texts for text in line], hovertemplate="%{hovertext}<extra></extra>",
        customdata=[[keys[index]] for index in row],
    )  # fmt: skip
    if chosen is not None and chosen in keys:
        at = list(keys).index(chosen)
        fig.add_shape(type="rect", x0=-0.5, x1=len(columns) - 0.5, y0=at - 0.5, y1=at + 0.5,
                      line={"color": CHOSEN, "width": 2})  # fmt: skip
    fig.update_yaxes(tickvals=list(range(len(rows))), ticktext=list(rows), range=[len(rows) - 0.5, -0.5],
                     automargin=True, showgrid=False, zeroline=False, ticks="", ticksuffix=" ")  # fmt: skip
    fig.update_xaxes(tickvals=list(range(len(columns))), ticktext=list(columns), side="top", showgrid=False,
                     zeroline=False, ticks="", range=[-0.5, len(columns) - 0.5], fixedrange=True)  # fmt: skip
    fig.update_layout(margin={"l": 8, "r": 8, "t": 30, "b": 8}, dragmode=False, hovermode="closest")
    return finish(fig, height=ROW_HEIGHT * len(rows) + 46)


def faithfulness_figure(
    groups: Sequence[Points], x_title: str, y_title: str, *, percent: bool = False, legend: bool = False
) -> go.Figure:
    """Effects (up) against weights (to the right); a faithful map rises.

    Args:
        groups: the marks; those without points are entries of the legend alone.
        x_title: what the weights are.
        y_title: what the effects are, with their unit.
        percent: effects are shares, drawn as per cent.
        legend: explain the groups that hold no points.
    """
    fig = go.Figure()
    for group in groups:
        fig.add_scatter(
            x=group.x if len(group.x) else [None], y=group.y if len(group.y) else [None], name=group.name,
            showlegend=not len(group.x), mode="markers+text" if group.labels else "markers",
            text=list(group.labels) or None, textposition="top center", textfont={"size": FONT_SIZE - 2},
            marker={"color": group.colour, "symbol": group.symbol, "size": 11,
                    "line": {"color": "rgba(128,128,128,.8)", "width": 1}},
            hovertext=list(group.texts), hovertemplate="%{hovertext}<extra></extra>", cliponaxis=False,
            customdata=[[key] for key in group.keys] or None,
        )  # fmt: skip
    fig.add_annotation(text=f"↑ {y_title}", x=0, y=1, xref="paper", yref="paper", xanchor="left", yanchor="bottom",
                       showarrow=False, yshift=8, font={"size": FONT_SIZE})  # fmt: skip
    axis = {"showgrid": True, "gridcolor": GRID, "zeroline": False, "rangemode": "tozero", "nticks": 6}
    fig.update_xaxes(title={"text": f"{x_title} →", "standoff": 6}, **axis)
    fig.update_yaxes(automargin=True, tickformat=".2~%" if percent else ".2~g", **axis)
    fig.update_layout(margin={"l": 8, "r": 12, "t": 40, "b": 44}, dragmode=False, hovermode="closest")
    finish(fig, height=320 + 60 * legend, legend=legend)
    return fig.update_layout(legend={"y": -0.28}) if legend else fig


def _printed(share: float) -> str:
    """A share in a cell: an exact 0 is a dot, what is not known is empty."""
    if not np.isfinite(share):
        return ""
    return f"{share:.2f}" if share else "·"
