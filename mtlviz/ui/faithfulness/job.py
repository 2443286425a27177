"""What takes long on one image: on a button, with progress and a stop, kept for as long as the session."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from jaxtyping import Float

from mtlviz.analysis.faithfulness.effects import region_ablations
from mtlviz.analysis.faithfulness.gradients import gradient_rows
from mtlviz.analysis.faithfulness.regions import TOGETHER, Regions, effects_by_region
from mtlviz.engine import Engine, Run
from mtlviz.ui.set_job import advance

PASSES = 30
"""Passes that one row of Integrated Gradients is worth: eight with gradients, forwards and backwards."""
Step = Callable[[int], tuple[np.ndarray, int]]
"""By position in the work, the next part of it and how many steps that was."""


@dataclass(frozen=True, eq=False)
class PartsJob:
    """Work on one image, done part by part.

    Attributes:
        total: steps that there are.
        parts: what came of those that are done, in their order, each with how many steps it took.
        running: neither finished nor stopped.
    """

    total: int
    parts: tuple[tuple[np.ndarray, int], ...] = ()
    running: bool = True

    @property
    def position(self) -> int:
        """Steps done."""
        return sum(steps for _, steps in self.parts)


@dataclass(frozen=True)
class Work:
    """What there is to do.

    Attributes:
        key: names model, image and kind of work.
        what: it is for, in words.
        steps: it consists of, e.g. ``interventions``.
        total: number of these.
        seconds: that they take together.
    """

    key: tuple[str, ...]
    what: str
    steps: str
    total: int
    seconds: float

    @property
    def name(self) -> str:
        """Of the job in the session state."""
        return " ".join(("_faith", self.steps, *self.key))


def measured_regions(
    engine: Engine, run: Run, regions: Regions, key: tuple[str, ...], what: str
) -> Float[np.ndarray, "T R E"] | None:
    """Effects of all interventions; as long as some are missing the button, or the progress, and None.

    Args:
        engine: of the model.
        run: of the image, with its features.
        regions: of the image.
        key: names model and image.
        what: they are for, in words.
    """
    total = len(regions) * len(run.card.tasks)

    def step(position: int) -> tuple[np.ndarray, int]:
        following = region_ablations(run, regions)[position : position + TOGETHER]
        return effects_by_region(engine, regions, following), len(following)

    parts = _measured(Work(key, what, "interventions", total, run.seconds * total), step)
    return None if parts is None else np.concatenate(parts, 2)


def measured_gradients(
    engines: tuple[Engine, Engine], run: Run, regions: Regions, kind: str, key: tuple[str, ...], what: str
) -> tuple[Float[np.ndarray, "T R"], Float[np.ndarray, "T R"]] | None:
    """Rows of a map of gradients of the model and of random weights; None as for ``measured_regions``.

    Args:
        engines: of the model and of its copy with random weights.
        run: of the image.
        regions: of the image.
        kind: of map.
        key: names model and image.
        what: they are for, in words.
    """
    tasks = [task.name for task in run.card.tasks]

    def step(position: int) -> tuple[np.ndarray, int]:
        which, task = divmod(position, len(tasks))
        return gradient_rows(engines[which], run.sample, regions, kind, (tasks[task],)), 1

    total = 2 * len(tasks)
    parts = _measured(Work(key, what, "paths", total, run.seconds * total * PASSES), step)
    return None if parts is None else (np.concatenate(parts[: len(tasks)]), np.concatenate(parts[len(tasks) :]))


def _measured(work: Work, step: Step) -> tuple[np.ndarray, ...] | None:
    """All parts, or None together with the button or the progress."""
    job: PartsJob | None = st.session_state.get(work.name)

    def following(job: PartsJob) -> PartsJob:
        return replace(job, parts=(*job.parts, step(job.position)))

    if job is not None and job.running:
        job = advance(work.name, job, following, work.steps, "faith_stop")
    if job is not None and job.position == job.total:
        return tuple(part for part, _ in job.parts)
    _offer(job or PartsJob(work.total, running=False), work)
    return None


def _offer(job: PartsJob, work: Work) -> None:
    """What it takes by the seconds of one pass, and the button that begins or goes on."""
    if job.position:
        st.markdown(f"Stopped after **{job.position} of {job.total}** {work.steps}; what is done is kept.")
    else:
        st.markdown(f"**{work.what}** needs {job.total} {work.steps} on this image, about "
                    f"{max(1, round(work.seconds))} s by the time that one pass took here.")  # fmt: skip
    st.button("Go on" if job.position else "Measure this image", icon=":material/play_arrow:", type="primary",
              key="faith_go", on_click=_go, args=(work.name, job))  # fmt: skip


def _go(name: str, job: PartsJob) -> None:
    st.session_state[name] = replace(job, running=True)
