"""Chosen classes in a space that can be turned: vertices, class means and tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from mtlviz.analysis.etf_space import EXACT
from mtlviz.plots.etf import NEUTRAL, Named, title_note
from mtlviz.plots.style import finish

LOOKS: dict[str, tuple[float, float, float]] = {
    "from aside": (0.38, -1.05, 0.35), "along axis 1": (1.15, 0.0, 0.0), "along axis 2": (0.0, 1.15, 0.0),
    "along axis 3": (0.0, 0.001, 1.15),
}  # fmt: skip
"""Where the camera stands; plotly keeps what a hand turned until another one is chosen."""
ZOOM = 1.75
"""Sides of the cube; without perspective it decides how large everything is."""
BEYOND = 1.25
"""Names stand so far out from their vertices."""


@dataclass(frozen=True)
class Cloud:
    """What is drawn of the chosen classes, in the three coordinates of the view.

    Attributes:
        shown: the classes.
        vertices: one a class; None where there is no frame.
        means: one a class.
        tokens: a sample of the tokens.
        classes: of the tokens, index into the chosen classes.
        counts: tokens of each class in all.
    """

    shown: Named
    vertices: Float[np.ndarray, "c 3"] | None
    means: Float[np.ndarray, "c 3"]
    tokens: Float[np.ndarray, "n 3"]
    classes: Int[np.ndarray, " n"]
    counts: Int[np.ndarray, " c"]


def space_figure(cloud: Cloud, title: str, *, look: str = "from aside", extent: float | None = None) -> go.Figure:
    """The view in three dimensions.

    Args:
        cloud: what is drawn.
        title: above the view.
        look: key of ``LOOKS``.
        extent: the axes reach from minus to plus this; shared with the view beside it.
    """
    fig = go.Figure()
    edges = cloud.vertices is not None and len(cloud.vertices) <= EXACT  # else means are farther apart than vertices
    for index, (name, colour) in enumerate(zip(cloud.shown.names, cloud.shown.colours, strict=True)):
        rows = cloud.tokens[cloud.classes == index]
        fig.add_scatter3d(
            **_xyz(rows), mode="markers", name=name, legendgroup=name, hoverinfo="skip", showlegend=False,
            marker={"size": 1.8, "color": colour, "opacity": 0.6, "line": {"width": 0}},
        )  # fmt: skip
        fig.add_scatter3d(
            **_xyz(cloud.means[index : index + 1]), mode="markers", name=name, legendgroup=name,
            marker={"size": 5, "color": colour, "line": {"width": 2, "color": NEUTRAL}},
            hovertemplate=f"mean of {name}, {cloud.counts[index]:,} tokens<extra></extra>",
        )  # fmt: skip
    named = cloud.means
    if cloud.vertices is not None:
        named = cloud.vertices if edges else named
        fig.add_traces(_frame(cloud.vertices, cloud.means, cloud.shown, edges))
    reach = extent or space_extent(cloud)
    axes = {f"{letter}axis": {"range": [-reach, reach], "visible": False} for letter in "xyz"}
    x, y, z = LOOKS[look]
    fig.update_layout(
        scene={**axes, "aspectmode": "manual", "aspectratio": dict.fromkeys("xyz", ZOOM), "dragmode": "orbit",
               "bgcolor": "rgba(0,0,0,0)",
               "camera": {"eye": {"x": x, "y": y, "z": z}, "projection": {"type": "orthographic"}},
               "annotations": _names(named, cloud.shown.names),
               "uirevision": look},
        uirevision=look,
        margin={"l": 0, "r": 0, "t": 30, "b": 0},
    )  # fmt: skip
    fig.add_annotation(**title_note(title, 4))
    finish(fig, height=440, legend=True)
    return fig.update_layout(legend={"y": 0, "yanchor": "top", "itemsizing": "constant"})


def space_extent(cloud: Cloud) -> float:
    """Half the width of the cube that holds vertices, means and nearly all tokens."""
    parts = [np.abs(cloud.means).max(initial=1.0)]
    if cloud.vertices is not None:
        parts.append(BEYOND * np.abs(cloud.vertices).max())
    if len(cloud.tokens):
        parts.append(np.percentile(np.abs(cloud.tokens).max(1), 99))
    return 1.05 * float(max(parts))


def _frame(
    vertices: Float[np.ndarray, "c 3"], means: Float[np.ndarray, "c 3"], shown: Named, edges: bool
) -> Sequence[go.Scatter3d]:
    """The vertices, a line from every mean to its vertex, and the edges of an exact view or spokes from the middle."""
    couples = combinations(vertices, 2) if edges else ((np.zeros(3), vertex) for vertex in vertices)
    gaps = _segments(list(zip(means, vertices, strict=True)))
    return [
        go.Scatter3d(**_xyz(_segments(list(couples))), mode="lines", line={"width": 2, "color": NEUTRAL},
                     hoverinfo="skip", name="frame", showlegend=False, opacity=0.7),
        go.Scatter3d(**_xyz(gaps), mode="lines", line={"width": 4, "color": NEUTRAL, "dash": "dot"}, hoverinfo="skip",
                     name="gaps", showlegend=False),
        go.Scatter3d(
            **_xyz(vertices), mode="markers", text=list(shown.names), name="vertices",
            showlegend=False, hovertemplate="vertex of %{text}<extra></extra>",
            marker={"size": 5, "symbol": "diamond", "color": list(shown.colours),
                    "line": {"width": 2, "color": NEUTRAL}},
        ),
    ]  # fmt: skip


def _names(places: Float[np.ndarray, "c 3"], names: Sequence[str]) -> list[dict[str, Any]]:
    """Names a little further out than their places, drawn over everything else."""
    return [
        {"x": x, "y": y, "z": z, "text": f"<b>{name}</b>", "showarrow": False, "font": {"size": 13}}
        for (x, y, z), name in zip((places * BEYOND).tolist(), names, strict=True)
    ]


def _segments(ends: Sequence[tuple[np.ndarray, np.ndarray]]) -> Float[np.ndarray, "m 3"]:
    """Points of separate lines, a row of NaN after each."""
    gap = np.full(3, np.nan)
    return np.array([point for start, end in ends for point in (start, end, gap)]).reshape(-1, 3)


def _xyz(rows: Float[np.ndarray, "n 3"]) -> dict[str, Any]:
    return dict(zip("xyz", rows.T.astype(np.float32), strict=True))
