"""The measured leak against what no softmax can avoid, as tokens, tasks and the range of the logits grow."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.noise.curve import CurvePoint
from mtlviz.analysis.noise.floors import write_floor, write_half_range
from mtlviz.plots.noise_floor import (
    MOST_TOKENS,
    Measured,
    RangeMark,
    Setting,
    range_figure,
    task_figure,
    token_figure,
)
from mtlviz.trace import SlotTrace
from mtlviz.ui import linked, panels, state
from mtlviz.ui.linked import LINKED
from mtlviz.ui.noise import image_set, reading, words
from mtlviz.ui.noise.page import Side, View

SIZES = ("80", "160", "320", "640", "1280", "2400", "4800", "9600", "19200")
"""Tokens of one task that the slider offers: 320 are those of the shipped models, 4800 those of the paper's NYUD."""
MOST_TASKS, MOST_RELEVANT, LARGEST_B = 10, 2000, 6.0
STAY, GROW = "stay", "grow along"
AIM = 0.1
"""Leaked mass that the needed logit range is stated for."""


def draw(view: View, _row: DeltaGenerator) -> None:
    """Sliders, the theory with what was measured, and what the bound does not say."""
    setting, grow = _sliders()
    panels.headline(_sentence(setting))
    first, second = st.columns(2, gap="medium")
    with first:
        _tokens(view, setting, grow)
    with second:
        _tasks(view, setting, grow)
    with first:
        _ranges(view, setting)
    with second:
        st.caption(
            "**What the bound says.** It holds for one row of a softmax over all n candidates whose logits lie within "
            "2B of one another, and is reached where every relevant token has the largest logit and the others the "
            "smallest. A model may leak far more; below the floor it cannot get. It does not hold where weights can be "
            "exactly 0: top-K attention, and Retrieve of KEM, which may pick relevant tokens only."
        )
    if view.oracle is None and view.reading:
        words.without_labels()
    image_set.curves(view, grow=grow)
    words.without_rows(view)


def _sliders() -> tuple[Setting, bool]:
    """What they say, and whether the relevant tokens grow along."""
    state.check_query("noise_tokens", SIZES)
    state.check_query_number("noise_tasks", 2, MOST_TASKS)
    state.check_query_number("noise_m", 1, MOST_RELEVANT)
    state.check_query_number("noise_b", 0, LARGEST_B)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tokens = st.select_slider("Tokens of a task, N", SIZES, "320", key="noise_tokens", width=190, **LINKED)
        tasks = st.slider("Tasks, T", 2, MOST_TASKS, 4, key="noise_tasks", width=130,
                          help="Attention reads the tokens of the other tasks: n = (T − 1) N.", **LINKED)  # fmt: skip
        relevant = st.number_input("Relevant tokens, m", 1, MOST_RELEVANT, 60, 10, key="noise_m", width=150, **LINKED)
        half_range = st.slider("Logit half range, B (nats)", 0.0, LARGEST_B, 2.0, 0.1, key="noise_b", width=180,
                               **LINKED)  # fmt: skip
        growth = linked.buttons("As n grows, relevant ones", (STAY, GROW), "noise_growth")
    return Setting(int(tokens), int(tasks), int(relevant), float(half_range)), growth == GROW


def _sentence(setting: Setting) -> str:
    if setting.relevant >= setting.candidates:
        return (
            f"With m = {setting.relevant:,} all **n = {setting.candidates:,}** tokens are relevant, so nothing has to "
            "leak."
        )
    return (
        f"Among **n = {setting.candidates:,}** tokens, {setting.relevant:,} of them relevant, a softmax whose logits "
        f"lie within 2B = {2 * setting.half_range:.1f} nats leaks at least **{setting.floor:.0%}**; for no more than "
        f"{AIM:.0%} it needs **B ≥ {setting.half_range_for(AIM):.1f}**, about half a nat more for every e-fold of n."
    )


