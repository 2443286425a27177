"""How spread, how mixed and how noisy reading is in each of two models, in numbers."""

import numpy as np
import pandas as pd
import streamlit as st

from mtlviz.analysis.reading import Quantity, Reading
from mtlviz.plots.attention import percent, source_matrix
from mtlviz.ui import panels, pick, state
from mtlviz.ui.compare.page import Pair
from mtlviz.ui.compare.reading import anyone_reads, readings

ORACLES = {"semseg": "The same class", "depth": "A similar depth"}
ABSENT = "–"


def draw(pair: Pair, picked: pick.Token) -> None:
    """How spread, how mixed and how noisy reading is, for the picked token and for the whole image."""
    if not anyone_reads(pair):
        return
    found = readings(pair, picked, _choose_oracle(pair), rank=True)
    _numbers(found, {side.letter: side.title for side in pair.sides})
    _exchange(pair, found)


def _choose_oracle(pair: Pair) -> str | None:
    """Which label decides what is worth reading; None where there is none."""
    known = [task for task in ORACLES if task in pair.first.run.sample.labels]
    if not known:
        return None
    state.check_query("compare_oracle", {task: ORACLES[task] for task in known})
    return st.segmented_control(
        "Worth reading are tokens of", known, default=known[0], required=True,
        format_func=ORACLES.__getitem__, key="compare_oracle", bind="query-params", persist_state="session",
        help="Weight on all other tokens counts as noise. The class, or the range of depth, is the true one of the "
        "cell that the reading token covers.",
    )  # fmt: skip


def _numbers(found: dict[str, Reading], titles: dict[str, str]) -> None:
    """All numbers, one row a quantity, for the picked token and for the whole image; and what they mean."""
    quantities = {titles[letter]: one.quantities for letter, one in found.items()}
    first = next(iter(quantities.values()))
    columns = {"Number": [quantity.title for quantity in first]}
    for part, scope in (("token", "this token"), ("whole", "whole image")):
        for title, those in quantities.items():
            columns[f"{title}, {scope}"] = [_said(quantity, getattr(quantity, part)) for quantity in those]
    table = pd.DataFrame(columns).set_index("Number")
    st.table(table[(table != ABSENT).any(axis=1)])
    st.caption(
        "**How to read this.** “Whole image” is the mean over all tokens, or a number of the whole map; – marks what "
        "does not exist for a model or for one token."
    )
    with st.popover("What the numbers mean", icon=":material/function:", type="tertiary"):
        for quantity in first:
            st.markdown(f"**{quantity.title}.** {panels.plain(quantity.definition)}")


def _exchange(pair: Pair, found: dict[str, Reading]) -> None:
    """Which task reads which, over the whole image, side by side."""
    shown = [side for side in pair.sides if side.letter in found]
    for side, column in zip(shown, st.columns(2), strict=False):
        reading = found[side.letter]
        with column:
            panels.figure(
                source_matrix(reading.whole.sources, reading.trace.layout.tasks, side.title),
                f"compare_exchange_{side.letter}",
                alt=f"{side.title}: share of what each task reads from each task",
                how_to_read="",
            )
    panels.maps(
        [], pair.first.run, "compare_exchange",
        how_to_read="A row is a reading task; its cells say from which task's tokens it takes what it reads, on "
        "average over the image. Colours go from 0 to 100% in every matrix.",
        data={f"{letter}_{name}": array for letter, one in found.items()
              for name, array in (("sources", one.whole.sources), ("tasks", np.array(one.trace.layout.tasks)))},
    )  # fmt: skip


def _said(quantity: Quantity, value: float) -> str:
    if not np.isfinite(value):
        return ABSENT
    if quantity.unit == "tokens":
        return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.1f}"
    if quantity.unit == "share":
        return percent(value)
    return f"{value:.2f}×" if quantity.unit == "times" else f"{value:.3g}"
