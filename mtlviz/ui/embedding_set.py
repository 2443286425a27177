"""The tokens of a set of images: one pass keeps a sample of them at every place, with progress and a stop."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from mtlviz.analysis.token_cloud import TokenCloud, image_clouds, merged
from mtlviz.data.image_sets import MAX_IMAGES
from mtlviz.engine import Engine, Provenance
from mtlviz.errors import ImageError, OptionError
from mtlviz.trace import Capture
from mtlviz.ui import image_set_choice, panels
from mtlviz.ui.image_set_choice import ChosenSet

FEATURES = Capture(features=True)
PREFIX = "embedding"
ROOMS = 20
POOL = 20_000
"""Most tokens of a set that are kept at one place; a map takes as many of them as it draws."""
_JOB, _PROBLEM = "_embedding_set", "_embedding_problem"


@dataclass(frozen=True)
class Job:
    """A set on its way through a model; what is done stays when it is stopped.

    Attributes:
        weights: sha256 of the model's weights.
        images: the set.
        position: images tried so far.
        clouds: by place a sample of the tokens of those that could be used.
        used: positions of those.
        provenance: of those.
        left_out: a sentence for each that could not be used.
        running: neither finished nor stopped.
    """

    weights: str
    images: ChosenSet
    position: int = 0
    clouds: Mapping[str, TokenCloud] | None = None
    used: tuple[int, ...] = ()
    provenance: tuple[Provenance, ...] = ()
    left_out: tuple[str, ...] = ()
    running: bool = True


def finished(engine: Engine) -> Job | None:
    """Choose a set, work on it, and return what there is of it; None as long as there is nothing."""
    job: Job | None = st.session_state.get(_JOB)
    if job is not None and job.weights != engine.card.weights_sha256:
        job = st.session_state[_JOB] = None
        st.caption("The set below was of another model and is gone; start it again for this one.")
    _inputs(engine, disabled=job is not None and job.running)
    if job is not None and job.running:
        job = _advance(engine, job)
    if job is None:
        panels.empty(
            "One image may be a special case; a set says which tokens look alike as a rule.",
            f"Choose up to {MAX_IMAGES} images and press Start; it usually takes about a tenth of a second an image.",
        )
        return None
    for sentence in job.left_out[:5]:
        st.warning(panels.plain(sentence), icon=":material/warning:")
    if job.clouds is None:
        panels.empty("No image of the set could be used.", "Choose other images and press Start.")
        return None
    stopped = "" if job.position == job.images.total else f" Stopped after {job.position} of {job.images.total}."
    st.caption(panels.plain(f"The set: {job.images.what}") + stopped)
    return job


def _inputs(engine: Engine, disabled: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        image_set_choice.choose(PREFIX, ROOMS, disabled=disabled)
        st.button("Start", type="primary", icon=":material/play_arrow:", key="embedding_start", disabled=disabled,
                  on_click=_start, args=(engine.card.weights_sha256,))  # fmt: skip
    if problem := st.session_state.get(_PROBLEM):
        st.error(panels.plain(problem), icon=":material/error:")


def _start(weights: str) -> None:
    """Callback: open the chosen set; a set that cannot be opened becomes a sentence."""
    st.session_state[_PROBLEM] = ""
    try:
        st.session_state[_JOB] = Job(weights, image_set_choice.chosen(PREFIX))
    except (ImageError, OptionError) as error:
        st.session_state[_PROBLEM] = str(error)


def _stop() -> None:
    job = st.session_state.get(_JOB)
    if isinstance(job, Job):
        st.session_state[_JOB] = replace(job, running=False)


def _advance(engine: Engine, job: Job) -> Job:
    """Work through the rest; every image is kept as soon as it is done, so that a stop or a click loses nothing."""
    with st.empty().container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(job.position / job.images.total, "Starting")
        st.button("Stop", icon=":material/stop:", key="embedding_stop_set", on_click=_stop)
    while job.position < job.images.total:
        job = st.session_state[_JOB] = _with_next(engine, job)
        bar.progress(job.position / job.images.total, f"{job.position} of {job.images.total} images")
    job = st.session_state[_JOB] = replace(job, running=False)
    st.rerun()
    return job


def _with_next(engine: Engine, job: Job) -> Job:
    position = job.position
    try:
        run = engine.run(job.images.read(position), capture=FEATURES)
    except ImageError as error:
        return replace(job, position=position + 1, left_out=(*job.left_out, str(error)))
    clouds = image_clouds(run)
    if job.clouds is not None:
        clouds = {place: merged([job.clouds[place], cloud]) for place, cloud in clouds.items()}
    return replace(
        job,
        position=position + 1,
        clouds={place: cloud.sample(POOL) for place, cloud in clouds.items()},
        used=(*job.used, position),
        provenance=(*job.provenance, run.provenance),
    )
