"""Interventions on every region of an image: on a button, with progress and a stop, kept for as long as the session."""

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from jaxtyping import Float

from mtlviz.analysis.faithfulness.effects import region_ablations
from mtlviz.analysis.faithfulness.regions import TOGETHER, Regions, effects_by_region
from mtlviz.engine import Engine, Run
from mtlviz.ui.set_job import advance


@dataclass(frozen=True, eq=False)
class RegionJob:
    """The regions of one image, taken out one after another.

    Attributes:
        total: interventions that there are.
        parts: effects ``(T, R, E)`` of those that are done, in their order.
        running: neither finished nor stopped.
    """

    total: int
    parts: tuple[Float[np.ndarray, "T R E"], ...] = ()
    running: bool = True

    @property
    def position(self) -> int:
        """Interventions done."""
        return sum(part.shape[2] for part in self.parts)


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
    name = " ".join(("_faith_regions", *key))
    job: RegionJob | None = st.session_state.get(name)
    if job is not None and job.running:
        edits = region_ablations(run, regions)

        def step(job: RegionJob) -> RegionJob:
            following = edits[job.position : job.position + TOGETHER]
            return replace(job, parts=(*job.parts, effects_by_region(engine, regions, following)))

        job = advance(name, job, step, "interventions", "faith_stop")
    if job is not None and job.position == job.total:
        return np.concatenate(job.parts, 2)
    total = len(regions) * len(run.card.tasks)
    _offer(job or RegionJob(total, running=False), name, what, run.seconds)
    return None


def _offer(job: RegionJob, name: str, what: str, seconds: float) -> None:
    """What it takes by the seconds of one pass, and the button that begins or goes on."""
    if job.position:
        st.markdown(f"Stopped after **{job.position} of {job.total}** interventions; what is done is kept.")
    else:
        st.markdown(f"**{what}** needs {job.total} interventions on this image, about "
                    f"{max(1, round(seconds * job.total))} s by the time that one pass took here.")  # fmt: skip
    st.button("Go on" if job.position else "Measure this image", icon=":material/play_arrow:", type="primary",
              key="faith_go", on_click=_go, args=(name, job))  # fmt: skip


def _go(name: str, job: RegionJob) -> None:
    st.session_state[name] = replace(job, running=True)
