"""Systems over tasks as parallel coordinates, each task relative to one of the systems; higher is better."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from mtlviz.analysis.systems import Row, Spread
from mtlviz.plots.collapse import NEUTRAL
from mtlviz.plots.stability import GRID_LINE
from mtlviz.plots.style import task_title
from mtlviz.plots.systems import gain_text, legend_below, looks, metric_label, metric_unit, spread_text

HEIGHT = 340


def parallel_figure(
    rows: Sequence[Row], reference: Row, better: Mapping[str, Mapping[str, Spread]], headlines: Mapping[str, str]
) -> go.Figure:
    """A line a system over the tasks: how much better than the reference, in percent of the reference's metric.

    Args:
        rows: systems, the reference among them.
        reference: lies on zero.
        better: by system and task, see ``mtlviz.analysis.systems.relative``.
        headlines: by task its metric.
    """
    known = looks(row.name for row in rows)
    fig = go.Figure()
    fig.add_hline(y=0, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    for row in rows:
        gains = better[row.name]
        if row.name == reference.name or not gains:
            continue
        look = known[row.name]
        fig.add_scatter(
            x=[task_title(task) for task in gains], y=[one.mean for one in gains.values()], mode="lines+markers",
            name=row.title, line={"color": look.colour, "width": 2, "dash": look.dash},
            marker={"symbol": look.symbol, "size": 9, "color": look.colour},
            text=[_hover(row, reference, task, headlines[task], one) for task, one in gains.items()],
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    axes = [f"{task_title(task)}<br>{metric_label(metric)}" for task, metric in headlines.items()]
    fig.update_xaxes(
        type="category", categoryorder="array", categoryarray=[task_title(task) for task in headlines], side="bottom",
        tickvals=[task_title(task) for task in headlines], ticktext=axes, showgrid=True, gridcolor=NEUTRAL,
        range=[-0.25, len(headlines) - 0.75], zeroline=False,
    )  # fmt: skip
    title = f"better than {reference.title.lower()} (%)"
    fig.update_yaxes(title={"text": title}, gridcolor=GRID_LINE, zeroline=False, tickformat="+.3~g")
    return legend_below(fig, len(rows) - 1, HEIGHT)


def _hover(row: Row, reference: Row, task: str, metric: str, better: Spread) -> str:
    unit = metric_unit(metric)
    return (
        f"{row.title}, {task_title(task).lower()}<br>{metric_label(metric)} {spread_text(metric, row.scores[task])} "
        f"{unit}<br>{gain_text(better)}% better than {reference.title.lower()} "
        f"({spread_text(metric, reference.scores[task])} {unit})"
    )
