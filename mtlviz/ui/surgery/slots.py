"""Every slot out of action once: the ranked matrix, one slot's effect on the image and its classes, the scatter."""

from typing import Any, cast

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.controls import map_correlation
from mtlviz.analysis.lesions.regions import changes_by_class, regions_from
from mtlviz.analysis.lesions.slots import KINDS, LesionKind, SlotLesions, lesion
from mtlviz.analysis.rank_correlation import rank_correlation
from mtlviz.edits import Edit
from mtlviz.plots.compare import difference_panel, region_bars
from mtlviz.plots.style import slot_colour, slot_label, slot_symbol, task_title
from mtlviz.plots.surgery import Points, effects_figure, faithfulness_figure
from mtlviz.ui import charts, linked, negative_controls, panels, state
from mtlviz.ui.surgery import page, words
from mtlviz.ui.surgery.page import DRAFT_SLOT, SLOT, Table

EFFECT = (
    r"e_{l,t}=\frac1P\sum_p d_t\big(y_t^{-l}(p),\,y_t(p)\big),\qquad "
    r"F^{-l}=F+w_r\sum_{m\ne l}A_w[:,m]\,(\hat R W_{vw})_m,\qquad \text{cell}=\frac{e_{l,t}}{e_{\text{all},t}}"
)
SOURCE = (
    "d is 1 for another class, metres, degrees or probability. Dropping all slots leaves F alone, the same as w_r = 0."
)


def draw(table: Table, row: DeltaGenerator) -> None:
    """Matrix, effect maps and classes.

    Args:
        table: what is operated on.
        row: of the page's controls, which this part adds to.
    """
    if not table.subject.slots:
        without_slots(table)
        return
    with row:
        kind, slot, task = _controls(table)
    found = page.lesions(table, kind)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**Effect of every slot (rows) on every task (columns), as a share of all slots' effect**")
        _matrix(table, found, slot)
        _matrix_beside(table, found, kind)
    with right:
        st.markdown(f"**What {slot_label(slot)} {words.KIND_TITLES[kind]} changes on the image**")
        _maps(table, kind, slot)
    st.markdown(f"**On the pixels of which classes does {task_title(task)} change?**")
    _classes(table, kind, slot, task)


def weights(table: Table, _row: DeltaGenerator) -> None:
    """Does the Write weight of a slot foretell its effect?"""
    if not table.subject.slots:
        without_slots(table)
        return
    found = page.lesions(table, "zero")
    real = None if table.real is None else page.lesions(table.real, "zero")
    correlations, text = found.faithfulness, words.correlation_text
    said = [
        f"{task_title(task.name)}: {words.faithfulness_text(float(rho), len(found.effects))}"
        + ("" if real is None else f" (the model itself: **{text(real.faithfulness[index])}**)")
        for index, (task, rho) in enumerate(zip(found.tasks, correlations, strict=True))
    ]
    st.markdown("\n".join(f"- {one}" for one in said))
    drawn = [
        faithfulness_figure(_points(found, index), "mean Write weight of the slot",
                            f"{task_title(task.name)}: {words.unit_of(task)}", percent=task.kind == "classes")
        for index, task in enumerate(found.tasks)
    ]  # fmt: skip
    for start in range(0, len(drawn), 2):
        columns = zip(st.columns(2), drawn[start : start + 2], found.tasks[start:], strict=False)
        for index, (column, fig, task) in enumerate(columns, start):
            with column:
                charts.show(fig, f"surgery_faithful_{task.name}", f"Effect of every slot on {task.name}", _take_slot)
                if real is not None and negative_controls.numbered(table.before):
                    negative_controls.say(rank_correlation(found.effects[:, index], real.effects[:, index]),
                                          "slots by their effects on the task")  # fmt: skip
    if real is not None:
        negative_controls.one_slot_beside(table.before)
    panels.maps(
        (), table.before, "surgery_faithful", clickable=False,
        how_to_read="One mark a slot, with its colour and shape everywhere: to the right, how much the task's tokens "
        "read it on average; up, how far the task's prediction moves when it is dropped. A map of Write weights is "
        "faithful where the marks rise. The weight says how much of a slot is read and not how long its content is: a "
        "slot that is read much may carry little. Correlations within ±1.96/√(n − 1) are what chance reaches in 95% "
        "of cases.",
        formula=r"\rho_t=\mathrm{corr}\big(\mathrm{rank}\,\bar A_w[t,l],\ \mathrm{rank}\,e_{l,t}\big)_{l=1..L}",
        source="Spearman (1904); ties share their mean rank.",
        data={"weights": found.weights, "effects": found.effects, "rank_correlation": correlations},
    )  # fmt: skip


def _matrix_beside(table: Table, found: SlotLesions, kind: LesionKind) -> None:
    """How much the matrix of a control resembles the model's own."""
    if table.real is not None and negative_controls.one_slot_beside(table.before):
        real = page.lesions(table.real, kind)
        negative_controls.say(map_correlation(found.shares, real.shares), "cells of both matrices, slot by slot")


def without_slots(table: Table) -> None:
    """Why there is nothing to take out."""
    title = panels.plain(table.before.card.title)
    panels.empty(
        f"{title} has no memory slots, so no slot can be taken out.",
        "Choose a model with slots in the sidebar, such as kem, or silence whole tasks in the part “tasks”.",
    )


