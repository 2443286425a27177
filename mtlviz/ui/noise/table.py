"""All numbers of the maps, over the set with intervals and on the current image."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.noise.names import map_measures
from mtlviz.analysis.stability.stored import StoredInterval
from mtlviz.engine import Provenance
from mtlviz.ui import panels
from mtlviz.ui.downloads import csv_bytes
from mtlviz.ui.noise import image_set, leaks, reading, results, words
from mtlviz.ui.noise.page import View
from mtlviz.ui.noise.results import About, Held, StoredNoise

ABSENT = "–"
ROW_HEIGHT = 35
Cells = Mapping[str, Mapping[str, str]]
"""By column, then by measure."""


def draw(view: View, _row: DeltaGenerator) -> None:
    """The tables, their definitions and their data, then what is no single number."""
    cards = [side.card for side in view.sides]
    found = results.find(cards)
    about = _about(found)
    leaks.say_missing(view, found)
    if found is not None:
        _set(found, [one for one in results.held(found, cards) if one.model.maps], about)
    if view.reading:
        st.subheader("On this image", anchor="image")
        numbers = {side.title: reading.numbers(view, side).numbers for side in view.reading}
        _show({title: {key: _number(value) for key, value in one.items()} for title, one in numbers.items()}, about)
        rows = [(title, key, about[key].title, value) for title, one in numbers.items() for key, value in one.items()
                if key in about]  # fmt: skip
        table = pd.DataFrame(rows, columns=["model", "measure", "title", "value"])
        _download(table, "noise_image", [side.run.provenance for side in view.reading])
    image_set.top_p(view)
    image_set.labels(view)
    words.without_rows(view)


def _set(found: StoredNoise, held: Sequence[Held], about: Mapping[str, About]) -> None:
    if not held:
        return
    st.subheader(f"Over {found.images} images", anchor="set")
    _show({one.model.title: {key: _interval(value) for key, value in (one.model.maps or {}).items()}
           for one in held}, about)  # fmt: skip
    st.caption(
        f"**How to read this.** Means over n = {found.images} images of {panels.plain(found.data)} with 95% bootstrap "
        f"intervals over images; {ABSENT} marks what does not exist for a model. A number is defined under "
        "“Definitions”; where “noise over chance” is 1, a model chooses no better than by reading everything alike."
    )
    rows = [
        (one.model.name, key, about[key].title, value.mean, value.low, value.high, value.n, about[key].meaning)
        for one in held for key, value in (one.model.maps or {}).items() if key in about
    ]  # fmt: skip
    columns = ["model", "measure", "title", "mean", "low", "high", "images", "meaning"]
    with st.container(horizontal=True, vertical_alignment="center"):
        _definitions(about, {key for one in held for key in (one.model.maps or {})})
        _download(pd.DataFrame(rows, columns=columns), "noise_set", results.stamps(found, held))
        with st.popover("Protocol", icon=":material/science:", type="tertiary"):
            st.markdown(panels.plain(found.protocol))


def _about(found: StoredNoise | None) -> dict[str, About]:
    """What the numbers of maps mean, in order: as the command wrote it, and as the code says where it did not."""
    known = {key: About(one.title, one.meaning, one.formula, one.unit) for key, one in map_measures().items()}
    if found is None:
        return known
    return {**dict(found.measures), **{key: one for key, one in known.items() if key not in found.measures}}


def _show(columns: Cells, about: Mapping[str, About]) -> None:
    """One row a measure that any column has, in the order of the measures."""
    keys = [key for key in about if any(cells.get(key, ABSENT) != ABSENT for cells in columns.values())]
    table = pd.DataFrame(
        {title: [cells.get(key, ABSENT) for key in keys] for title, cells in columns.items()},
        index=pd.Index([_named(about[key]) for key in keys], name="Number"),
    )
    st.dataframe(table, height=ROW_HEIGHT * (len(keys) + 1) + 3, width="stretch")


def _definitions(about: Mapping[str, About], keys: set[str]) -> None:
    with st.popover("Definitions", icon=":material/function:", type="tertiary"):
        for key, one in about.items():
            if key in keys:
                formula = f" ${one.formula}$" if one.formula else ""
                st.markdown(f"**{panels.plain(one.title)}.** {panels.plain(one.meaning)}{formula}")


def _download(table: pd.DataFrame, name: str, made: Sequence[Provenance]) -> None:
    st.download_button(
        "Data (CSV)", partial(csv_bytes, table, made), f"mtlviz_{name}.csv", "text/csv", key=f"download_{name}",
        on_click="ignore", type="tertiary", icon=":material/download:",
    )  # fmt: skip


def _named(one: About) -> str:
    return f"{one.title} ({one.unit})" if one.unit else one.title


def _interval(value: StoredInterval) -> str:
    if value.mean is None:
        return ABSENT
    spread = "" if value.low is None or value.high is None else f" [{_number(value.low)}, {_number(value.high)}]"
    return f"{_number(value.mean)}{spread}"


def _number(value: float) -> str:
    if not np.isfinite(value):
        return ABSENT
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"
