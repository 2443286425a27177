"""Where one token received from: lines to the tokens behind its slots, over the maps of all tasks."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import UInt8

from mtlviz.analysis.composite import TokenProvenance
from mtlviz.plots.maps import Geometry, cells
from mtlviz.plots.routing_maps import pale
from mtlviz.plots.style import SEQUENTIAL, finish, png_uri, slot_colour, slot_label, task_title
from mtlviz.trace import TokenLayout

COLUMNS = 2
GAP = 0.05
"""Between maps, as a share of the width of one."""
TITLE = 0.12
"""Room for a title above a map, as a share of its height."""
PHOTOGRAPH = 0.3
"""Strength of the photograph under the lines."""
MOST_LINES = 120
"""Lines that are drawn, the strongest ones: 6 picks of 20 slots. Slots that take in every token have thousands."""
FULL_WEIGHT = 0.2
"""Weight from which a line is drawn with full width and opacity; the same for all tokens and images."""


@dataclass(frozen=True)
class _Canvas:
    """The maps of all tasks on one pair of axes, in source pixels of the image."""

    layout: TokenLayout
    geometry: Geometry

    def corner(self, task: int) -> tuple[float, float]:
        """(left, top) of the map of a task."""
        (height, width), (row, column) = self.geometry.size, divmod(task, COLUMNS)
        return column * width * (1 + GAP), row * height * (1 + TITLE) + height * TITLE

    def point(self, token: int) -> tuple[float, float]:
        """(x, y) of a token on the map of its task."""
        task, row, column = self.layout.place(token)
        left, top = self.corner(self.layout.tasks.index(task))
        x, y = self.geometry.centre(row, column)
        return left + float(x), top + float(y)

    @property
    def extent(self) -> tuple[float, float]:
        """(width, height)."""
        (height, width), count = self.geometry.size, len(self.layout.tasks)
        columns, rows = min(count, COLUMNS), -(-count // COLUMNS)
        return width * (columns + GAP * (columns - 1)), rows * height * (1 + TITLE)


def provenance_figure(
    provenance: TokenProvenance,
    layout: TokenLayout,
    geometry: Geometry,
    image: UInt8[np.ndarray, "h w 3"],
    *,
    height: int = 580,
) -> go.Figure:
    """Lines from a token to the tokens it received from, one a slot and pick, over one map a task.

    Cells under the line ends are the token's row of A = A_w A_r. Width and opacity of a line are its weight; of more
    than ``MOST_LINES`` the strongest are drawn.

    Args:
        provenance: of the token.
        layout: the tokens.
        geometry: of the image.
        image: under every map.
        height: of the figure in pixels.
    """
    canvas = _Canvas(layout, geometry)
    fig = go.Figure()
    row = np.full(layout.tokens, np.nan)
    row[provenance.sources] = provenance.weights
    top = float(provenance.weights.max(initial=0.0)) or 1.0
    ground = pale(image, PHOTOGRAPH)
    pictures: list[dict[str, object]] = []
    for task, weights in enumerate(row.reshape(len(layout.tasks), *layout.grid)):
        left, above = canvas.corner(task)
        picture = _on_image(cells(weights, 0, top).picture, ground, geometry)
        pictures.append(_placed(png_uri(picture), geometry, left, above))
        fig.add_annotation(
            x=left, y=above, text=f"{task_title(layout.tasks[task])} · {provenance.tasks[layout.tasks[task]]:.0%}",
            xanchor="left", yanchor="bottom", showarrow=False, font={"size": 14},
        )  # fmt: skip
    fig.update_layout(images=pictures, shapes=[*_lines(provenance, canvas), *_reader(provenance, canvas)])
    fig.add_traces([_sources(provenance, canvas), _weight_scale(top)])
    across, down = canvas.extent
    fig.update_xaxes(visible=False, range=[0, across], constrain="domain", constraintoward="left")
    fig.update_yaxes(visible=False, range=[down, 0], scaleanchor="x", constrain="domain", constraintoward="top")
    fig.update_layout(margin={"l": 0, "r": 0, "t": 48, "b": 0}, hovermode="closest", dragmode=False)
    return finish(fig, height=height)


def _on_image(
    grid: UInt8[np.ndarray, "rows columns 4"], ground: UInt8[np.ndarray, "h w 3"], geometry: Geometry
) -> UInt8[np.ndarray, "h w 3"]:
    """Token cells laid over an image as one picture: plotly draws only one picture at a place."""
    indices = []
    for axis, count in enumerate(ground.shape[:2]):
        centres = (np.arange(count) + 0.5) * geometry.size[axis] / count
        token = (centres - geometry.origin[axis]) // geometry.cell[axis]
        indices.append(np.clip(token, 0, geometry.grid[axis] - 1).astype(int))
    over = grid[indices[0]][:, indices[1]]
    opaque = over[..., 3:] / 255
    mixed: np.ndarray = opaque * over[..., :3] + (1 - opaque) * ground
    return mixed.round().astype(np.uint8)


def _placed(source: str, geometry: Geometry, left: float, top: float) -> dict[str, object]:
    height, width = geometry.size
    return {"source": source, "xref": "x", "yref": "y", "x": left, "y": top, "sizex": width, "sizey": height,
            "xanchor": "left", "yanchor": "top", "sizing": "stretch", "layer": "below"}  # fmt: skip


def _lines(provenance: TokenProvenance, canvas: _Canvas) -> list[dict[str, object]]:
    """One curve a slot and pick, the weakest first so that the strongest lie on top."""
    x0, y0 = canvas.point(provenance.token)
    through = provenance.through
    paths = sorted(np.argwhere(through > 0).tolist(), key=lambda path: through[path[0], path[1]])
    paths = paths[-MOST_LINES:]
    shapes: list[dict[str, object]] = []
    for source, slot in paths:
        x1, y1 = canvas.point(int(provenance.sources[source]))
        bend = (x0 + x1) / 2 + (y1 - y0) * 0.12, (y0 + y1) / 2 - (x1 - x0) * 0.12
        share = min(1.0, float(through[source, slot]) / FULL_WEIGHT)
        shapes.append({
            "type": "path", "path": f"M {x0:.1f},{y0:.1f} Q {bend[0]:.1f},{bend[1]:.1f} {x1:.1f},{y1:.1f}",
            "line": {"color": slot_colour(slot), "width": 0.8 + 6 * share}, "opacity": 0.3 + 0.7 * share,
        })  # fmt: skip
    return shapes


def _sources(provenance: TokenProvenance, canvas: _Canvas) -> go.Scatter:
    """The ends of the lines, in the colour of the slot that carries most: what hovering reads."""
    points = [canvas.point(int(token)) for token in provenance.sources[:MOST_LINES]]
    return go.Scatter(
        x=[x for x, _ in points], y=[y for _, y in points], mode="markers", name="sources", showlegend=False,
        hovertext=[_source_text(provenance, canvas.layout, rank) for rank in range(len(points))],
        hovertemplate="%{hovertext}<extra></extra>",
        marker={
            "size": 7, "color": [slot_colour(int(slots.argmax())) for slots in provenance.through[: len(points)]],
            "line": {"color": "#ffffff", "width": 1},
        },
    )  # fmt: skip


def _source_text(provenance: TokenProvenance, layout: TokenLayout, rank: int) -> str:
    task, row, column = layout.place(int(provenance.sources[rank]))
    slots = ", ".join(
        f"{slot_label(slot)} {weight:.3f}" for slot, weight in enumerate(provenance.through[rank]) if weight > 0
    )
    weight = provenance.weights[rank]
    return f"{task_title(task)}, row {row}, column {column}<br>weight {weight:.3f} through {slots}"


def _reader(provenance: TokenProvenance, canvas: _Canvas) -> list[dict[str, object]]:
    """The outline of the reading token, black under white so that it shows on any ground."""
    x, y = canvas.point(provenance.token)
    down, right = (side / 2 for side in canvas.geometry.cell)
    box = {"type": "rect", "x0": x - right, "x1": x + right, "y0": y - down, "y1": y + down}
    return [{**box, "line": {"color": colour, "width": width}} for colour, width in (("#000000", 5), ("#ffffff", 2))]


def _weight_scale(top: float) -> go.Scatter:
    """The colour bar of the cells; a trace without points."""
    return go.Scatter(
        x=[None], y=[None], mode="markers", hoverinfo="skip", showlegend=False, name="scale",
        marker={
            "color": [0.0], "cmin": 0, "cmax": top, "colorscale": SEQUENTIAL, "showscale": True,
            "colorbar": {"orientation": "h", "thickness": 8, "outlinewidth": 0, "xpad": 0, "ypad": 0, "y": 1.01,
                         "yanchor": "bottom", "x": 0, "xanchor": "left", "len": 0.5, "nticks": 5,
                         "title": {"text": "weight (no unit)", "side": "top"}},
        },
    )  # fmt: skip
