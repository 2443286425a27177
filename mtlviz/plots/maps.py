"""Maps of one image that share one geometry, so that the eye can jump from map to map.

One map is one figure; ``board`` puts several into one, with linked zoom.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import UInt8

from mtlviz.plots.geometry import Geometry, Place
from mtlviz.plots.map_parts import Hover, Layer, Marks, Panel, Scale, cells
from mtlviz.plots.style import FONT_SIZE, finish, photo_uri, png_uri

__all__ = [
    "Geometry", "Hover", "Layer", "Marks", "Panel", "Place", "Scale", "board", "cells", "draw", "picked_outline",
]  # fmt: skip

TITLE_HEIGHT, NOTE_HEIGHT, SCALE_HEIGHT = 30, 18, 46
LONGEST_SIDE = 1024
"""Pictures are sent with at most this many pixels a side."""
CRISP_SIDE = 480
"""Small pictures are enlarged towards this side."""


def draw(
    panel: Panel,
    geometry: Geometry,
    *,
    image: UInt8[np.ndarray, "h w 3"] | None = None,
    picked: Place | None = None,
    height: int = 300,
    room_for: Sequence[Panel] = (),
    clickable: bool = True,
) -> go.Figure:
    """One map as a figure of its own.

    Args:
        panel: what is drawn.
        geometry: of the image.
        image: under every layer; None for none.
        picked: the picked token.
        height: of the map itself, in pixels, for a square or upright image; a wide one is lower.
        room_for: maps beside this one; all get the same margins, so that they line up.
        clickable: lay the transparent grid of tokens over the map.
    """
    beside = (panel, *room_for)
    top = TITLE_HEIGHT + NOTE_HEIGHT * any(other.note for other in beside)
    bottom = SCALE_HEIGHT if any(other.scale for other in beside) else 4
    high = round(min(height, 1.05 * height * geometry.size[0] / geometry.size[1]))
    fig = go.Figure(layout=_layout(panel, geometry, high + top + bottom, top, bottom))
    _fill(fig, panel, geometry, image, picked, "", clickable)
    if panel.scale:
        _add_scale(fig, panel.scale, (0, 1), 0, "")
    return finish(fig)


def board(
    panels: Sequence[Panel],
    geometry: Geometry,
    *,
    image: UInt8[np.ndarray, "h w 3"] | None = None,
    picked: Place | None = None,
    columns: int = 3,
    height: int = 300,
) -> go.Figure:
    """Several maps as one figure with linked zoom, for notebooks and files.

    Args:
        panels: what is drawn, row by row.
        geometry: of the image.
        image: under every layer; None for none.
        picked: the picked token.
        columns: maps a row.
        height: of one map, in pixels.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    wide, high = height * geometry.size[1] / geometry.size[0] + 20, height + TITLE_HEIGHT + NOTE_HEIGHT + SCALE_HEIGHT
    fig = go.Figure()
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        name = "" if index == 0 else str(index + 1)
        left, above = column * wide, row * high + TITLE_HEIGHT + NOTE_HEIGHT
        x = (left / (columns * wide), (left + wide - 20) / (columns * wide))
        y = (1 - (above + height) / (rows * high), 1 - above / (rows * high))
        across, down = _axes(geometry, name)
        linked = {} if index == 0 else {"matches": "x"}, {} if index == 0 else {"matches": "y"}
        fig.update_layout({f"xaxis{name}": {**across, **linked[0], "domain": x},
                           f"yaxis{name}": {**down, **linked[1], "domain": y}})  # fmt: skip
        fig.add_annotation(_title(panel, x[0], y[1]))
        _fill(fig, panel, geometry, image, picked, name, clickable=False)
        if panel.scale:
            _add_scale(fig, panel.scale, x, y[0], name)
    fig.update_layout(width=round(columns * wide), hovermode="closest", margin={"l": 0, "r": 0, "t": 0, "b": 0})
    return finish(fig, height=round(rows * high))


def _layout(panel: Panel, geometry: Geometry, height: int, top: int, bottom: int) -> dict[str, Any]:
    across, down = _axes(geometry, "")
    return {
        "annotations": [_title(panel, 0, 1)],
        "xaxis": across,
        "yaxis": down,
        "height": height,
        "margin": {"l": 0, "r": 0, "t": top, "b": bottom},
        "hovermode": "closest",
        "hoverdistance": -1,
        "dragmode": False,
        "uirevision": repr(geometry),
    }  # fmt: skip


