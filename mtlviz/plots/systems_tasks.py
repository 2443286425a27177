"""Systems over tasks as parallel coordinates, each task relative to one of the systems; higher is better."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from mtlviz.analysis.system_leads import relative
from mtlviz.analysis.systems import Row
from mtlviz.plots.collapse import NEUTRAL
from mtlviz.plots.stability import GRID_LINE
from mtlviz.plots.style import task_title
from mtlviz.plots.systems import legend_below, looks, metric_label, metric_unit, percent_text, spread_text

HEIGHT = 340


def parallel_figure(
    rows: Sequence[Row], reference: Row, headlines: Mapping[str, str], lower_is_better: Mapping[str, bool]
) -> go.Figure:
    """A line a system over the tasks: how much better than the reference, in percent of the reference's metric.

    Args:
        rows: systems, the reference among them.
        reference: lies on zero.
        headlines: by task its metric.
        lower_is_better: by task; a smaller metric then lies higher.
    """
    known = looks(row.name for row in rows)
    fig = go.Figure()
    fig.add_hline(y=0, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    for row in rows:
        better = relative(row, reference, lower_is_better)
        if row.name == reference.name or not better:
            continue
        look = known[row.name]
        fig.add_scatter(
            x=[task_title(task) for task in better], y=list(better.values()), mode="lines+markers", name=row.title,
            line={"color": look.colour, "width": 2, "dash": look.dash},
            marker={"symbol": look.symbol, "size": 9, "color": look.colour},
            text=[_hover(row, reference, task, headlines[task], value) for task, value in better.items()],
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


def _hover(row: Row, reference: Row, task: str, metric: str, value: float) -> str:
    unit = metric_unit(metric)
    side = "better" if value >= 0 else "worse"
    return (
        f"{row.title}, {task_title(task).lower()}<br>{metric_label(metric)} {spread_text(metric, row.scores[task])} "
        f"{unit}<br>{percent_text(abs(value))[1:]} % {side} than {reference.title.lower()} "
        f"({spread_text(metric, reference.scores[task])} {unit})"
    )
