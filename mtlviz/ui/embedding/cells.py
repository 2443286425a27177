"""The tokens of the embedding page on their images: one map a task of this image, or the images of a set."""

from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from mtlviz.engine import Run
from mtlviz.plots.embedding import Highlight
from mtlviz.plots.embedding_maps import image_panel, token_panels
from mtlviz.plots.maps import Geometry, Panel, Place
from mtlviz.plots.maps import draw as draw_map
from mtlviz.plots.token_colours import Colouring
from mtlviz.ui import charts, panels
from mtlviz.ui.embedding import charts as embedding_charts
from mtlviz.ui.embedding import selection
from mtlviz.ui.embedding.page import Choice, Shown

IMAGES = 6
"""Most images of a set that are drawn beside the map."""
HEIGHT, ALONE = 190, 320
"""Of a map in pixels, beside others and alone."""


def draw(shown: Shown, choice: Choice, colouring: Colouring, highlight: Highlight) -> None:
    """The tokens in the colours of the map, on what they cover."""
    if shown.source.run is None:
        _images(shown, choice, colouring, highlight)
    else:
        _tasks(shown, shown.source.run, choice, colouring, highlight)


def _tasks(shown: Shown, run: Run, choice: Choice, colouring: Colouring, highlight: Highlight) -> None:
    """One map a task of the current image; a click picks a token, a box selects."""
    found = token_panels(shown.cloud, colouring, highlight)
    geometry = Geometry.of(run.letterbox, shown.cloud.grid)
    place = _place(shown, highlight)
    columns = min(len(found), 2)
    for start in range(0, len(found), columns):
        beside = found[start : start + columns]
        for index, (column, panel) in enumerate(zip(st.columns(columns), beside, strict=False), start=start):
            height = HEIGHT if columns > 1 else ALONE
            spec = charts.map_spec(panel, geometry, run, beside=beside, height=height, clickable=True)
            fig = charts.mark({**spec, "layout": {**spec["layout"], "dragmode": _drag(choice)}}, geometry, place)
            with column:
                _selectable(fig, geometry, f"embedding_cells_{index}", panel, shown, 0)
    st.caption(
        "**How to read this.** Every cell is a token, in the colour that its point has on the map; dots are the tokens "
        "nearest to the picked one. A click picks a token"
        + ("; with “box” above, dragging selects tokens." if choice.drag == "click" else ", a box selects tokens.")
    )


def _images(shown: Shown, choice: Choice, colouring: Colouring, highlight: Highlight) -> None:
    """The images of a set that hold most of the selected tokens, or its first ones."""
    cloud = shown.cloud
    here = np.ones(len(cloud), bool) if highlight.selected is None else highlight.selected
    count = np.bincount(cloud["image"][here], minlength=len(cloud.images))
    order = np.arange(len(count)) if highlight.selected is None else np.argsort(-count, kind="stable")
    drawn = [int(image) for image in order if count[image]][:IMAGES]
    if not drawn:
        panels.empty("None of the selected tokens is among those shown.", "Select others, or show more tokens.")
        return
    for start in range(0, len(drawn), 2):
        for image, column in zip(drawn[start : start + 2], st.columns(2), strict=False):
            sample = shown.source.read(image)
            panel = image_panel(cloud, image, colouring, highlight)
            geometry = shown.geometry(sample)
            fig = draw_map(panel, geometry, image=sample.image, height=HEIGHT)
            fig.update_layout(dragmode=_drag(choice))
            with column:
                _selectable(fig, geometry, f"embedding_image_{image}", panel, shown, image)
    st.caption(
        "**How to read this.** "
        + (
            f"The first {len(drawn)} of {len(cloud.images)} images with the tokens that are in the sample; select "
            "points, and the images that hold them appear here."
            if highlight.selected is None
            else f"The {len(drawn)} images that hold most of the selected tokens; other cells stay free."
        )
        + " Where tokens of several tasks share a cell, it has the colour of the first one."
    )


def _selectable(fig: go.Figure, geometry: Geometry, key: str, panel: Panel, shown: Shown, image: int) -> None:
    single = None if shown.source.run is None else shown.source.run.card.token_grid
    with charts.as_wide_as_its_column(fig, key, geometry.size[0] / geometry.size[1]):
        embedding_charts.selectable(
            fig, key, f"{panel.title}: {panel.note}",
            partial(selection.take_cells, of=shown.of, task=panel.task, image=image, cloud=shown.cloud,
                    single=single),
            embedding_charts.CELLS, "stretch",
        )  # fmt: skip


def _place(shown: Shown, highlight: Highlight) -> Place | None:
    if highlight.picked is None:
        return None
    return int(shown.cloud["row"][highlight.picked]), int(shown.cloud["column"][highlight.picked])


def _drag(choice: Choice) -> str | bool:
    return False if choice.drag == "click" else "select"