def _controls(table: Table) -> tuple[LesionKind, int, str]:
    last = table.subject.slots - 1
    state.check_query_number(SLOT, 0, last)
    page.keep_inside(SLOT, table.subject.slots)
    hint = " ".join(f"{name}: {words.MEANINGS[name]}" for name in KINDS)
    kind = linked.buttons("What is done to a slot", KINDS, "surgery_lesion", hint=hint)
    start = int(page.lesions(table, cast(LesionKind, kind)).ranked[0])
    slot = int(
        st.number_input(f"Look closer at slot (0 to {last})", 0, last, start, key=SLOT, width=200, **linked.LINKED)
    )
    task = linked.select("Classes of task", [task.name for task in table.before.card.tasks], "surgery_classes_of")
    return cast(LesionKind, kind), slot, task


def _matrix(table: Table, found: SlotLesions, slot: int) -> None:
    order = [int(one) for one in found.ranked]
    fig = effects_figure(
        found.shares[order],
        [[_cell(found, one, index) for index in range(len(found.tasks))] for one in order],
        [f'<span style="color:{slot_colour(one)}">■</span> {slot_label(one)}' for one in order],
        [task_title(task.name) for task in found.tasks],
        order,
        slot,
    )
    top = order[0]
    alt = f"Effect of every slot on every task; {slot_label(top)} has the largest"
    charts.show(fig, "surgery_matrix", alt, _take_slot)
    together = ", ".join(
        f"{task_title(task.name)} {words.exact(task, value)}"
        for task, value in zip(found.tasks, found.together, strict=True)
    )
    panels.maps(
        (), table.before, "surgery_slots", clickable=False,
        how_to_read="A cell is the slot's effect on the task, over the effect of dropping all slots at once "
        f"({together}), so that tasks compare; slots are ranked by their mean. Hovering gives the exact numbers, a "
        "click chooses the slot. A column need not sum to 1: effects may cancel or overlap."
        + ("" if found.together.all() else " An empty column: not even all slots together change that task here."),
        formula=EFFECT, source=SOURCE, data=_table(found),
    )  # fmt: skip


def _maps(table: Table, kind: LesionKind, slot: int) -> None:
    after = page.edited(table, lesion(slot, kind))
    drawn = [
        difference_panel(page.change(table.before, after, task.name), (f"{task_title(task.name)} without", "with"))
        for task in table.before.card.tasks
    ]
    panels.maps(
        drawn, table.before, "surgery_slot_maps", columns=2, clickable=False,
        how_to_read=f"Prediction without {slot_label(slot)} minus the one with it; purple marks another class. Every "
        "map has its own range, ending at the 99.5th percentile: colours compare within a map, numbers between maps.",
        data={task.name: page.change(table.before, after, task.name).values for task in table.before.card.tasks},
    )  # fmt: skip


def _classes(table: Table, kind: LesionKind, slot: int, name: str) -> None:
    task = table.before.card.task(name)
    after = page.edited(table, lesion(slot, kind))
    whole = page.edited(table, Edit(zeroed=tuple(range(table.subject.slots))))
    found = changes_by_class(table.before, after, name, whole)
    if not found:
        panels.empty("This model does not name classes, so its image is not divided into any.",
                     "Choose a model that predicts segmentation.")  # fmt: skip
        return
    fig = region_bars(found, task, (f"without {slot_label(slot)}", "without all slots"))
    fig.update_xaxes(title={"text": words.unit_of(task)})
    most = max(found, key=lambda region: region.first)
    panels.figure(
        fig, "surgery_classes",
        alt=f"Change of {task_title(name)} by class; most on {most.name}: {words.exact(task, most.first)}",
        how_to_read=f"{task_title(name)} on the pixels of every class ({regions_from(table.before.sample)}), most "
        "frequent class first with its pixels: how much changes without this slot, and without all of them. Small n "
        "says little.",
        data=pd.DataFrame([vars(one) for one in found]).rename(
            columns={"first": f"without_slot_{slot}", "second": "without_all_slots"}),
        provenance=(table.before.provenance, after.provenance),
    )  # fmt: skip


def _points(found: SlotLesions, index: int) -> list[Points]:
    return [
        Points(
            slot_label(slot), found.weights[[slot], index], found.effects[[slot], index], slot_colour(slot),
            slot_symbol(slot), [_cell(found, slot, index)], [str(slot)], [slot],
        )
        for slot in range(len(found.effects))
    ]  # fmt: skip


def _cell(found: SlotLesions, slot: int, index: int) -> str:
    task = found.tasks[index]
    return (
        f"{slot_label(slot)} → {task_title(task.name)}<br>"
        f"effect {words.exact(task, found.effects[slot, index])}"
        f"<br>{found.shares[slot, index]:.4f} of the effect of all slots<br>"
        f"mean Write weight {found.weights[slot, index]:.4f}"
    )


def _table(found: SlotLesions) -> pd.DataFrame:
    parts: dict[str, np.ndarray] = {"slot": np.arange(len(found.effects))}
    for index, task in enumerate(found.tasks):
        parts[f"{task.name}_effect"] = found.effects[:, index]
        parts[f"{task.name}_share"] = found.shares[:, index]
        parts[f"{task.name}_write_weight"] = found.weights[:, index]
    return pd.DataFrame(parts)


def _take_slot(chart: str) -> None:
    """Callback of a figure whose points carry slots: the clicked one is chosen, for details and for the next edit."""
    event: Any = st.session_state.get(chart) or {}
    for point in event.get("selection", {}).get("points", []):
        data = point.get("customdata")
        if isinstance(data, list | tuple) and len(data) == 1:
            st.session_state[SLOT] = st.session_state[DRAFT_SLOT] = int(data[0])
