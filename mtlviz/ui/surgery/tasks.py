"""Every task silenced once: what the others lose, and whether the weight on its tokens tells."""

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.controls import map_correlation
from mtlviz.analysis.lesions.silencing import Silencing
from mtlviz.plots.attention import percent
from mtlviz.plots.style import SLOT_SYMBOLS, task_colour, task_title
from mtlviz.plots.surgery import Points, effects_figure, faithfulness_figure
from mtlviz.ui import negative_controls, panels
from mtlviz.ui.heads import head_note
from mtlviz.ui.surgery import page, words
from mtlviz.ui.surgery.page import Table


def draw(table: Table, _row: DeltaGenerator) -> None:
    """Matrix and scatter."""
    if "silence" not in table.subject.verbs or len(table.subject.layout.tasks) < 2:
        panels.empty(
            f"In {panels.plain(table.before.card.title)} no task reads another one, so none can be silenced.",
            "Choose a model whose tasks interact in the sidebar, such as kem or cross_attention.",
        )
        return
    found = page.silenced(table)
    real = None if table.real is None else page.silenced(table.real)
    left, right = st.columns(2, gap="large")
    with left:
        _matrix(table, found)
        if real is not None:
            negative_controls.say(map_correlation(found.shares, real.shares), "cells of both matrices")
    with right:
        _scatter(table, found, real)


def _matrix(table: Table, found: Silencing) -> None:
    titles = [task_title(task.name) for task in found.tasks]
    fig = effects_figure(
        found.shares,
        [[_cell(found, source, target) for target in range(len(titles))] for source in range(len(titles))],
        [f"{title} silenced" for title in titles], titles, list(range(len(titles))),
    )  # fmt: skip
    st.markdown("**What silencing a task (row) does to each prediction (column)**")
    panels.figure(
        fig, "surgery_silencing",
        alt="Effect of silencing every task on every task",
        how_to_read=f"A cell is how far the prediction moves, over how far it moves when {words.OFF} "
        f"({table.weight} = 0). The diagonal is what a task loses when nobody, itself included, reads it. Hovering "
        "gives exact numbers.",
        formula=r"\text{cell}_{s,t}=\frac{e_t(\text{nobody reads }s)}{e_t(w_r=0)}",
        source="e is the mean size of the change: another class, metres, degrees or probability.",
        data=_table(found), provenance=(table.before.provenance,),
    )  # fmt: skip


def _scatter(table: Table, found: Silencing, real: Silencing | None) -> None:
    st.markdown("**Is the weight on a task's tokens its effect?**")
    if found.mass is None:
        panels.empty(
            f"Tokens of {panels.plain(table.before.card.title)} do not read tokens with weights that sum to 1, so "
            "there is no mass to set against the effects.",
            "Choose a model with slots or attention, such as kem or cross_attention.",
        )
        return
    if note := head_note(table.before.card, 0):
        st.caption(note)
    count = int(found.pairs.sum())
    own = "" if real is None else f" The model itself: **{words.correlation_text(real.faithfulness)}**."
    said = words.faithfulness_text(found.faithfulness, count, "the weights on a task").capitalize()
    st.markdown(f"{said}.{own}")
    whose = "composite map A_w A_r" if table.subject.slots else "attention"
    panels.figure(
        faithfulness_figure(_points(found), f"share of the {whose} on the silenced task",
                            "effect / effect of exchanging nothing", legend=True),
        "surgery_mass",
        alt=f"Effect of silencing against the weight read; rank correlation {found.faithfulness:.2f}",
        how_to_read="One mark a pair of different tasks: the colour is the silenced task, the shape the task whose "
        "prediction moves. To the right, the weight its tokens put on the silenced task's tokens; a faithful map "
        "rises. Pairs share their tasks, so that chance reaches further than their number says.",
        formula=r"\rho=\mathrm{corr}\big(\mathrm{rank}\,m_{s,t},\ \mathrm{rank}\,\text{cell}_{s,t}\big)_{s\ne t},\quad "
        r"m_{s,t}=\tfrac1N\sum_{i\in t}\sum_{j\in s}a_{ij}",
        source="Spearman (1904); ties share their mean rank.",
        data=_table(found), provenance=(table.before.provenance,),
    )  # fmt: skip


def _points(found: Silencing) -> list[Points]:
    if found.mass is None:
        return []
    none, grey = np.empty(0), "#808890"
    titles = [task_title(task.name) for task in found.tasks]
    groups = [
        *(Points(f"{title} silenced", none, none, task_colour(task.name), "circle", ())
          for title, task in zip(titles, found.tasks, strict=True)),
        *(Points(f"{title} moves", none, none, grey, SLOT_SYMBOLS[index], ()) for index, title in enumerate(titles)),
    ]  # fmt: skip
    for source, task in enumerate(found.tasks):
        for target in range(len(found.tasks)):
            if target != source:
                groups.append(
                    Points(
                        f"{titles[source]} → {titles[target]}",
                        found.mass[[source], target], found.shares[[source], target], task_colour(task.name),
                        SLOT_SYMBOLS[target], [_cell(found, source, target)],
                    )
                )  # fmt: skip
    return groups


def _cell(found: Silencing, source: int, target: int) -> str:
    task, share = found.tasks[target], found.shares[source, target]
    weight = "" if found.mass is None else f"<br>share of its reading {percent(float(found.mass[source, target]))}"
    ratio = "no effect of the exchange to compare with" if np.isnan(share) else f"{share:.4f} of having no exchange"
    return (
        f"{task_title(found.tasks[source].name)} silenced → {task_title(task.name)}<br>moves by "
        f"{words.exact(task, found.effects[source, target])}<br>{ratio}{weight}"
    )


def _table(found: Silencing) -> pd.DataFrame:
    rows = []
    for source, silent in enumerate(found.tasks):
        for target, task in enumerate(found.tasks):
            rows.append({
                "silenced": silent.name, "task": task.name, "effect": found.effects[source, target],
                "share": found.shares[source, target],
                "weight": np.nan if found.mass is None else found.mass[source, target],
            })  # fmt: skip
    return pd.DataFrame(rows)
