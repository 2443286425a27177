"""The parts that every page is made of: headline, maps, figure with its explanation and downloads, numbers."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from mtlviz.engine import Provenance, Run
from mtlviz.plots.maps import Panel, Place
from mtlviz.ui import charts, negative_controls, pick, state
from mtlviz.ui.downloads import csv_bytes, file_stamp, npz_bytes

Data: TypeAlias = Mapping[str, np.ndarray] | pd.DataFrame
_MARKUP = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_{}[]()#+-!|<>~$:"})


def plain(text: str) -> str:
    """Text that may hold anything, for a place that renders Markdown."""
    return " ".join(text.split()).translate(_MARKUP)


def headline(sentence: str) -> None:
    """The one sentence that answers the page's question for the current image."""
    st.markdown(f"#### {sentence}" if len(sentence) < 60 else sentence)


def maps(
    panels: Sequence[Panel | None],
    run: Run,
    key: str,
    *,
    columns: int = 3,
    picked: Place | None = None,
    clickable: bool = True,
    image: bool = True,
    how_to_read: str = "",
    formula: str = "",
    source: str = "",
    data: Data | None = None,
    height: int = 300,
    real: Sequence[Panel | None] | None = None,
) -> None:
    """Maps of one image side by side; a click on one picks its token.

    Args:
        panels: what is drawn; None leaves a gap.
        run: gives the image and its token grid.
        key: of the group, unique on the page.
        columns: maps a row; they stack on a narrow screen.
        picked: the marked token; by default the picked one where maps are clickable.
        clickable: whether a click picks a token.
        image: draw the image below every map.
        how_to_read: one sentence.
        formula: LaTeX.
        source: of the formula.
        data: behind the maps, for the download.
        height: of a map in pixels.
        real: where ``panels`` are those of a negative control, the model's own; their correlation stands below each.
    """
    geometry = state.geometry(run)
    if picked is None and clickable:
        picked = pick.current(run).place
    for start in range(0, len(panels), columns):
        row = panels[start : start + columns]
        beside = [panel for panel in row if panel is not None]
        for index, (column, panel) in enumerate(zip(st.columns(columns), row, strict=False)):
            if panel is None:
                continue
            spec = charts.map_spec(
                panel, geometry, run if image else None, beside=beside, height=height, clickable=clickable
            )
            with column:
                charts.show_map(
                    charts.mark(spec, geometry, picked if panel.picked else None), geometry,
                    f"{key}_{start + index}", panel.title, _click(panel, clickable), file_stamp((run.provenance,)),
                )  # fmt: skip
                if real is not None:
                    negative_controls.beside(panel, real[start + index])
    _explain(key, how_to_read, formula, source, data, (run.provenance,))


def figure(
    fig: go.Figure,
    key: str,
    *,
    how_to_read: str,
    alt: str,
    formula: str = "",
    source: str = "",
    data: Data | None = None,
    provenance: Sequence[Provenance] = (),
    shape: float | None = None,
) -> None:
    """A figure with its explanation and its data.

    Args:
        fig: what is drawn.
        key: unique on the page.
        how_to_read: one sentence.
        alt: what it shows, with its key number, for a screen reader.
        formula: LaTeX.
        source: of the formula.
        data: behind the figure: a table becomes CSV, arrays become NPZ.
        provenance: of the runs behind it.
        shape: height over width inside its margins where they belong together, as in a map; a narrow screen then
            makes it lower too.
    """
    if shape is None:
        charts.show(fig, key, alt, None, file_stamp(provenance))
    else:
        with charts.as_wide_as_its_column(fig, key, shape, 1.0):
            charts.show(fig, key, alt, None, file_stamp(provenance), "stretch")
    _explain(key, how_to_read, formula, source, data, provenance)


def numbers(values: Sequence[tuple[str, str, str]], columns: int = 4) -> None:
    """A row of numbers.

    Args:
        values: (label, value with unit, definition shown as a tooltip).
        columns: numbers a row.
    """
    for start in range(0, len(values), columns):
        for column, (label, value, definition) in zip(st.columns(columns), values[start:], strict=False):
            column.metric(label, value, help=definition)


def empty(why: str, do: str) -> None:
    """An empty panel: why it is empty and what would fill it."""
    with st.container(border=True):
        st.markdown(f":material/hide_image: {why}")
        st.caption(do)


def _click(panel: Panel, clickable: bool) -> Callable[[str], None] | None:
    if not clickable or (panel.hover is not None and panel.hover.on == "image"):
        return None
    return partial(pick.take_click, task=panel.task)


def _explain(
    key: str, how_to_read: str, formula: str, source: str, data: Data | None, provenance: Sequence[Provenance]
) -> None:
    if how_to_read:
        st.caption(f"**How to read this.** {how_to_read}")
    if not (formula or data is not None):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if formula:
            with st.popover("Formula", icon=":material/function:", type="tertiary"):
                st.latex(formula)
                if source:
                    st.caption(source)
        if isinstance(data, pd.DataFrame):
            _download("CSV", partial(csv_bytes, data, provenance), f"mtlviz_{key}.csv", "text/csv")
        elif data is not None:
            _download("NPZ", partial(npz_bytes, data, provenance), f"mtlviz_{key}.npz", "application/octet-stream")


def _download(kind: str, content: Callable[[], bytes], name: str, mime: str) -> None:
    """A button whose file is made when it is pressed, and not before."""
    st.download_button(
        f"Data ({kind})", content, name, mime, key=f"download_{name}", on_click="ignore", type="tertiary",
        icon=":material/download:",
    )  # fmt: skip