def _tokens(view: View, setting: Setting, grow: bool) -> None:
    measured = []
    for side in view.reading if view.oracle is not None else ():
        points = reading.curve(side, view.oracle or "")
        measured.append(_measured(side, points, [point.candidates for point in points], grow))
    kept = (
        "If they grow along with n, as with resolution, the floor stays; coloured is the mass on every other "
        f"{view.what} with a share of the image's places left in."
        if grow
        else "If as many stay relevant while others are added, the floor rises to 100%; coloured is the mass outside "
        f"a fixed set, the tokens of the reader's {view.what} among an eighth of the places, as more places are let in."
    )
    panels.figure(
        token_figure(measured, setting, grow=grow), "noise_floor_tokens",
        alt=f"Least leaked mass over 8 to {MOST_TOKENS:,} tokens at B = {setting.half_range:g}, and measured curves",
        how_to_read=f"Grey is the floor, the cross the sliders' n. {kept} Of slots, Write keeps the weights of the "
        "whole image.",
        formula=rf"{words.FLOOR}\qquad {words.NEEDED}",
        source=words.SOURCE, data=_table(measured, "tokens"),
        provenance=[side.run.provenance for side in view.reading],
    )  # fmt: skip


def _tasks(view: View, setting: Setting, grow: bool) -> None:
    measured = []
    for side in view.reading if view.oracle is not None else ():
        points = reading.curve_over_tasks(view, side, view.oracle or "")
        measured.append(_measured(side, list(points.values()), list(points), grow))
    kept = (
        f"the mass on every other {view.what}"
        if grow
        else "the mass outside a fixed set, the relevant tokens of the task that was let in first"
    )
    panels.figure(
        task_figure(measured, setting, grow=grow), "noise_floor_tasks",
        alt=f"Least leaked mass over numbers of tasks of {setting.tokens:,} tokens each, and measured curves",
        how_to_read=f"Grey is the floor with N tokens a task. Coloured is {kept}, measured by passes of the network in "
        "which the other tasks are silenced; 64 places read, the order of the tasks is drawn. What a task adds is "
        "mass to be divided, whether or not it says anything about the reader.",
        formula=words.FLOOR, source=words.SOURCE, data=_table(measured, "tasks"),
        provenance=[side.run.provenance for side in view.reading],
    )  # fmt: skip


def _measured(side: Side, points: Sequence[CurvePoint], count: Sequence[float], grow: bool) -> Measured:
    names = ("noise", "chance", "floor") if grow else ("outside", "outside_chance", "outside_floor")
    values = (np.array([getattr(point, name) for point in points], float) for name in names)
    return Measured(side.title, side.index, np.asarray(count, float), *values)


def _table(measured: Sequence[Measured], what: str) -> pd.DataFrame | None:
    rows = [
        {"model": one.title, what: count, "leaked": mass, "chance": chance, "floor": floor}
        for one in measured
        for count, mass, chance, floor in zip(one.count, one.noise, one.chance, one.floor, strict=True)
    ]
    return pd.DataFrame(rows) if rows else None


def _ranges(view: View, setting: Setting) -> None:
    marks, slots = [], None
    for side in view.reading:
        if view.oracle is not None and (mark := _attention_mark(view, side)) is not None:
            marks.append(mark)
        elif isinstance(side.trace, SlotTrace):
            slots = np.asarray(side.trace.write).shape[1]
            own = write_half_range(side.trace)
            marks.append(RangeMark(side.title, side.index, own, own, own, write_floor(side.trace), "floor of Write"))
    said = " ".join(
        f"{panels.plain(mark.title)} has B = {mark.half_range:.2f} on this image"
        + (f" and leaks {mark.mass:.0%}." if mark.what == "measured" else " in Write.")
        for mark in marks
    )
    panels.figure(
        range_figure(marks, setting, slots), "noise_floor_range",
        alt=f"Least leaked mass over logit half ranges of 0 to {LARGEST_B:g} nats; {said}",
        how_to_read="The curve is the floor at the sliders' n and m, dotted their B. A model's mark is its mean B with "
        "the range of 90% of its tokens, and the mass that does leak: its distance to the curve is what choosing "
        "better could save, though its own n and m differ from the sliders'. The Write of a slot model competes over "
        f"slots alone, whatever the number of tokens. {said}",
        formula=rf"{words.FLOOR}\qquad \text{{Write: }}n=L,\ m=1",
        source=words.SOURCE,
    )  # fmt: skip


def _attention_mark(view: View, side: Side) -> RangeMark | None:
    found = reading.all_readers(side, view.oracle or "")
    known = np.isfinite(found.half_range) & np.isfinite(found.mass)
    if not known.any():
        return None
    ranges = found.half_range[known]
    low, high = np.percentile(ranges, (5, 95))
    return RangeMark(side.title, side.index, float(ranges.mean()), float(low), float(high),
                     float(found.mass[known].mean()), "measured")  # fmt: skip
