"""The table of a regime: numbers that sort, marks that need no colour, and the same as files."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.system_leads import Lead
from mtlviz.analysis.system_record import SINGLE
from mtlviz.analysis.systems import Row
from mtlviz.plots.style import task_title
from mtlviz.plots.systems import DELTA, axis_label, gain_text, percent_text, spread_text
from mtlviz.ui import linked, panels
from mtlviz.ui.downloads import csv_bytes
from mtlviz.ui.protocols import draw_protocols
from mtlviz.ui.results import page, words
from mtlviz.ui.results.files import json_bytes, latex_table, numbers_table
from mtlviz.ui.results.page import View
from mtlviz.ui.results.words import CLEAR, WITHIN

GAIN, OFF = f"{DELTA} % ↑", f"{DELTA} off % ↑"
PARAMETERS, OPERATIONS, SEEDS = "Parameters (M)", "GMAC", "Seeds"
RATIO, TIME, PEAK = "Time, × none", "Time (ms)", "Peak (MiB)"
COSTS = {PARAMETERS: "{:.3f}", OPERATIONS: "{:.3f}", RATIO: "{:.2f}", TIME: "{:.1f}", PEAK: "{:.2f}"}
ABSENT = "–"
SCORES, PRICES, ALL = "scores", "costs", "all"
"""Which columns are shown; the first fit a window of 1,400 pixels."""
SHORT = {"semseg": "Seg.", "human_parts": "Parts", "saliency": "Sal.", "normals": "Norm."}
"""Titles of tasks for the head of a column, where the usual ones are long."""
LETTER = 7
"""Pixels of a letter in the head of a column, about."""
ROW_HEIGHT = 35


def draw(view: View, row: DeltaGenerator) -> None:
    """The table, what its marks mean, who leads, and the files."""
    with row:
        shown = linked.buttons("Columns", (SCORES, PRICES, ALL), "results_columns")
    st.caption(words.tier(view))
    numbers = chosen(view, shown)
    st.dataframe(
        styled(view, numbers), width="stretch", height=ROW_HEIGHT * (len(numbers) + 1) + 3, key="results_table",
        column_config=_columns(view), placeholder=ABSENT,
    )  # fmt: skip
    st.caption(
        f"**How to read this.** Scored on {view.regime.scored:,} held-out images; a click on a column's head sorts. "
        f"{words.spread(view)} {words.marks(view)}" + ("" if shown == SCORES else words.costs(view))
    )
    st.markdown("\n".join(f"- {line}" for line in words.leaders(view)))
    _files(view)


def table(view: View) -> pd.DataFrame:
    """The numbers of all systems, one row each; what is not known is NaN."""
    rows = {view.title(row.name): _numbers(row, view.comparison.headlines) for row in view.rows}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("System")


def chosen(view: View, shown: str) -> pd.DataFrame:
    """The columns that are asked for; the number of seeds where it differs, since the text above names it."""
    numbers = table(view)
    prices = [GAIN, *COSTS]
    seeds = [SEEDS] if numbers[SEEDS].nunique() > 1 else []
    scores = [column for column in numbers if column not in (*COSTS, SEEDS)]
    return numbers[{SCORES: [*scores, *seeds], PRICES: [*prices, *seeds], ALL: list(numbers)}[shown]]


def styled(view: View, numbers: pd.DataFrame) -> Styler:
    """The numbers as they are shown: with ±, units of their columns, and marks."""
    texts = {(view.title(row.name), column): text for row in view.rows for column, text in _texts(view, row).items()}
    known = {column: form for column, form in {**COSTS, SEEDS: "{:.0f}"}.items() if column in numbers}
    style = numbers.style.format(known, na_rep=ABSENT)
    for (title, column), text in texts.items():
        if column in numbers:
            style = style.format(partial(_said, text), subset=pd.IndexSlice[[title], [column]], na_rep=ABSENT)
    for column, ahead in _leads(view).items():
        if ahead.clear and column in numbers:
            best = pd.IndexSlice[[view.title(ahead.best)], [column]]
            style = style.map(lambda _: "font-weight: bold", subset=best)
    return style


def _said(text: str, _value: object) -> str:
    return text


def _numbers(row: Row, headlines: Mapping[str, str]) -> dict[str, float]:
    cost = row.cost
    alone = 0.0 if row.name == SINGLE else math.nan
    return {
        GAIN: alone if row.gain is None else row.gain.mean,
        OFF: math.nan if row.gain_off is None else row.gain_off,
        **{axis_label(task, metric): row.scores[task].mean for task, metric in headlines.items()},
        PARAMETERS: math.nan if cost is None else cost.parameters["total"] / 1e6,
        OPERATIONS: math.nan if cost is None else cost.operations["total"] / 1e9,
        RATIO: math.nan if cost is None else cost.over_none,
        TIME: math.nan if cost is None else cost.milliseconds,
        PEAK: math.nan if cost is None else cost.peak_bytes / 2**20,
        SEEDS: row.seeds,
    }


def _texts(view: View, row: Row) -> dict[str, str]:
    """What the cells with a spread say."""
    found = {
        axis_label(task, metric): spread_text(metric, row.scores[task])
        for task, metric in view.comparison.headlines.items()
    }
    found[GAIN] = gain_text(row.gain) if row.name != SINGLE else "0"
    found[OFF] = percent_text(row.gain_off)
    for column, ahead in _leads(view).items():
        if ahead.best == row.name and ahead.known:
            found[column] += f" {CLEAR if ahead.clear else WITHIN}"
    return found


def _leads(view: View) -> dict[str, Lead]:
    """By column who is best in it."""
    headlines = view.comparison.headlines
    columns = {axis_label(task, headlines[task]): one for task, one in view.task_leads.items()}
    return columns if view.gain_lead is None else {**columns, GAIN: view.gain_lead}


def _columns(view: View) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    better = {True: "lower is better", False: "higher is better"}
    headlines, protocols = view.comparison.headlines, view.regime.protocols
    device = f" on {view.comparison.device}" if view.comparison.device else ""
    helps = {
        **{axis_label(task, metric): f"{axis_label(task, metric)[:-2]}: {protocols.get(task, metric)}; "
           f"{better[view.comparison.lower_is_better[task]]}." for task, metric in headlines.items()},
        GAIN: "Mean over tasks of the relative change against a network trained on that task alone, counted positive "
              "where the system is better; 0 for each task alone, by definition.",
        OFF: "The same for the same weights with the interaction switched off. The decoders were trained with it, so "
             "this tells how much they rely on it, and not what a network without it would reach.",
        PARAMETERS: "Of all networks of the system, in millions.",
        OPERATIONS: "Multiply-accumulates of one image through all networks of the system, in thousand millions.",
        RATIO: f"Median time of a forward pass over that of hard sharing in the same round{device}, batch 1.",
        TIME: f"Median of forward passes{device}, batch 1; systems take turns, each task alone runs its networks one "
              "after another.",
        PEAK: "Most bytes of live tensors above weights and image during a pass, in MiB (2²⁰ bytes); of each task "
              "alone that of its largest network, since one runs after another.",
        SEEDS: "Trainings from different seeds.",
    }  # fmt: skip
    heads = {axis_label(task, metric): _head(task, metric) for task, metric in headlines.items()}
    wide = {GAIN: 118, OFF: 88, **{column: max(118, LETTER * len(head)) for column, head in heads.items()}}
    config: dict[str, Any] = {
        column: number(heads.get(column, column), help=panels.plain(text), width=wide.get(column))
        for column, text in helps.items()
    }
    return {"System": st.column_config.TextColumn("System", pinned=True, width=165), **config}


def _head(task: str, metric: str) -> str:
    """Of a column, as short as can be read."""
    return axis_label(task, metric).replace(task_title(task), SHORT.get(task, task_title(task)))


def _files(view: View) -> None:
    made = page.provenance(view)
    name = f"mtlviz_comparison_{view.name}"
    files: Sequence[tuple[str, Any, str, str]] = (
        ("CSV", partial(csv_bytes, numbers_table(view.rows, view.comparison.headlines), made), "csv", "text/csv"),
        ("LaTeX", partial(_latex, view, made), "tex", "application/x-tex"),
        ("JSON", partial(json_bytes, view, made), "json", "application/json"),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        for kind, content, ending, mime in files:
            st.download_button(
                f"Table ({kind})", content, f"{name}.{ending}", mime, key=f"results_download_{ending}",
                on_click="ignore", type="tertiary", icon=":material/download:",
            )  # fmt: skip
        draw_protocols(view.regime.protocols)
        with st.popover("The systems", icon=":material/hub:", type="tertiary"):
            for system in view.regime.systems.values():
                st.markdown(f"**{panels.plain(system.title)}.** {panels.plain(system.summary)}")


def _latex(view: View, made: Sequence[page.Trained]) -> bytes:
    return latex_table(view, [one.stamp() for one in made]).encode()
