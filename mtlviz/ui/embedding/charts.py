"""Figures in which tokens can be selected, and what can be taken away from them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from mtlviz.analysis.projection import Projection
from mtlviz.analysis.token_cloud import TokenCloud
from mtlviz.engine import Provenance
from mtlviz.plots.style import paper, task_title
from mtlviz.plots.token_colours import class_name
from mtlviz.ui.downloads import csv_bytes, npz_bytes

Mode = Literal["points", "box", "lasso"]
CELLS: tuple[Mode, ...] = ("points", "box")
"""How cells of an image are selected."""
POINTS: tuple[Mode, ...] = ("points", "box", "lasso")
"""How points of a map are."""
MOVING = ("zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d")
"""Buttons that a map of an image has no room for."""


def selectable(
    fig: go.Figure,
    key: str,
    alt: str,
    on_select: Callable[[str], None],
    modes: tuple[Mode, ...],
    height: Literal["content", "stretch"] = "content",
) -> None:
    """A figure whose points can be selected.

    Args:
        fig: what is drawn.
        key: unique on the page.
        alt: what it shows, for a screen reader.
        on_select: is given the key when something was selected.
        modes: ``POINTS`` or ``CELLS``.
        height: the figure's own, or that of its container.
    """
    on_white = bool(st.session_state.get("paper"))
    image = {"format": str(st.session_state.get("camera") or "PNG").lower(), "scale": 3, "filename": f"mtlviz_{key}"}
    buttons = ["autoScale2d", *(MOVING if "lasso" not in modes else ())]
    st.plotly_chart(
        paper(go.Figure(fig.to_dict())) if on_white else fig,
        key=key,
        height=height,
        alt=alt,
        config={"displaylogo": False, "modeBarButtonsToRemove": buttons, "toImageButtonOptions": image},
        theme=None if on_white else "streamlit",
        on_select=partial(on_select, key),
        selection_mode=modes,
    )


def take_away(cloud: TokenCloud, projection: Projection, chosen: np.ndarray, made: Sequence[Provenance]) -> None:
    """Every token with its coordinates as a table, and the features themselves; made when asked for."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Data (CSV)", lambda: csv_bytes(token_table(cloud, projection, chosen), made), "mtlviz_embedding.csv",
            "text/csv", key="embedding_csv", on_click="ignore", type="tertiary", icon=":material/download:",
        )  # fmt: skip
        st.download_button(
            "Features (NPZ)", lambda: npz_bytes(arrays(cloud, projection), made), "mtlviz_embedding.npz",
            "application/octet-stream", key="embedding_npz", on_click="ignore", type="tertiary",
            icon=":material/download:",
        )  # fmt: skip


def token_table(cloud: TokenCloud, projection: Projection, chosen: np.ndarray) -> pd.DataFrame:
    """One row a token: where it lies, what is known about it, its coordinates, whether it is selected.

    Args:
        cloud: the tokens.
        projection: their coordinates.
        chosen: ``(n,)`` bool.
    """
    names = ["all tasks"] if cloud.shared else [task_title(name) for name in cloud.groups]
    table = {
        "image": np.array(cloud.images, object)[cloud["image"]],
        "task": np.array(names, object)[cloud["group"]],
        "row": cloud["row"],
        "column": cloud["column"],
    }
    for name in cloud.class_tasks:
        for kind in ("truth", "said"):
            table[f"{name}, {'true' if kind == 'truth' else 'predicted'}"] = np.array(
                [class_name(cloud.task(name), int(label)) for label in cloud[f"{kind} {name}"]], object
            )
    table |= {f"error of {name}": cloud[f"error {name}"] for name in cloud.error_tasks}
    if cloud.slots:
        table |= {"slot read most": cloud["slot"], "its weight": cloud["weight"], "taken in by slot": cloud["picked"]}
    for axis, values in enumerate(projection.coordinates.T, start=1):
        table[f"{projection.method} {axis}"] = values
    return pd.DataFrame({**table, "selected": chosen})


def arrays(cloud: TokenCloud, projection: Projection) -> Mapping[str, np.ndarray]:
    """Features, coordinates and everything known about the tokens, as arrays."""
    return {
        "features": cloud.features,
        "coordinates": projection.coordinates,
        "explained": projection.explained,
        "images": np.array(cloud.images),
        "tasks": np.array(cloud.groups),
        "grid": np.array(cloud.grid),
        **{name.replace(" ", "_"): values for name, values in cloud.columns.items() if name != "priority"},
    }
