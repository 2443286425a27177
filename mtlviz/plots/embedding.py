"""Tokens as points: PCA or UMAP, flat or in space, in the colours of task, class, slot or error."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Int

from mtlviz.analysis.projection import Projection
from mtlviz.analysis.token_cloud import TokenCloud
from mtlviz.plots.style import FONT_SIZE, finish, task_title
from mtlviz.plots.token_colours import NOTHING, Colouring

Points: TypeAlias = go.Scatter | go.Scattergl | go.Scatter3d
Drag = Literal["click", "box", "lasso"]
"""What dragging over the figure does; ``click`` leaves it for moving the view."""

MOST_DRAWN_AS_SHAPES = 3000
"""Above, points are drawn by WebGL, which needs a graphics context but does not slow the page down."""
FADED = 0.22
HEIGHT = 560
EDGE = "rgba(110, 110, 110, 0.55)"
"""Thin outline that keeps pale points visible on a pale page."""


@dataclass(frozen=True, eq=False)
class Highlight:
    """Tokens that stand out, as indices into the cloud.

    Attributes:
        selected: ``(n,)`` the others fade; None if nothing is selected.
        nearest: ringed: the nearest tokens of the picked one.
        picked: the picked token; None where it is not among the tokens.
        outlined: ringed thinly: tokens that a slot took in.
    """

    selected: Bool[np.ndarray, " n"] | None = None
    nearest: Int[np.ndarray, " k"] = field(default_factory=lambda: np.zeros(0, np.int64))
    picked: int | None = None
    outlined: Int[np.ndarray, " m"] = field(default_factory=lambda: np.zeros(0, np.int64))


def embedding_figure(
    projection: Projection,
    cloud: TokenCloud,
    colouring: Colouring,
    highlight: Highlight | None = None,
    *,
    drag: Drag = "click",
    height: int = HEIGHT,
) -> go.Figure:
    """The map of tokens.

    Every point carries (task, row, column, image), so that a selection can be found again.

    Args:
        projection: where the tokens lie; two axes give a plane, three a space that can be turned.
        cloud: the tokens.
        colouring: their colours.
        highlight: which of them stand out.
        drag: what dragging does on a plane.
        height: in pixels.
    """
    highlight = highlight or Highlight()
    drawing = _Drawing(projection, cloud, colouring)
    fig = go.Figure()
    if highlight.selected is not None:
        fig.add_trace(drawing.faded(np.flatnonzero(~highlight.selected)))
    shown = np.ones(len(cloud), bool) if highlight.selected is None else highlight.selected
    fig.add_traces(list(drawing.coloured(shown)))
    fig.add_traces(drawing.rings(highlight))
    fig.update_layout(**_axes(projection, drag))
    if colouring.values is not None and colouring.scale is not None:
        fig.update_layout(coloraxis=_colour_axis(colouring))
    fig.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8}, hovermode="closest")
    finish(fig, height=height, legend=colouring.values is None)
    fig.update_layout(legend={"itemsizing": "constant", "y": -0.1, "font": {"size": FONT_SIZE - 1}, "title": None})
    return fig


@dataclass(frozen=True, eq=False)
class _Drawing:
    """Turns tokens into traces."""

    projection: Projection
    cloud: TokenCloud
    colouring: Colouring

    @property
    def flat(self) -> bool:
        """Whether the map is a plane."""
        return len(self.projection.coordinates[0]) == 2

    @property
    def size(self) -> float:
        """Diameter of a point."""
        count = len(self.cloud)
        flat = 6.0 if count <= 3000 else 5.0 if count <= 8000 else 4.0
        return flat if self.flat else 0.45 * flat

    def coloured(self, shown: Bool[np.ndarray, " n"]) -> Iterator[Points]:
        """One trace an entry of the legend and a task; frequent entries first, so that rare ones lie on top."""
        tasks = ["all tasks"] if self.cloud.shared else [task_title(name) for name in self.cloud.groups]
        for group, task in enumerate(tasks):
            if self.colouring.values is not None:
                yield from self._by_value(np.flatnonzero(shown & (self.cloud["group"] == group)), task)
        if self.colouring.values is None:
            for entry in self._entries():
                first = True
                for group, task in enumerate(tasks):
                    members = np.flatnonzero(shown & (self.colouring.labels == entry) & (self.cloud["group"] == group))
                    if members.size:
                        yield self._entry(entry, members, task, first)
                        first = False

    def faded(self, members: Int[np.ndarray, " m"]) -> Points:
        """Tokens that are not selected."""
        marker = {"size": 0.8 * self.size, "color": NOTHING, "opacity": FADED, "line": {"width": 0}}
        return self._points(members, marker=marker, name="not selected", hoverinfo="skip", showlegend=False)

    def rings(self, highlight: Highlight) -> list[Points]:
        """Rings in black and white, which show on any colour and on any page."""
        found: list[Points] = []
        if self.flat:  # in space, rings around many points hide all others
            found += self._ring(highlight.outlined, self.size + 4, 1.0, "taken in by a slot")
            found += self._ring(highlight.nearest, self.size + 5, 1.6, "nearest tokens")
        if highlight.picked is not None:
            found += self._ring(np.array([highlight.picked]), self.size + 12, 2.5, "picked token")
        return found

    def _entries(self) -> list[int]:
        labels, counts = np.unique(self.colouring.labels, return_counts=True)
        return [int(label) for label in labels[np.argsort(-counts, kind="stable")]]

    def _entry(self, entry: int, members: Int[np.ndarray, " m"], task: str, first: bool) -> Points:
        none = entry < 0
        name = "none" if none else self.colouring.names[entry]
        marker = {
            "size": self.size, "color": NOTHING if none else self.colouring.palette[entry],
            "symbol": "circle" if none or not self.flat else self.colouring.symbols[entry],
            "opacity": 0.85, "line": {"width": 0.5 if self.flat else 0, "color": EDGE},
        }  # fmt: skip
        said = f"<b>{name}</b>" + ("" if name == task else f"<br>{task}")
        return self._points(
            members, marker=marker, name=name, legendgroup=name, showlegend=first,
            hovertemplate=f"{said}<br>{self._where()}<extra></extra>",
        )  # fmt: skip

    def _by_value(self, members: Int[np.ndarray, " m"], task: str) -> Iterator[Points]:
        values = self.colouring.values
        if values is None:
            return
        known = np.isfinite(values[members])
        if (~known).any():
            marker = {"size": self.size, "color": NOTHING, "opacity": 0.5, "line": {"width": 0}}
            yield self._points(members[~known], marker=marker, name=task, showlegend=False,
                               hovertemplate=f"no truth<br>{task}<br>{self._where()}<extra></extra>")  # fmt: skip
        found = members[known]
        found = found[np.argsort(values[found], kind="stable")]  # large errors on top
        if found.size:
            marker = {"size": self.size, "color": values[found].astype(np.float32), "coloraxis": "coloraxis",
                      "opacity": 0.9, "line": {"width": 0}}  # fmt: skip
            yield self._points(found, marker=marker, name=task, showlegend=False, hovertemplate=(
                "%{marker.color:.3g}<br>" + f"{task}<br>{self._where()}<extra></extra>"))  # fmt: skip

    def _ring(self, members: Int[np.ndarray, " m"], size: float, width: float, name: str) -> list[Points]:
        if not len(members):
            return []
        lines = [("#000000", width + 1.6), ("#ffffff", width)] if self.flat else [(NOTHING, width)]
        return [
            self._points(
                members, name=name, hoverinfo="skip", showlegend=False,
                marker={"size": size, "symbol": "circle-open", "color": colour,
                        "opacity": 1, "line": {"width": wide, "color": colour}},
            )
            for colour, wide in lines
        ]  # fmt: skip

    def _points(self, members: Int[np.ndarray, " m"], **look: Any) -> Points:  # noqa: ANN401
        """A trace of some tokens."""
        axes = self.projection.coordinates[members].T
        carried = np.stack([self.cloud[name][members] for name in ("group", "row", "column", "image")], 1)
        look = {"mode": "markers", "customdata": carried.astype(np.int32), **look}
        if len(axes) == 3:
            return go.Scatter3d(x=axes[0], y=axes[1], z=axes[2], **look)
        kind = go.Scatter if len(self.cloud) <= MOST_DRAWN_AS_SHAPES else go.Scattergl
        # A selection is drawn by whoever keeps it; the browser's own would fade what is selected a second time.
        still = {"opacity": look["marker"]["opacity"]}
        return kind(x=axes[0], y=axes[1], selected={"marker": still}, unselected={"marker": still}, **look)

    def _where(self) -> str:
        image = ", image %{customdata[3]}" if len(self.cloud.images) > 1 else ""
        return "row %{customdata[1]}, column %{customdata[2]}" + image


def _axes(projection: Projection, drag: Drag) -> dict[str, Any]:
    flat = projection.coordinates.shape[1] == 2
    words = "component {} · {:.1%} of the variance" if flat else "{} · {:.1%}"
    titles = [words.format(axis + 1, share) for axis, share in enumerate(projection.explained)]
    titles = titles or [f"UMAP {axis + 1} (no unit)" for axis in range(projection.coordinates.shape[1])]
    if not flat:
        look = {"showbackground": False, "showgrid": True, "gridcolor": NOTHING, "gridwidth": 1, "zeroline": False,
                "showline": True, "linecolor": NOTHING, "nticks": 5, "tickfont": {"size": 1, "color": "rgba(0,0,0,0)"},
                "showspikes": False}  # fmt: skip
        axes = {name: {"title": {"text": title}, **look} for name, title in zip("xyz", titles, strict=True)}
        scene = {f"{name}axis": axis for name, axis in axes.items()}
        camera = {"eye": {"x": 1.45, "y": 1.45, "z": 0.98}, "center": {"x": 0, "y": 0, "z": -0.12}}
        return {"scene": {**scene, "aspectmode": "data", "dragmode": "orbit", "camera": camera}}
    numbered = projection.method == "PCA"
    look = {"showticklabels": numbered, "zeroline": False, "showgrid": True, "gridcolor": "rgba(128,128,128,0.18)",
            "ticks": "", "nticks": 7}  # fmt: skip
    return {
        "xaxis": {"title": {"text": titles[0], "standoff": 6}, **look},
        "yaxis": {"title": {"text": titles[1], "standoff": 6}, "scaleanchor": "x", **look},
        "dragmode": {"click": "pan", "box": "select", "lasso": "lasso"}[drag],
    }


def _colour_axis(colouring: Colouring) -> dict[str, Any]:
    scale = colouring.scale
    if scale is None:
        return {}
    bar = {"orientation": "h", "thickness": 8, "outlinewidth": 0, "y": -0.12, "yanchor": "top", "x": 0,
           "xanchor": "left", "len": 1, "title": {"text": scale.label, "side": "bottom"}, "nticks": 6}  # fmt: skip
    return {"colorscale": scale.colours, "cmin": scale.low, "cmax": scale.high, "colorbar": bar}
