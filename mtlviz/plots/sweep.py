"""A sweep as a heat map: the mean over seeds of one metric for every two values of two fields, with its spread."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mtlviz.plots.style import FONT_SIZE, METRIC_TITLES, SEQUENTIAL, colours, finish, ink, task_title

SEED = "seed"
"""The field that cells are averaged over."""
STATES = {"failed": "failed", "running": "running"}
"""What is said of a cell without a number by the state of its trials; else that it was not run."""
NOT_RUN = "not run"
EMPTY_INK = "#7a7f87"
CELL_HEIGHT = 48
"""Pixels: mean and spread stand one above the other."""
HATCH = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
"""Where the lines of an empty cell cross its lower and right sides."""


def heat_map(
    sweep: Mapping[str, Any], x_field: str, y_field: str, metric: str, *, fixed: Mapping[str, Any] | None = None
) -> go.Figure:
    """The grid of a sweep; lighter is better, whichever direction the metric has.

    Each cell shows the mean over the finished seeds, below it their sample standard deviation or, where some seeds
    are missing, how many there are. A cell without any is hatched and says why: not run, running or failed.

    Args:
        sweep: what ``sweep.json`` holds; its form is described in ``mtlviz.training.sweep_record``.
        x_field: dotted name of the field from left to right, e.g. ``network.options.slots``.
        y_field: dotted name of the field from top to bottom.
        metric: a task for its headline metric, or TASK.METRIC, e.g. ``semseg`` or ``depth.delta1``.
        fixed: by further field the value that is shown; the first one where not named.

    Raises:
        ValueError: if a field, task or value is not one of the sweep's.
    """
    held = _held(sweep, (x_field, y_field), fixed or {})
    task, name = _metric(sweep, metric)
    axes = {field: sweep["fields"][field] for field in (x_field, y_field)}
    scores = [[_score(sweep, {**held, x_field: x, y_field: y}, task, name) for x in axes[x_field]]
              for y in axes[y_field]]  # fmt: skip
    lower = bool(sweep["tasks"][task]["lower_is_better"].get(name, False))
    means = np.array([[np.nan if one is None else one["mean"] for one in row] for row in scores])
    seeds = len(sweep["fields"].get(SEED, [None]))
    texts = [[_text(one, seeds) for one in row] for row in scores]
    unit = sweep["tasks"][task]["unit"] if name == sweep["tasks"][task]["metric"] else ""
    what = METRIC_TITLES.get(name, name.replace("_", " ")) + (f" ({unit})" if unit else "")
    said = [_texts(sweep, value) for value in axes.values()]
    hover = [[f"{sweep['labels'][x_field]} {x}, {sweep['labels'][y_field]} {y}" for x in said[0]] for y in said[1]]
    fig = go.Figure([_cells(means, hover, texts, what, lower), _numbers(means, texts, lower)])
    for (row, column), one in np.ndenumerate(np.array(scores, object)):
        if one is None:
            values = {**held, x_field: axes[x_field][column], y_field: axes[y_field][row]}
            _empty(fig, row, column, _why(sweep, values))
    _axes(fig, sweep, (x_field, y_field), said)
    shown = ", ".join(f"{sweep['labels'][field]} {_said(value)}" for field, value in held.items())
    title = f"{task_title(task)}: {what}" + (f", at {shown}" if shown else "")
    fig.update_layout(title={"text": title, "x": 0, "xref": "paper"}, margin={"l": 8, "r": 8, "t": 40, "b": 8})
    return finish(fig, height=CELL_HEIGHT * len(said[1]) + 120)


def further_fields(sweep: Mapping[str, Any], shown: Sequence[str]) -> dict[str, list[Any]]:
    """Fields whose value has to be held where two are shown, with their values; the seed is averaged over."""
    return {field: values for field, values in sweep["fields"].items() if field not in (*shown, SEED)}


def _held(sweep: Mapping[str, Any], shown: tuple[str, str], fixed: Mapping[str, Any]) -> dict[str, Any]:
    known = [field for field in sweep["fields"] if field != SEED]
    for field in (*shown, *fixed):
        if field not in known or shown[0] == shown[1]:
            raise ValueError(f"{field!r} cannot be shown; give two of the fields {', '.join(known)}")
    held = {}
    for field, values in further_fields(sweep, shown).items():
        held[field] = fixed.get(field, values[0])
        if held[field] not in values:
            raise ValueError(f"{field} has no value {held[field]!r}; it has {', '.join(map(_said, values))}")
    return held


def _metric(sweep: Mapping[str, Any], metric: str) -> tuple[str, str]:
    """Task and metric."""
    task, _, name = metric.partition(".")
    if task not in sweep["tasks"]:
        raise ValueError(f"there is no task {task!r}; the sweep has {', '.join(sweep['tasks'])}")
    return task, name or sweep["tasks"][task]["metric"]


def _score(sweep: Mapping[str, Any], values: Mapping[str, Any], task: str, metric: str) -> Mapping[str, Any] | None:
    """Mean and spread of the cell with these values; None if it has none."""
    cell = next((one for one in sweep["cells"] if dict(one["values"]) == dict(values)), None)
    found: Mapping[str, Any] | None = None if cell is None else cell["scores"].get(task, {}).get(metric)
    return found


def _why(sweep: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Why a cell has no number."""
    states = Counter(
        trial["state"]
        for trial in sweep["trials"]
        if {field: value for field, value in trial["values"].items() if field != SEED} == values
    )
    if states["finished"]:
        return "no value"
    return next((text for state, text in STATES.items() if states[state]), NOT_RUN)


