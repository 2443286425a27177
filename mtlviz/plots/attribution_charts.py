"""Contributions of slots and tasks as bars, and the curves that test an attribution."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from mtlviz.analysis.attribution.curves import Curves
from mtlviz.analysis.attribution.explain import Attribution
from mtlviz.analysis.attribution.request import TASKS
from mtlviz.plots.style import DIVERGING, colours, finish, task_title

DELETION, INSERTION, CHANCE = "#c2452d", "#2f6fb0", "#7a7f87"
GRID_LINE = "rgba(122,127,135,0.25)"


def contribution_bars(found: Attribution, limit: float) -> go.Figure:
    """One signed bar a slot or task, largest first, with the standard error of random orders.

    Args:
        found: of slots or tasks.
        limit: end of the axis on both sides.
    """
    order = np.argsort(found.scores, kind="stable")
    names = [task_title(found.names[index]) if found.request.features == TASKS else found.names[index]
             for index in order]  # fmt: skip
    scores, errors = found.scores[order], None if found.errors is None else found.errors[order]
    fill = [f"rgb({red},{green},{blue})" for red, green, blue in colours(np.sign(scores) * 0.7, -1, 1, DIVERGING)]
    fig = go.Figure(
        go.Bar(
            x=scores, y=names, orientation="h", marker={"color": fill},
            error_x=None if errors is None or not errors.any() else {"array": errors, "thickness": 1, "width": 2},
            hovertemplate="%{y}: %{x:+.4g} " + found.scalar.unit + "<extra></extra>",
        )
    )  # fmt: skip
    fig.update_xaxes(range=[-1.1 * limit, 1.1 * limit], title={"text": f"contribution ({found.scalar.unit})"},
                     gridcolor=GRID_LINE, zerolinecolor=CHANCE, nticks=5)  # fmt: skip
    fig.update_yaxes(ticks="", automargin=True, dtick=1)
    fig.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 44}, bargap=0.25)
    return finish(fig, height=70 + 20 * len(names))


def curves_figure(found: Attribution, ends: tuple[float, float]) -> go.Figure:
    """The target while features go (deletion) or come (insertion), beside random orders; bands are their range.

    Args:
        found: with its curves.
        ends: of the vertical axis, shared by what is compared.
    """
    tested = found.curves
    if tested is None:
        raise ValueError("the attribution was not tested")
    fig = go.Figure()
    for random, colour in ((tested.random_deletion, DELETION), (tested.random_insertion, INSERTION)):
        _band(fig, tested, random, colour)
    for name, values, colour, dash in (
        ("deletion", tested.deletion, DELETION, "solid"),
        ("deletion, random", tested.random_deletion.mean(0), DELETION, "dot"),
        ("insertion", tested.insertion, INSERTION, "solid"),
        ("insertion, random", tested.random_insertion.mean(0), INSERTION, "dot"),
    ):
        fig.add_scatter(
            x=tested.shares, y=values, mode="lines+markers" if dash == "solid" else "lines", name=name,
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 6, "color": colour, "symbol": "circle" if name == "insertion" else "square"},
            hovertemplate=f"{name} at %{{x:.0%}}: %{{y:.3f}} {found.scalar.unit}<extra></extra>",
        )  # fmt: skip
    fig.update_xaxes(title={"text": "share of the features taken away or brought back", "standoff": 4},
                     tickformat=".0%", gridcolor=GRID_LINE, zeroline=False)  # fmt: skip
    fig.update_yaxes(title={"text": f"target ({found.scalar.unit})"}, range=ends, gridcolor=GRID_LINE, zeroline=False)
    fig.update_layout(margin={"l": 52, "r": 8, "t": 46, "b": 40}, dragmode=False)
    finish(fig, height=300, legend=True)
    return fig.update_layout(legend={"y": 1.02, "yanchor": "bottom"})


def curve_ends(known: Sequence[Curves]) -> tuple[float, float]:
    """A vertical axis that holds all curves of several attributions."""
    rows = [np.ravel(row) for one in known for row in
            (one.deletion, one.insertion, one.random_deletion, one.random_insertion)]  # fmt: skip
    values = np.concatenate(rows)
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _band(fig: go.Figure, tested: Curves, random: np.ndarray, colour: str) -> None:
    x = [*tested.shares, *tested.shares[::-1]]
    fig.add_scatter(
        x=x, y=[*random.max(0), *random.min(0)[::-1]], fill="toself", fillcolor=colour, opacity=0.15, mode="lines",
        line={"width": 0}, hoverinfo="skip", showlegend=False, name="range",
    )  # fmt: skip
