"""Predictions before and after the edits, their difference, and the metrics."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.lesions.effects import VISIBLE, changed_share
from mtlviz.analysis.scene import class_shares
from mtlviz.plots.attention import percent
from mtlviz.plots.compare import comparison_panels
from mtlviz.plots.maps import Panel
from mtlviz.plots.predictions import View, depth_range, prediction_panel, shares_figure, shares_key
from mtlviz.plots.style import metric_text, metric_title, task_title
from mtlviz.tasks import Task
from mtlviz.ui import linked, panels, state
from mtlviz.ui.prediction_panels import resolution_note, score_of
from mtlviz.ui.protocols import draw_protocols
from mtlviz.ui.surgery import controls, words
from mtlviz.ui.surgery.page import Table

ALL = "all"
READ = {
    "classes": "purple marks pixels whose class changed",
    "depth": "blue is farther after the edits, red nearer, to ± the 99.5th percentile (m)",
    "normals": "the third map is the angle by which a normal turned (°)",
    "binary": "blue is a higher probability after the edits, red a lower one",
}


def draw(table: Table, row: DeltaGenerator) -> None:
    """The whole section.

    Args:
        table: what is operated on.
        row: of the page's controls, which this part adds to.
    """
    tasks = [task.name for task in table.before.card.tasks]
    with row:
        shown = linked.buttons("Task", [ALL, *tasks], "surgery_task")
    chosen = tasks if shown == ALL else [shown]
    if not table.operations:
        controls.suggestions(table)
        panels.maps([_alone(table, task) for task in chosen], table.before, "surgery_as_is", columns=2,
                    how_to_read=f"The predictions as they are. {resolution_note(table.before)}")  # fmt: skip
        for task in _with_classes(table, chosen):
            _classes(table, task, alone=len(chosen) == 1)
        return
    _numbers(table)
    for task in chosen:
        panels.maps(_row(table, task), table.before, f"surgery_{task}")
        if _with_classes(table, [task]):
            _classes(table, task, alone=len(chosen) == 1)
    kinds = dict.fromkeys(table.before.card.task(task).kind for task in chosen)
    panels.maps(
        (), table.before, "surgery_maps", clickable=False,
        how_to_read="Before and after share one colour range in every row. In the third map "
        f"{'; '.join(READ[kind] for kind in kinds)}. {resolution_note(table.before)} Click a map to pick a token.",
        data={f"{task}_{when}": run.prediction(task).values for task in chosen
              for when, run in (("before", table.before), ("after", table.after))},
    )  # fmt: skip


def view_of(table: Table, task: str) -> View:
    """Colours that before and after share."""
    if table.before.card.task(task).kind != "depth":
        return View((0.0, 1.0), fade=False)
    return View(depth_range(table.before.prediction(task).values, table.after.prediction(task).values), fade=False)


def _with_classes(table: Table, tasks: Sequence[str]) -> list[str]:
    return [task for task in tasks if table.before.card.task(task).kind == "classes"]


def _classes(table: Table, name: str, *, alone: bool) -> None:
    """The legend of a task's class colours, with the share of each class before and after; open if it stands alone."""
    task = table.before.card.task(name)
    runs = {"before": table.before} | ({"after": table.after} if table.operations else {})
    shares = {when: class_shares(task, run.prediction(name).values) for when, run in runs.items()}
    rows = [(when, one.name, one.share) for when, found in shares.items() for one in found]
    with st.expander(f"{task_title(name)}: colours of the classes", alone, icon=":material/palette:"):
        panels.figure(
            shares_figure(task, shares), f"surgery_classes_{name}",
            alt=f"Share of every class in the {task_title(name).lower()} {' and '.join(shares)}",
            how_to_read=f"The legend of the class colours: {shares_key(list(shares))}.",
            data=pd.DataFrame(rows, columns=["prediction", "class", "share"]),
            provenance=[run.provenance for run in runs.values()],
        )  # fmt: skip


def _row(table: Table, task: str) -> tuple[Panel, ...]:
    key = (*table.key, table.after.provenance.stamp())
    return _panels(table, task, key)


@st.cache_resource(max_entries=64, show_spinner=False)
def _panels(_table: Table, task: str, key: tuple[str, ...]) -> tuple[Panel, ...]:
    after, before = _table.after.prediction(task), _table.before.prediction(task)
    title = task_title(task)
    drawn = comparison_panels(
        after, before, _table.change(task), (f"{title} after", "before"), view_of(_table, task),
        state.geometry(_table.before),
    )  # fmt: skip
    return replace(drawn[1], title=f"{title} before"), drawn[0], drawn[2]


def _alone(table: Table, task: str) -> Panel:
    return prediction_panel(table.before.prediction(task), task_title(task), view_of(table, task))


def _numbers(table: Table) -> None:
    """One row a task: how far it moved, on how many pixels and, with labels, how good it is before and after."""
    rows = [_numbers_of(table, task) for task in table.before.card.tasks]
    st.table(pd.DataFrame(rows).fillna("–").set_index("Task"))
    labelled = any(task.name in table.before.sample.labels for task in table.before.card.tasks)
    scores = (
        "Metrics are those of this image alone, – where it holds nothing of a task; ▲ is better, ▼ worse." if labelled
        else "The image has no labels, so nothing says whether the edits made it better or worse."
    )  # fmt: skip
    st.caption(
        "**How to read this.** Moved by is the mean size of the change over all pixels. Pixels changed have another "
        f"class, or moved by more than {VISIBLE['depth']:g} m, {VISIBLE['normals']:g}° or {VISIBLE['binary']:g} in "
        f"probability. {scores}"
    )
    if labelled:
        draw_protocols({
            task.name: score_of(table.before, task.name).protocol for task in table.before.card.tasks
            if task.name in table.before.sample.labels
        })  # fmt: skip


def _numbers_of(table: Table, task: Task) -> dict[str, str]:
    change = table.change(task.name)
    row = {
        "Task": task_title(task.name),
        "Moved by": words.exact(task, change.mean),
        "Pixels changed": f"{percent(changed_share(change))} ({round(changed_share(change) * change.pixels):,})",
    }
    if task.name not in table.before.sample.labels:
        return row
    before, after = (score_of(run, task.name).headline for run in (table.before, table.after))
    if not (np.isfinite(before) and np.isfinite(after)):  # nothing of it is in the image
        return row
    gain = (after - before) * (1 if task.higher_is_better else -1)
    sign = "" if metric_text(task, after, 3) == metric_text(task, before, 3) else " ▲" if gain > 0 else " ▼"
    return row | {
        "Metric": f"{metric_title(task)} {'↑' if task.higher_is_better else '↓'}",
        "Before": metric_text(task, before, 3),
        "After": metric_text(task, after, 3) + sign,
    }