def _text(score: Mapping[str, Any] | None, seeds: int) -> str:
    if score is None:
        return ""
    lines = [f"{score['mean']:#.3g}".rstrip(".")]
    if score["std"] is not None:
        lines.append(f"± {score['std']:.2g}")
    if score["count"] < seeds:
        lines.append(f"{score['count']} of {seeds} seeds")
    return "<br>".join([*lines[:1], " · ".join(lines[1:])] if lines[1:] else lines)


def _cells(means: np.ndarray, hover: list[list[str]], texts: list[list[str]], what: str, lower: bool) -> go.Heatmap:
    said = [[f"{where}<br>{text or 'no number'}" for where, text in zip(*rows, strict=True)]
            for rows in zip(hover, texts, strict=True)]  # fmt: skip
    return go.Heatmap(
        z=means, colorscale=_scale(lower), xgap=2, ygap=2, hovertext=said, hovertemplate="%{hovertext}<extra></extra>",
        hoverongaps=True,
        colorbar={"title": {"text": f"{what}<br>lighter is better", "side": "right"}, "thickness": 12},
    )  # fmt: skip


def _numbers(means: np.ndarray, texts: list[list[str]], lower: bool) -> go.Scatter:
    """Texts on the cells in the ink that each cell's colour needs."""
    known = means[np.isfinite(means)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
    grounds = ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in colours(means.ravel(), low, high, _scale(lower))]
    row, column = np.indices(means.shape).reshape(2, -1)
    return go.Scatter(
        x=column, y=row, mode="text", text=[text for line in texts for text in line], hoverinfo="skip",
        textfont={"size": FONT_SIZE - 1, "color": [ink(ground) for ground in grounds]}, showlegend=False,
    )  # fmt: skip


def _scale(lower: bool) -> str:
    return SEQUENTIAL + ("_r" if lower else "")


def _empty(fig: go.Figure, row: int, column: int, why: str) -> None:
    """Hatch a cell and say why it is empty."""
    left, top = column - 0.48, row - 0.48
    lines = []
    for share in HATCH:  # each line rises from the left or lower side to the upper or right one
        (x0, y0), (x1, y1) = (max(share - 1, 0), min(share, 1)), (min(share, 1), max(share - 1, 0))
        lines.append(f"M {left + 0.96 * x0} {top + 0.96 * y0} L {left + 0.96 * x1} {top + 0.96 * y1}")
    fig.add_shape(type="path", path=" ".join(lines), line={"color": EMPTY_INK, "width": 0.6}, opacity=0.5)
    fig.add_annotation(
        x=column, y=row, text=why, showarrow=False, font={"size": FONT_SIZE - 1, "color": EMPTY_INK},
    )  # fmt: skip


def _axes(fig: go.Figure, sweep: Mapping[str, Any], fields: tuple[str, str], said: list[list[str]]) -> None:
    bare = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True, "automargin": True}
    for update, field, texts, flip in zip(
        (fig.update_xaxes, fig.update_yaxes), fields, said, (False, True), strict=True
    ):
        span = [-0.5, len(texts) - 0.5]
        update(
            **bare, tickvals=list(range(len(texts))), ticktext=texts, range=span[::-1] if flip else span,
            title={"text": sweep["labels"][field]},
        )  # fmt: skip
    fig.update_layout(dragmode=False)


def _texts(sweep: Mapping[str, Any], values: Sequence[Any]) -> list[str]:
    return [_said(value) for value in values]


def _said(value: object) -> str:
    return "none" if value is None else str(value)
