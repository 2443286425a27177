"""Figures on the screen: drawn once, kept ready to send, marked with the picked token."""

import hashlib
import pickle
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from mtlviz.engine import Run
from mtlviz.plots.maps import Geometry, Panel, Place, draw, picked_outline
from mtlviz.plots.style import paper

Spec = dict[str, Any]


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
    content = pickle.dumps((panel, geometry, room, height, clickable, image), pickle.HIGHEST_PROTOCOL)
    return _map_spec(panel, geometry, run, room, height, clickable, hashlib.sha256(content).hexdigest())


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


def show(fig: go.Figure, key: str, alt: str, on_click: Callable[[str], None] | None) -> None:
    """Put a figure on the page.

    Args:
        fig: what is drawn.
        key: unique on the page.
        alt: what it shows, for a screen reader.
        on_click: is given the key when a point is clicked.
    """
    on_white = bool(st.session_state.get("paper"))
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
        "toImageButtonOptions": {
            "format": str(st.session_state.get("camera") or "PNG").lower(), "scale": 3, "filename": f"mtlviz_{key}",
        },
    }  # fmt: skip
    st.plotly_chart(
        paper(go.Figure(fig.to_dict())) if on_white else fig,
        key=key,
        alt=alt,
        config=config,
        theme=None if on_white else "streamlit",
        on_select="ignore" if on_click is None else partial(on_click, key),
        selection_mode="points",
    )
