"""Two predictions of one task and their difference, on the same colours and the same crop."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
from jaxtyping import UInt8

from mtlviz.analysis.compare import Difference, RegionError, symmetric_range
from mtlviz.plots.attention import percent
from mtlviz.plots.maps import Geometry, Hover, Layer, Panel, Scale
from mtlviz.plots.predictions import View, prediction_panel
from mtlviz.plots.style import DIVERGING, MISSING, SEQUENTIAL_ALTERNATIVE, colours, finish
from mtlviz.predictions import Prediction
from mtlviz.tasks import Task

DISAGREE = (142, 36, 170)
"""Where labels differ; not the red of an error, since either side may be right."""
VEIL = (245, 245, 245, 150)
"""Over pixels where labels agree, so that those that differ stand out from the photograph."""
SIDE_COLOURS = ("#3d4f66", "#c98a3a")
"""A and B in charts; maps carry their names instead."""


def comparison_panels(
    first: Prediction,
    second: Prediction,
    difference: Difference,
    titles: tuple[str, str],
    view: View,
    geometry: Geometry,
) -> tuple[Panel, Panel, Panel]:
    """A, B and A minus B; all three can be clicked.

    Args:
        first: A.
        second: B.
        difference: of the two.
        titles: names of A and B.
        view: colours that A and B share.
        geometry: of the image, for what hovering over a token reads.
    """
    task = first.task.name
    sides = [prediction_panel(one, title, view) for one, title in zip((first, second), titles, strict=True)]
    last = difference_panel(difference, titles, view.opacity)
    drawn = [replace(panel, task=task, hover=token_hover(panel.hover, geometry)) for panel in (*sides, last)]
    return drawn[0], drawn[1], drawn[2]


def difference_panel(difference: Difference, titles: tuple[str, str], opacity: float = 1.0) -> Panel:
    """Where and by how much two predictions differ; colours are centred at 0 where the difference has a sign.

    Args:
        difference: A minus B.
        titles: names of A and B.
        opacity: of the map over the image.
    """
    task, values = difference.task, difference.values
    title, note = f"{titles[0]} − {titles[1]}", f"{amount(task, difference.mean)} on average"
    if task.kind == "classes":
        note = f"{amount(task, difference.mean)} of the pixels differ"
        hover = Hover(np.where(values == 1, "labels differ", "labels agree"), on="image")
        return Panel("Different labels", (Layer(_marked(difference), opacity=opacity),), hover=hover, note=note)
    limit = symmetric_range(values) or 1.0
    unit = {"depth": " (m)", "normals": " (°)"}.get(task.kind, "")
    if difference.signed:
        what = {"depth": "depth", "binary": "probability"}[task.kind]
        scale = Scale(-limit, limit, f"{what}, {title}{unit}", DIVERGING)
        template = "%{z:+.2f}" + (" m" if task.kind == "depth" else "")
    else:
        title = "Angle between them"
        scale, template = Scale(0, limit, f"angle between them{unit}", SEQUENTIAL_ALTERNATIVE), "%{z:.1f}°"
    layer = Layer(colours(values, scale.low, scale.high, scale.colours), opacity=opacity)
    return Panel(title, (layer,), scale=scale, hover=Hover(on="image", values=values, template=template), note=note)


def token_hover(hover: Hover | None, geometry: Geometry) -> Hover | None:
    """What hovering reads, at the centres of the tokens: a map with it can be clicked.

    Args:
        hover: over the image, any resolution.
        geometry: of the image and its tokens.
    """
    if hover is None or hover.on == "grid":
        return hover
    source = hover.values if hover.texts is None else hover.texts
    if source is None:
        return None
    rows, columns = np.indices(geometry.grid)
    x, y = geometry.centre(rows, columns)
    places = [
        np.clip((where / side * count).astype(int), 0, count - 1)
        for where, side, count in zip((y, x), geometry.size, source.shape[:2], strict=True)
    ]
    read = source[places[0], places[1]]
    if hover.texts is None:
        pattern = hover.template.replace("%{z", "{0")
        texts = [pattern.format(float(value)) if np.isfinite(value) else "no value" for value in read.ravel()]
        read = np.array(texts).reshape(read.shape)
    return Hover(read)


def region_bars(errors: Sequence[RegionError], task: Task, titles: tuple[str, str]) -> go.Figure:
    """Mean error of A and B on the pixels of every true class.

    Args:
        errors: most frequent class first; drawn from the top.
        task: what was predicted; gives the unit.
        titles: names of A and B.
    """
    names = [f"{error.name} ({error.pixels:,} px)" for error in errors]
    fig = go.Figure()
    for title, colour, values in zip(
        titles, SIDE_COLOURS, ([e.first for e in errors], [e.second for e in errors]), strict=True
    ):
        texts = [amount(task, value) for value in values]
        fig.add_bar(
            y=names, x=values, orientation="h", name=title, marker={"color": colour}, text=texts,
            textposition="outside", cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra>" + title + "</extra>",
        )  # fmt: skip
    largest = max([max(error.first, error.second) for error in errors], default=1.0) or 1.0
    fig.update_layout(barmode="group", bargap=0.3, margin={"l": 8, "r": 8, "t": 8, "b": 40})
    fig.update_yaxes(autorange="reversed", automargin=True, ticksuffix="  ")
    title = {
        "classes": "share of wrong pixels",
        "depth": "mean absolute error (m)",
        "normals": "mean angle to the truth (°)",
        "binary": "mean absolute difference of probability",
    }[task.kind]
    fig.update_xaxes(range=[0, largest * 1.2], title={"text": title}, showgrid=True, zeroline=False)
    if task.kind == "classes":
        fig.update_xaxes(tickformat=".0%", nticks=5)
    finish(fig, height=110 + 44 * len(errors), legend=True)
    return fig.update_layout(legend={"y": 1.02, "yanchor": "bottom", "traceorder": "normal"})


def amount(task: Task, value: float) -> str:
    """A mean difference or error with its unit: ``12%``, ``0.13 m``, ``5.2°`` or ``0.021``."""
    if not np.isfinite(value):
        return "unknown"
    if task.kind == "classes":
        return percent(value)
    if task.kind == "binary":
        return f"{value:.2g}"
    return f"{value:.2f} m" if task.kind == "depth" else f"{value:.1f}°"


def _marked(difference: Difference) -> UInt8[np.ndarray, "h w 4"]:
    picture = np.empty((*difference.values.shape, 4), np.uint8)
    picture[:] = VEIL
    picture[difference.values == 1] = (*DISAGREE, 255)
    picture[~difference.compared] = (*MISSING, 255)
    return picture
