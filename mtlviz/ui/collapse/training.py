"""The statistics over the steps of a training, where it logged them."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtlviz.analysis.collapse.names import STATISTICS
from mtlviz.analysis.collapse.record import LogEntry
from mtlviz.plots.collapse import Course, course_panel
from mtlviz.plots.style import PLACE_TITLES, task_title
from mtlviz.ui import panels
from mtlviz.ui.collapse.page import Side, View, explain, show

COLUMNS = 3
MAIN = ("nc1_quotient", "nc1_cdnv", "nc2_equinorm", "nc2_etf_error", "agreement", "nc4")
COMMAND = (
    "python -m mtlviz collapse --checkpoint NAME --data rooms:val --out results/collapse-NAME.json "
    "--log RUN/collapse.jsonl"
)


def draw(shown: Sequence[Side], view: View) -> None:
    """The whole section."""
    logged = [side for side in shown if side.result.trajectory]
    if not logged:
        panels.empty(
            "No training of these models logged its collapse statistics, so only its end is known.",
            "A training whose configuration has `collapse_every: 8000` (images) writes collapse.jsonl into its folder; "
            f"`{COMMAND}` puts that into the result.",
        )
        return
    tasks = [view.task] if view.task else sorted({name for side in logged for name in side.result.regression})
    for task in tasks:
        _task(task, logged, view)
    for side in shown:
        if side not in logged:
            st.caption(f"The training of {panels.plain(side.title)} logged nothing.")


def courses(logged: Sequence[Side], task: str, place: str, key: str, weighting: str) -> list[Course]:
    """One statistic over the steps of every training that logged it."""
    found = []
    for side in logged:
        entries = side.result.trajectory
        values = tuple(_value(entry, task, place, key, weighting) for entry in entries)
        if any(value is not None for value in values):
            found.append(Course(side.title, side.index, tuple(entry.step for entry in entries), values))
    return found


def table(logged: Sequence[Side]) -> pd.DataFrame:
    """Everything that was logged, one row a number."""
    rows = [
        {
            "model": side.card.name, "step": entry.step, "images": entry.images, "rooms": entry.rooms, "task": task,
            "place": place, "statistic": key, "weighting": weighting, "value": value,
        }
        for side in logged for entry in side.result.trajectory
        for task, places in entry.statistics.items() for place, keys in places.items()
        for key, weighted in keys.items() for weighting, value in weighted.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _task(task: str, logged: Sequence[Side], view: View) -> None:
    having = {key for side in logged for entry in side.result.trajectory
              for key in entry.statistics.get(task, {}).get(view.place, {})}  # fmt: skip
    wanted = [key for key in STATISTICS if key in having and (view.everything or view.task is None or key in MAIN)]
    weighting = view.weighting if view.task else "pixel"
    drawn = [(key, found) for key in wanted if (found := courses(logged, task, view.place, key, weighting))]
    where = PLACE_TITLES[view.place]
    if not drawn:
        panels.empty(
            f"Nothing was logged for {task_title(task).lower()} at the {where}.", "Choose another single place above."
        )
        return
    for start in range(0, len(drawn), COLUMNS):
        for column, (key, found) in zip(st.columns(COLUMNS), drawn[start : start + COLUMNS], strict=False):
            with column:
                alt = f"{STATISTICS[key].title} of {task_title(task)} over training steps"
                show(course_panel, STATISTICS[key], found, key=f"collapse_course_{task}_{key}", alt=alt, of=logged)
    rooms = sorted({entry.rooms for side in logged for entry in side.result.trajectory})
    explain(
        f"collapse_course_{task}",
        f"{task_title(task)} at the {where} over the steps of the training, measured on {_said(rooms)} held-out rooms "
        "each time, so without bands; towards the dashed line means collapsing.",
        [key for key, _ in drawn], table(logged), logged,
    )  # fmt: skip


def _said(rooms: Sequence[int]) -> str:
    return str(rooms[0]) if len(rooms) == 1 else f"{rooms[0]} to {rooms[-1]}"


def _value(entry: LogEntry, task: str, place: str, key: str, weighting: str) -> float | None:
    return entry.statistics.get(task, {}).get(place, {}).get(key, {}).get(weighting)
