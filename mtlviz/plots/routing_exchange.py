"""Who writes into the slots and who reads them: two matrices and a Sankey diagram."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from mtlviz.analysis.exchange import TaskExchange
from mtlviz.plots.style import (
    SEQUENTIAL,
    colours,
    finish,
    ink,
    slot_colour,
    slot_label,
    task_colour,
    task_title,
)

ROW_HEIGHT = 22
FAINT, ALIKE, STRONG = 0.15, 0.45, 0.8
"""Opacity of a band: of another slot, without a chosen slot, of the chosen slot."""


def exchange_matrices(
    writers: Float[np.ndarray, "L T"], readers: Float[np.ndarray, "L T"], tasks: Sequence[str]
) -> go.Figure:
    """Slot by task: share of Retrieve weight (who writes) and share of Write mass (who reads), 0 to 1.

    Args:
        writers: of one image, or the mean of a set.
        readers: likewise.
        tasks: names in the order of the columns.
    """
    titles = ["who writes", "who reads"]
    fig = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=titles)
    for column, (shares, verb) in enumerate(((writers, "writes"), (readers, "reads")), start=1):
        fig.add_traces([_cells(shares, tasks, verb), _values(shares, tasks)], rows=1, cols=column)
    slots = range(len(writers))
    names = [f'<span style="color:{slot_colour(slot)}">■</span> {slot_label(slot)}' for slot in slots]
    fig.update_yaxes(tickvals=list(slots), ticktext=names, range=[len(slots) - 0.5, -0.5], showgrid=False,
                     ticks="", zeroline=False)  # fmt: skip
    fig.update_xaxes(tickvals=list(range(len(tasks))), ticktext=list(map(task_title, tasks)), showgrid=False,
                     ticks="", zeroline=False)  # fmt: skip
    fig.update_annotations(font_size=14)
    fig.update_layout(
        coloraxis={"colorscale": SEQUENTIAL, "cmin": 0, "cmax": 1, "showscale": False},  # every cell has its number
        dragmode=False, margin={"l": 72, "r": 8, "t": 28, "b": 60},
    )  # fmt: skip
    return finish(fig, height=ROW_HEIGHT * len(slots) + 110)


def _cells(shares: Float[np.ndarray, "L T"], tasks: Sequence[str], verb: str) -> go.Heatmap:
    texts = [
        [f"{slot_label(slot)}: {task_title(task)} {verb} {row[column]:.3f}" for column, task in enumerate(tasks)]
        for slot, row in enumerate(shares)
    ]
    return go.Heatmap(
        z=shares.astype(np.float32), coloraxis="coloraxis", xgap=1, ygap=1, name=verb, hovertext=texts,
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip


def _values(shares: Float[np.ndarray, "L T"], tasks: Sequence[str]) -> go.Scatter:
    """Numbers on the cells, in the ink that each cell's colour needs; an exact 0 is a dot."""
    slot, task = np.indices(shares.shape).reshape(2, -1)
    values = shares.ravel()
    grounds = ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in colours(values, 0, 1)]
    return go.Scatter(
        x=task, y=slot, mode="text", text=[f"{value:.2f}" if value else "·" for value in values],
        textfont={"size": 11, "color": [ink(ground) for ground in grounds]}, hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip


def exchange_sankey(exchange: TaskExchange, slot: int | None = None) -> go.Figure:
    """Task -> slot -> task; the width of a band is its share of the whole Write mass.

    Bands into a slot have the colour of the task that writes, bands out of it that of the task that reads.

    Args:
        exchange: the flows.
        slot: its bands are drawn strongly, all others faintly; None draws all alike.
    """
    tasks, slots = len(exchange.tasks), exchange.inflow.shape[1]
    writing = [(task, tasks + number, exchange.inflow[task, number], task, number)
               for task in range(tasks) for number in range(slots)]  # fmt: skip
    reading = [(tasks + number, tasks + slots + task, exchange.outflow[number, task], task, number)
               for number in range(slots) for task in range(tasks)]  # fmt: skip
    links = [link for link in (*writing, *reading) if link[2] > 0]
    titles = [task_title(task) for task in exchange.tasks]
    fig = go.Figure(
        go.Sankey(
            arrangement="snap",
            textfont={"size": 13, "weight": 600},
            node={
                "label": [*titles, *(str(number) for number in range(slots)), *titles],
                "color": [*map(task_colour, exchange.tasks), *map(slot_colour, range(slots)),
                          *map(task_colour, exchange.tasks)],
                "customdata": [*(f"{title} writes" for title in titles), *map(slot_label, range(slots)),
                               *(f"{title} reads" for title in titles)],
                "hovertemplate": "%{customdata}: %{value:.3f}<extra></extra>",
                "pad": 6, "thickness": 16, "line": {"width": 0},
                **_columns(exchange),
            },
            link={
                "source": [link[0] for link in links],
                "target": [link[1] for link in links],
                "value": [float(link[2]) for link in links],
                "color": [_band(exchange.tasks[link[3]], link[4], slot) for link in links],
                "customdata": [_band_text(exchange, link[0] < tasks, link[3], link[4]) for link in links],
                "hovertemplate": "%{customdata}: %{value:.4f}<extra></extra>",
            },
            valueformat=".3f",
        )
    )  # fmt: skip
    for x, text, anchor in ((0, "writes", "left"), (0.5, "slot", "center"), (1, "reads", "right")):
        fig.add_annotation(
            x=x, y=1, xref="paper", yref="paper", xanchor=anchor, yanchor="bottom", showarrow=False, text=text
        )
    fig.update_layout(margin={"l": 8, "r": 8, "t": 28, "b": 12})
    return finish(fig, height=max(360, 26 * slots + 60))


def _columns(exchange: TaskExchange) -> dict[str, list[float]]:
    """Places of the nodes: tasks and slots from top to bottom in their order, each as high as its flow."""
    tasks = len(exchange.tasks)
    slots = exchange.inflow.shape[1]
    columns = (exchange.inflow.sum(1), exchange.outflow.sum(1), exchange.outflow.sum(0))
    edge = 0.001  # plotly ignores a place of exactly 0 or 1
    y = [np.clip(np.cumsum(flow) - flow / 2, edge, 1 - edge) for flow in columns]
    return {"x": [edge] * tasks + [0.5] * slots + [1 - edge] * tasks, "y": np.concatenate(y).tolist()}


def _band(task: str, through: int, slot: int | None) -> str:
    red, green, blue = (int(task_colour(task)[start : start + 2], 16) for start in (1, 3, 5))
    opacity = ALIKE if slot is None else STRONG if slot == through else FAINT
    return f"rgba({red},{green},{blue},{opacity})"


def _band_text(exchange: TaskExchange, writes: bool, task: int, slot: int) -> str:
    title = task_title(exchange.tasks[task])
    return f"{title} → {slot_label(slot)}" if writes else f"{slot_label(slot)} → {title}"
