"""Figures on the screen: drawn once, kept ready to send, marked with the picked token."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from mtlviz.engine import Run
from mtlviz.plots.maps import Geometry, Panel, Place, draw, picked_outline
from mtlviz.plots.style import paper

Spec = dict[str, Any]
TALLEST = 1.75
"""A map grows with its column up to this multiple of its least height."""


class Ready(go.Figure):  # type: ignore[misc]
    """A finished figure that is sent as it is.

    Plotly copies and checks a figure whenever Streamlit draws it, several times the cost of encoding it; this one
    was checked when it was made.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def to_dict(self) -> Spec:
        """The figure as plain data."""
        return self._spec


def map_spec(
    panel: Panel, geometry: Geometry, run: Run | None, *, beside: Sequence[Panel], height: int, clickable: bool
) -> Spec:
    """A map without the picked token, drawn once for the same content.

    Args:
        panel: what is drawn.
        geometry: of the image.
        run: gives the image under the layers; None for none.
        beside: maps in the same row, which share its margins.
        height: of the map in pixels.
        clickable: whether a click finds tokens.
    """
    room = [Panel("", scale=one.scale, note=one.note) for one in beside]
    image = "" if run is None else run.provenance.image_sha256
    digest = hashlib.sha256()
    _add(digest, (panel, geometry, room, height, clickable, image))
    return _map_spec(panel, geometry, run, room, height, clickable, digest.hexdigest())


def _add(digest: "hashlib._Hash", value: object) -> None:
    """Hash everything a map shows, arrays in full."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(f"{value.shape}{value.dtype.str}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, list | tuple):
        digest.update(f"{len(value)}[".encode())
        for part in value:
            _add(digest, part)
    elif is_dataclass(value):
        _add(digest, [getattr(value, field.name) for field in fields(value)])
    else:
        digest.update(f"{value!r};".encode())


@st.cache_resource(max_entries=128, show_spinner=False)
def _map_spec(
    _panel: Panel,
    _geometry: Geometry,
    _run: Run | None,
    _room: list[Panel],
    _height: int,
    _clickable: bool,
    digest: str,
) -> Spec:
    image = None if _run is None else _run.sample.image
    fig = draw(_panel, _geometry, image=image, height=_height, room_for=_room, clickable=_clickable)
    return fig.to_dict()  # type: ignore[no-any-return]


def mark(spec: Spec, geometry: Geometry, picked: Place | None) -> go.Figure:
    """The map with the picked token; the spec itself stays as it is, since sessions share it."""
    if picked is None:
        return Ready(spec)
    shapes = [*spec["layout"].get("shapes", []), *picked_outline(geometry, picked)]
    return Ready({**spec, "layout": {**spec["layout"], "shapes": shapes}})


def show_map(
    fig: go.Figure, geometry: Geometry, key: str, alt: str, on_click: Callable[[str], None] | None, stamp: str = ""
) -> None:
    """Put a map on the page, as wide as its column.

    A figure has a height of its own, and would leave its column half empty on a wide screen; here the page derives
    the height from the width.

    Args:
        fig: the map.
        geometry: of its image.
        key: unique on the page.
        alt: what it shows, for a screen reader.
        on_click: is given the key when a point is clicked.
        stamp: of the run, for the name of a saved picture.
    """
    with as_wide_as_its_column(fig, key, geometry.size[0] / geometry.size[1]):
        show(fig, key, alt, on_click, stamp, "stretch")


@contextmanager
def as_wide_as_its_column(fig: go.Figure, key: str, shape: float, tallest: float = TALLEST) -> Iterator[None]:
    """Where a figure is drawn with ``height="stretch"``; arguments as of ``show_map`` and ``fitted``."""
    name = f"map_{key}"
    chosen = f".st-key-{re.sub('[^a-zA-Z0-9_-]', '-', name)}"
    with st.container(key=name):
        st.html(f"<style>{fitted(fig.to_dict()['layout'], chosen, shape, tallest)}</style>")
        yield


def fitted(layout: Mapping[str, Any], chosen: str, shape: float, tallest: float) -> str:
    """The rules that give a figure the height that its column's width asks for.

    Args:
        layout: of the figure.
        chosen: selects its container.
        shape: height over width of what is inside the margins.
        tallest: it gets at most this multiple of the figure's own height, without the margins.
    """
    around = layout["margin"]["t"] + layout["margin"]["b"]
    most = tallest * (layout["height"] - around)
    height = f"calc(min({100 * shape:.3f}cqw, {most:.0f}px) + {around}px)"
    return f"{chosen}{{container-type:inline-size}}{chosen}>div{{height:{height}!important;flex:none!important}}"


def show(
    fig: go.Figure,
    key: str,
    alt: str,
    on_click: Callable[[str], None] | None,
    stamp: str = "",
    height: Literal["content", "stretch"] = "content",
) -> None:
    """Put a figure on the page.

    Args:
        fig: what is drawn.
        key: unique on the page.
        alt: what it shows, for a screen reader.
        on_click: is given the key when a point is clicked.
        stamp: of the runs behind it, for the name of a saved picture.
        height: the figure's own, or that of its container.
    """
    on_white = bool(st.session_state.get("paper"))
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
        "toImageButtonOptions": {
            "format": str(st.session_state.get("camera") or "PNG").lower(), "scale": 3,
            "filename": "_".join(part for part in ("mtlviz", key, stamp) if part),
        },
    }  # fmt: skip
    st.plotly_chart(
        paper(go.Figure(fig.to_dict())) if on_white else fig,
        key=key,
        height=height,
        alt=alt,
        config=config,
        theme=None if on_white else "streamlit",
        on_select="ignore" if on_click is None else partial(on_click, key),
        selection_mode="points",
    )
