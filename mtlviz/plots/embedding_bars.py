"""Numbers about tokens: what was selected, how far classes lie apart, where in the network tokens grow alike."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from mtlviz.analysis.neighbourhood import Agreement, Silhouette
from mtlviz.analysis.token_cloud import TokenCloud
from mtlviz.plots.style import PLACE_TITLES, finish, task_colour, task_title
from mtlviz.plots.token_colours import class_name
from mtlviz.tasks import Task

NEUTRAL = "#7a7f87"
ROW = 21
"""Pixels of a row of a chart."""


def counts_figure(cloud: TokenCloud, tokens: np.ndarray, class_task: str | None) -> go.Figure:
    """How many of some tokens each class and task has, one row a class; one row in all where there are no classes.

    Args:
        cloud: the tokens.
        tokens: their indices.
        class_task: whose classes.
    """
    labels = np.zeros(len(tokens), np.int64) if class_task is None else cloud.classes(class_task)[0][tokens]
    rows, counts = np.unique(labels, return_counts=True)
    rows = rows[np.argsort(counts, kind="stable")]  # the most frequent on top
    names = ["tokens"] if class_task is None else [class_name(cloud.task(class_task), int(row)) for row in rows]
    fig = go.Figure()
    for index, group in enumerate(cloud.groups):
        here = cloud["group"][tokens] == index
        if not here.any():
            continue
        name, colour = ("all tasks", NEUTRAL) if cloud.shared else (task_title(group), task_colour(group))
        fig.add_bar(
            x=[int((here & (labels == row)).sum()) for row in rows], y=names, orientation="h", name=name,
            marker={"color": colour}, hovertemplate="%{y}, " + name + ": %{x}<extra></extra>",
        )  # fmt: skip
    fig.update_layout(barmode="stack", bargap=0.25, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    fig.update_xaxes(
        title={"text": "tokens"}, rangemode="tozero", tickformat=",d", dtick=None if counts.max() > 5 else 1
    )
    fig.update_yaxes(automargin=True, type="category", ticks="")
    finish(fig, height=100 + ROW * max(len(names), 2), legend=not cloud.shared)
    fig.update_layout(legend={"y": 1.0, "yanchor": "bottom", "traceorder": "normal"})
    return fig


def silhouettes_figure(silhouettes: Sequence[Silhouette], groups: Sequence[str], class_task: Task) -> go.Figure:
    """How far every class lies apart from the others among the tokens of each task: one row a class, a dot a task.

    Args:
        silhouettes: ``class_silhouettes``.
        groups: names of the tasks.
        class_task: whose classes.
    """
    labels = {one.label for one in silhouettes}
    means = {label: np.mean([one.mean for one in silhouettes if one.label == label]) for label in labels}
    order = sorted(labels, key=lambda label: float(means[label]))
    fig = go.Figure()
    for index, group in enumerate(groups):
        ones = {one.label: one for one in silhouettes if one.group == index}
        if not ones:
            continue
        name = task_title(group) if len(groups) > 1 or group != "shared" else "all tasks"
        fig.add_scatter(
            x=[ones[label].mean for label in order if label in ones],
            y=[class_name(class_task, label) for label in order if label in ones],
            mode="markers", name=name, marker={"size": 10, "color": task_colour(group), "line": {"width": 0}},
            customdata=[ones[label].tokens for label in order if label in ones],
            hovertemplate="%{y}, " + name + ": %{x:.2f} (n = %{customdata})<extra></extra>",
        )  # fmt: skip
    fig.add_vline(x=0, line={"width": 1.5, "dash": "dash", "color": NEUTRAL})
    low = min([-0.3, *(one.mean - 0.05 for one in silhouettes)])
    high = max([0.3, *(one.mean + 0.05 for one in silhouettes)])
    fig.update_xaxes(title={"text": "silhouette (no unit, -1 to 1)"}, range=[low, high], zeroline=False)
    names = [class_name(class_task, label) for label in order]
    fig.update_yaxes(automargin=True, type="category", categoryorder="array", categoryarray=names,
                     gridcolor="rgba(128,128,128,0.18)", ticks="")  # fmt: skip
    fig.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    finish(fig, height=110 + ROW * max(len(names), 3), legend=len(groups) > 1)
    fig.update_layout(legend={"y": 1.0, "yanchor": "bottom"})
    return fig


def places_figure(found: Mapping[str, tuple[Agreement, Agreement]]) -> go.Figure:
    """Through the network: how often the nearest tokens are of the same task, and of the same class.

    Args:
        found: by place the agreement in task and in class, NaN where tokens have none.
    """
    fig = go.Figure()
    places = list(found)
    series = (("same class", 1, "#b5542c", "circle"), ("same task", 0, "#2f6f9f", "square"))
    for name, index, colour, symbol in series:
        pairs = [found[place][index] for place in places]
        if not any(np.isfinite(pair.share) for pair in pairs):
            continue
        fig.add_scatter(
            x=places, y=[pair.share for pair in pairs], mode="lines+markers", name=name,
            line={"color": colour, "width": 2}, marker={"size": 9, "symbol": symbol},
            customdata=[pair.tokens for pair in pairs],
            hovertemplate=name + " at %{x}: %{y:.1%} (n = %{customdata})<extra></extra>",
        )  # fmt: skip
        fig.add_scatter(
            x=places, y=[pair.chance for pair in pairs], mode="lines", name=f"{name}, by chance",
            line={"color": colour, "width": 1.5, "dash": "dot"},
            hovertemplate=name + " by chance at %{x}: %{y:.1%}<extra></extra>",
        )  # fmt: skip
    fig.update_yaxes(title={"text": "share of the nearest tokens"}, range=[0, 1.03], tickformat=".0%")
    fig.update_xaxes(type="category", ticks="", tickangle=0, tickmode="array", tickvals=places,
                     ticktext=[PLACE_TITLES[place].replace(" ", "<br>") for place in places])  # fmt: skip
    fig.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    finish(fig, height=330, legend=True)
    fig.update_layout(legend={"y": 1.0, "yanchor": "bottom"})
    return fig