def _title(panel: Panel, x: float, y: float) -> dict[str, Any]:
    """Title and note above the map; an annotation, since themes move and scale a figure's own title."""
    text = f"<b>{panel.title}</b>" + (f"<br>{panel.note}" if panel.note else "")
    return {"text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom",
            "align": "left", "showarrow": False, "yshift": 2, "borderpad": 0,
            "font": {"size": FONT_SIZE + 1}}  # fmt: skip


def _axes(geometry: Geometry, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    height, width = geometry.size
    hidden = {"visible": False, "constrain": "domain"}
    return (
        {**hidden, "range": [0, width], "anchor": f"y{name}", "constraintoward": "left"},
        {**hidden, "range": [height, 0], "anchor": f"x{name}", "constraintoward": "top", "scaleanchor": f"x{name}"},
    )


def _fill(
    fig: go.Figure,
    panel: Panel,
    geometry: Geometry,
    image: UInt8[np.ndarray, "h w 3"] | None,
    picked: Place | None,
    name: str,
    clickable: bool,
) -> None:
    """Draw a panel on the axes ``x{name}``, ``y{name}``."""
    pictures = [_picture(layer, geometry, name) for layer in _seen(panel.layers, image)]
    for index, picture in enumerate(pictures):
        picture["sizex"] *= 1 + 1e-6 * index  # plotly.js draws only the first of several images of one place and size
    fig.update_layout(images=[*fig.layout.images, *pictures])
    traces: list[go.Heatmap | go.Scatter] = []
    if panel.hover and panel.hover.on == "image":
        traces.append(_value_reader(panel.hover, geometry))
    elif clickable or panel.hover:
        traces.append(_token_grid(panel, geometry))
    traces += [_markers(marks, geometry) for marks in panel.marks]
    fig.add_traces([trace.update(xaxis=f"x{name}", yaxis=f"y{name}") for trace in traces])
    if picked is not None and panel.picked:
        fig.update_layout(shapes=[*fig.layout.shapes, *picked_outline(geometry, picked, name)])


def _seen(layers: Sequence[Layer], image: UInt8[np.ndarray, "h w 3"] | None) -> list[Layer]:
    """The layers over the image, without what an opaque one hides: hidden pictures would be sent for nothing."""
    stack = [] if image is None else [Layer(image, smooth=True)]
    for layer in layers:
        covers = layer.on == "image" and layer.picture.shape[-1] == 3 and layer.opacity == 1
        stack = [layer] if covers else [*stack, layer]
    return stack


def _picture(layer: Layer, geometry: Geometry, name: str) -> dict[str, Any]:
    top, left, height, width = 0.0, 0.0, float(geometry.size[0]), float(geometry.size[1])
    picture = layer.picture
    if layer.on == "grid":
        (top, left), (rows, columns) = geometry.origin, geometry.grid
        height, width = rows * geometry.cell[0], columns * geometry.cell[1]
    # Browsers smooth an enlarged picture; whole-number enlargement beforehand keeps its pixels crisp.
    factor = max(1, CRISP_SIDE // max(picture.shape[:2]))
    step = -(-max(picture.shape[:2]) // LONGEST_SIDE)
    picture = picture[::step, ::step]
    uri = photo_uri(picture) if layer.smooth else png_uri(picture, factor)
    return {"source": uri, "xref": f"x{name}", "yref": f"y{name}", "x": left, "y": top,
            "sizex": width, "sizey": height, "xanchor": "left", "yanchor": "top", "sizing": "stretch",
            "opacity": layer.opacity, "layer": "below"}  # fmt: skip


def _token_grid(panel: Panel, geometry: Geometry) -> go.Scatter:
    """Transparent markers on the visible tokens: what a click or a hover finds."""
    rows, columns = np.nonzero(geometry.visible)
    x, y = geometry.centre(rows, columns)
    # Arrays of objects become the same JSON as lists, and plotly does not check them one by one.
    texts = np.array([f"row {row}, column {column}" for row, column in zip(rows, columns, strict=True)], object)
    if panel.hover and panel.hover.texts is not None:
        texts = panel.hover.texts[rows, columns].astype(object) + "<br>" + texts
    places = np.stack([rows, columns], -1).astype(object)
    # Plotly tells no markers apart whose discs hold the pointer, so these are small: cells may be 3 pixels wide.
    return go.Scatter(
        x=x, y=y, mode="markers", name="tokens", customdata=places, text=texts,
        hovertemplate="%{text}<extra></extra>", marker={"size": 2, "opacity": 0},
        selected={"marker": {"opacity": 0}}, unselected={"marker": {"opacity": 0}}, showlegend=False,
    )  # fmt: skip


def _value_reader(hover: Hover, geometry: Geometry) -> go.Heatmap:
    """An invisible heatmap that knows the values under the pointer."""
    values = hover.values if hover.texts is None else np.zeros(hover.texts.shape, np.uint8)
    if values is None:
        raise ValueError("hovering over the image needs texts or values")
    steps = [size / count for size, count in zip(geometry.size, values.shape, strict=True)]
    said = {} if hover.texts is None else {"text": hover.texts}
    return go.Heatmap(
        z=values, x0=steps[1] / 2, dx=steps[1], y0=steps[0] / 2, dy=steps[0], opacity=0, showscale=False, name="values",
        hovertemplate=("%{text}" if said else hover.template) + "<extra></extra>", **said,
    )  # fmt: skip


def _markers(marks: Marks, geometry: Geometry) -> go.Scatter:
    rows, columns = np.asarray(marks.rows, int), np.asarray(marks.columns, int)
    x, y = geometry.centre(rows, columns)
    return go.Scatter(
        x=x, y=y, mode="markers+text" if len(marks.labels) else "markers", name=marks.name or "marks",
        customdata=np.stack([rows, columns], -1).tolist(), hovertext=list(marks.texts) or None,
        hovertemplate="%{hovertext}<extra></extra>" if len(marks.texts) else None,
        hoverinfo=None if len(marks.texts) else "skip",
        text=list(marks.labels) or None, textposition="top center", showlegend=False,
        textfont={"color": "#ffffff", "size": FONT_SIZE, "shadow": "0 0 2px #000, 0 0 2px #000, 0 0 4px #000"},
        marker={"color": marks.colours, "symbol": marks.symbols, "size": marks.sizes, "opacity": marks.opacities,
                "line": {"color": "#ffffff", "width": 1.5}},
        unselected={"marker": {"opacity": 0.9}},
    )  # fmt: skip


def picked_outline(geometry: Geometry, place: Place, name: str = "") -> list[dict[str, Any]]:
    """Plotly shapes around a token, white within black, so that they show on any map."""
    top, left = (geometry.origin[axis] + place[axis] * geometry.cell[axis] for axis in (0, 1))
    bottom, right = top + geometry.cell[0], left + geometry.cell[1]
    (height, width) = geometry.size
    box = {"type": "rect", "x0": max(left, 0), "x1": min(right, width), "y0": max(top, 0), "y1": min(bottom, height),
           "xref": f"x{name}", "yref": f"y{name}"}  # fmt: skip
    return [{**box, "line": {"color": colour, "width": wide}} for colour, wide in (("#000000", 4), ("#ffffff", 2))]


def _add_scale(fig: go.Figure, scale: Scale, across: tuple[float, float], below: float, name: str) -> None:
    """A colour bar and its label under a map.

    Args:
        fig: the figure with the map.
        scale: what the bar shows.
        across: left and right end, as shares of the figure's plotting area.
        below: lower edge of the map, likewise.
        name: of the map's axes.
    """
    fixed = {"tickvals": [value for value, _ in scale.ticks], "ticktext": [text for _, text in scale.ticks]}
    bar = {
        "orientation": "h", "thickness": 8, "outlinewidth": 0, "xpad": 0, "ypad": 6, "nticks": 5,
        "x": across[0], "xanchor": "left", "len": across[1] - across[0], "y": below, "yanchor": "top",
        "tickfont": {"size": FONT_SIZE - 2}, **(fixed if scale.ticks else {}),
    }  # fmt: skip
    marker = {"color": [scale.low], "cmin": scale.low, "cmax": scale.high, "colorscale": scale.colours,
              "showscale": True, "colorbar": bar}  # fmt: skip
    # A colour bar needs a trace; this one has no points.
    fig.add_scatter(
        x=[None], y=[None], xaxis=f"x{name}", yaxis=f"y{name}", mode="markers", hoverinfo="skip", showlegend=False,
        name="scale", marker=marker,
    )  # fmt: skip
    # The bar's own title would move with the length of its numbers, and onto them.
    fig.add_annotation(
        text=scale.label, x=sum(across) / 2, y=below, xref="paper", yref="paper", yshift=-30, yanchor="top",
        xanchor="center", showarrow=False, borderpad=0, font={"size": FONT_SIZE - 1},
    )  # fmt: skip
