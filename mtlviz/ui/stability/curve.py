"""The current image over all strengths of the chosen change: started by a button, with progress and a stop."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from mtlviz.analysis.stability.comparison import compare_change
from mtlviz.analysis.stability.names import CHANGE, measure, paired_measures
from mtlviz.analysis.stability.perturbations import KINDS, Perturbation
from mtlviz.plots.stability import Course, curve_figure
from mtlviz.ui import panels, state
from mtlviz.ui.set_job import advance
from mtlviz.ui.stability.page import Choice, Side

POINTS = 7
"""Most strengths on a curve."""
SEEDS = 5
_JOB = "_stability_curve"


@dataclass(frozen=True)
class Job:
    """A curve on its way; what is done stays when it is stopped.

    Attributes:
        key: weights and devices of the models, image with its labels, and kind that it belongs to.
        todo: (strength, seed, side) still to be measured, strength by strength.
        total: how many there were.
        done: by (side, strength) the numbers of every seed.
        running: neither finished nor stopped.
    """

    key: tuple[str, ...]
    todo: tuple[tuple[float, int, int], ...]
    total: int
    done: dict[tuple[int, float], list[dict[str, float]]]
    running: bool = True

    @property
    def position(self) -> int:
        """How many of them are done."""
        return self.total - len(self.todo)


def draw(sides: Sequence[Side], choice: Choice) -> None:
    """The whole section."""
    key = _key(sides, choice.perturbation.kind)
    job = st.session_state.get(_JOB)
    if not isinstance(job, Job) or job.key != key:
        job = None
    titles = {one.title: key for key, one in paired_measures(sides[0].run.card.tasks).items()}
    state.check_query("stability_measure", list(titles))
    if st.session_state.get("stability_measure") not in titles:  # of models with other tasks
        st.session_state.pop("stability_measure", None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.selectbox("Measure", list(titles), key="stability_measure", width=300, bind="query-params",
                             persist_state="session")  # fmt: skip
        st.button("Measure the curve", type="primary", icon=":material/play_arrow:", key="stability_start",
                  disabled=job is not None and job.running, on_click=_start, args=(key, len(sides)))  # fmt: skip
    if job is not None and job.running:
        job = advance(_JOB, job, lambda one: _further(sides, one), "passes", "stability_stop")
    if job is None or not job.done:
        panels.empty(
            f"One strength may be a special case; the curve shows {KINDS[choice.perturbation.kind].title} from nothing "
            f"to the most, {SEEDS} seeds each.",
            f"Press “Measure the curve”: about {POINTS * SEEDS * len(sides)} passes, a few seconds.",
        )
        return
    _figure(sides, choice, job, titles.get(shown or "", next(iter(titles.values()))))


def _key(sides: Sequence[Side], kind: str) -> tuple[str, ...]:
    """What a curve depends on; labels decide whose classes a pick is counted by, devices differ in the last digits."""
    first = sides[0].run
    models = [part for side in sides for part in (side.run.provenance.weights_sha256, side.run.provenance.device)]
    return (*models, first.provenance.image_sha256, first.sample.name, *sorted(first.sample.labels), kind)


def strengths(kind: str) -> tuple[float, ...]:
    """The strengths on a curve of a kind, from its lowest to its highest."""
    about = KINDS[kind]
    steps = round((about.high - about.low) / about.step)
    every = max(1, -(-steps // (POINTS - 1)))
    found = [round(about.low + about.step * index, 6) for index in range(0, steps + 1, every)]
    return tuple(found if about.nothing in found else sorted({*found, about.nothing}))


def _start(key: tuple[str, ...], models: int) -> None:
    """Callback: everything that the curve consists of."""
    todo = tuple((strength, seed, side) for strength in strengths(key[-1]) for seed in range(SEEDS)
                 for side in range(models))  # fmt: skip
    st.session_state[_JOB] = Job(key, todo, len(todo), {})


def _further(sides: Sequence[Side], job: Job) -> Job:
    (strength, seed, index), side = job.todo[0], sides[job.todo[0][2]]
    change = Perturbation(job.key[-1], strength)
    noisy = change.about.weights and not change.nothing
    engine = side.engine.with_noise(strength, seed) if noisy else side.engine
    numbers = compare_change(side.clean, engine, change, seed).numbers
    before = job.done.get((index, strength), [])
    return replace(job, todo=job.todo[1:], done={**job.done, (index, strength): [*before, numbers]})


def _figure(sides: Sequence[Side], choice: Choice, job: Job, key: str) -> None:
    about = measure(key, sides[0].run.card.tasks)
    courses = [course for side in sides if (course := _course(side, job, key)) is not None]
    if not courses:
        panels.empty(f"There is no {about.title} to draw for this image.", "Choose another measure.")
        return
    stopped = f" Stopped after {job.position} of {job.total} passes." if job.todo else ""
    panels.figure(
        curve_figure(courses, about, KINDS[choice.perturbation.kind].quantity, choice.perturbation.strength),
        "stability_curve",
        how_to_read=f"{about.meaning} Line: mean over {SEEDS} seeds of this one image; band: from the smallest to the "
        f"largest; dotted: the strength chosen above.{stopped}",
        alt=f"{about.title} over strengths of {choice.perturbation.about.title}",
        formula="" if key.startswith(CHANGE) else about.formula,
        data=_table(sides, job),
        provenance=[side.run.provenance for side in sides],
    )  # fmt: skip


def _course(side: Side, job: Job, key: str) -> Course | None:
    """A model's curve over the strengths at which all seeds are done."""
    points = {
        strength: [numbers.get(key, np.nan) for numbers in rows]
        for (index, strength), rows in sorted(job.done.items())
        if index == side.index and len(rows) == SEEDS
    }
    known = {strength: values for strength, values in points.items() if np.isfinite(values).all()}
    return Course(side.title, side.index, tuple(known), np.array(list(known.values()))) if known else None


def _table(sides: Sequence[Side], job: Job) -> pd.DataFrame:
    return pd.DataFrame([
        {"model": sides[index].run.card.name, "kind": job.key[-1], "strength": strength, "seed": seed, **numbers}
        for (index, strength), rows in sorted(job.done.items()) for seed, numbers in enumerate(rows)
    ])  # fmt: skip
