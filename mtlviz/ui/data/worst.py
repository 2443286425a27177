"""The sidebar's way to the images of a data set on which the model does worst."""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median
from uuid import uuid4

import streamlit as st

from mtlviz.analysis.desk import Desk, Job
from mtlviz.analysis.image_ranking import Scored, Scores, score_images, spread, worst_first
from mtlviz.data.images import display_name
from mtlviz.data.truth import not_scored
from mtlviz.engine import Engine
from mtlviz.plots.style import metric_text, metric_title, task_title
from mtlviz.tasks import Task
from mtlviz.ui import state
from mtlviz.ui.data import picker, source
from mtlviz.ui.data.source import Opened
from mtlviz.ui.linked import LINKED, select
from mtlviz.ui.panels import plain

START_WITH = 50
"""Images that are scored unless another number is asked for."""
SHOWN = 8
POLL = 1.0
_JOB = "_data_worst_job"


def draw(opened: Opened) -> None:
    """The whole control, folded away.

    Args:
        opened: the data set that is looked at.
    """
    engine = state.engine("a")
    tasks = _scored_tasks(opened, engine)
    with st.expander("Worst by a metric", icon=":material/trending_down:"):
        if not tasks:
            st.caption(f"No label of this data set can be compared with what {plain(engine.card.name)} predicts.")
            return
        titles = {f"{task_title(task.name)}: {metric_title(task)}": task for task in tasks}
        task = titles[select("Metric of one image", list(titles), "data_metric", width=260)]
        positions = _positions(len(opened.data))
        scores, written = _scores(engine.card.weights_sha256, *opened.key)
        _forget_changed(scores, written, source.stamps(opened, positions))
        _work(opened, engine, tasks, positions, scores)
        _ranking(opened, engine, task, positions, scores)


def _scored_tasks(opened: Opened, engine: Engine) -> list[Task]:
    """Tasks of the model that the data set has comparable labels of."""
    own = {task.name: task for task in engine.card.tasks}
    left_out = not_scored(opened.data.tasks, {engine.card.name: engine.card.tasks})
    there = {task.name for task in opened.data.tasks if task.name not in left_out}
    return [task for name, task in own.items() if name in there]


def _positions(total: int) -> list[int]:
    if int(st.session_state.get("data_worst") or 1) > total:
        del st.session_state["data_worst"]
    state.check_query_number("data_worst", 1, total)
    count = st.number_input(
        f"Images to score (1 to {total:,})", 1, total, min(START_WITH, total), key="data_worst", width="stretch",
        help="Evenly spaced over the split; what is scored once is remembered.", **LINKED,
    )  # fmt: skip
    return spread(total, int(count))


def _work(
    opened: Opened, engine: Engine, tasks: Sequence[Task], positions: Sequence[int], scores: dict[int, Scores]
) -> None:
    """The button, or the progress of what runs."""
    about = f"{engine.card.weights_sha256} {opened.key}"
    job: Job[int] | None = st.session_state.get(_JOB)
    if job is not None and not job.digest.startswith(about):
        job.stop()
        job = st.session_state[_JOB] = None
    if job is not None and job.running:
        _watch(job)
        return
    if job is not None and job.problem:
        st.error(plain(job.problem), icon=":material/error:")
    missing = [position for position in positions if position not in scores]
    if missing:
        work = partial(score_images, engine, partial(opened.read, tasks=[task.name for task in tasks]), missing,
                       [task.name for task in tasks], scores)  # fmt: skip
        images = "1 image" if len(missing) == 1 else f"{len(missing):,} images"
        st.button(
            f"Score {images}", key="data_score", icon=":material/play_arrow:", width="stretch",
            on_click=_start, args=(f"{about} {uuid4().hex}", len(missing), work),
        )  # fmt: skip


def _start(digest: str, total: int, work: "partial[int]") -> None:
    """Callback: begin in the background."""
    st.session_state[_JOB] = _desk().start(digest, total, work)


@st.fragment(run_every=POLL)
def _watch(job: Job[int]) -> None:
    """Progress; only this runs again, so that the page stays usable."""
    if not job.running:
        st.rerun()
    what = "waiting for another scoring" if job.waiting else "scoring"
    st.progress(job.share, f"{what}: {job.done:,} of {job.total:,} · {job.seconds:.0f} s")
    st.button("Stop", icon=":material/stop:", key="data_worst_stop", on_click=job.stop, width="stretch")


def _ranking(opened: Opened, engine: Engine, task: Task, positions: Sequence[int], scores: dict[int, Scores]) -> None:
    """The worst images, each a way to it."""
    found = worst_first(scores, positions, task)
    if not found:
        tried = sum(position in scores for position in positions)
        st.caption("Nothing is scored yet." if not tried else f"None of {tried} images has a label of this task.")
        return
    with st.container(gap=None):
        for one in found[:SHOWN]:
            name = display_name(opened.data.names[one.number])
            st.button(
                f"**{metric_text(task, one.value, 3)}** · {one.number} · {plain(name)}", key=f"data_worst_{one.number}",
                type="tertiary", on_click=picker.go_to, args=(one.number,),
            )  # fmt: skip
    st.caption(_said(opened, engine, task, positions, found))


def _said(opened: Opened, engine: Engine, task: Task, positions: Sequence[int], found: Sequence[Scored]) -> str:
    """What the list is made of, and where the image shown stands."""
    better = "higher is better" if task.higher_is_better else "lower is better"
    spacing = "" if len(positions) == len(opened.data) else f", evenly spaced over {len(opened.data):,}"
    said = (
        f"The worst of n = {len(found):,} images{spacing}, by {metric_title(task)} ({better}) of "
        f"{plain(engine.card.name)}; median {metric_text(task, median(one.value for one in found), 3)}."
    )
    unlabelled = len(positions) - len(found)
    said += f" {unlabelled:,} are not scored or have no such label." if unlabelled else ""
    shown = int(st.session_state.get(picker.NUMBER) or 0)
    place = next((place for place, one in enumerate(found, 1) if one.number == shown), None)
    return said + (f" The image shown is number {place} of them." if place else "")


def _forget_changed(scores: dict[int, Scores], written: dict[int, int], now: Mapping[int, int]) -> None:
    """Drop the scores of images whose files are others than when they were looked at before."""
    for position, stamp in now.items():
        if written.setdefault(position, stamp) != stamp:
            scores.pop(position, None)
            written[position] = stamp


# Filled by the threads of all sessions, one image at a time; the second are the stamps of the images' files.
@st.cache_resource(max_entries=32, show_spinner=False)
def _scores(weights: str, path: str, split: str, described: int) -> tuple[dict[int, Scores], dict[int, int]]:
    return {}, {}


@st.cache_resource(show_spinner=False)
def _desk() -> Desk[int]:
    """One for all sessions."""
    return Desk()
