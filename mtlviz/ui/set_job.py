"""Work that takes longer than a click: it says how far it is, can be stopped, and keeps what is done."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.data.image_sets import MAX_IMAGES
from mtlviz.engine import Engine, Provenance, Run
from mtlviz.errors import ImageError, MtlvizError
from mtlviz.trace import Capture
from mtlviz.ui import image_set_choice, panels
from mtlviz.ui.image_set_choice import ChosenSet

Kept = TypeVar("Kept")


@runtime_checkable
class Job(Protocol):
    """Work under way; a frozen dataclass."""

    @property
    def position(self) -> int:
        """Steps done."""

    @property
    def total(self) -> int:
        """Steps there are."""

    @property
    def running(self) -> bool:
        """Neither finished nor stopped."""


AnyJob = TypeVar("AnyJob", bound=Job)


def bar_with_stop(
    key: str, on_stop: Callable[..., None], args: tuple[object, ...] = (), place: DeltaGenerator | None = None
) -> DeltaGenerator:
    """A progress bar and a button that stops, in one row.

    Args:
        key: of the button.
        on_stop: its callback.
        args: of the callback.
        place: an empty element for them; by default here.
    """
    with (place or st.empty()).container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, "Starting")
        st.button("Stop", icon=":material/stop:", key=key, on_click=on_stop, args=args)
    return bar


def advance(name: str, job: AnyJob, step: Callable[[AnyJob], AnyJob], what: str, stop_key: str) -> AnyJob:
    """Work through the rest and run the page again.

    Every step is kept as soon as it is done, so that a stop or a click loses nothing.

    Args:
        name: of the job in the session state.
        job: to go on with.
        step: the job with its next step done.
        what: is counted, e.g. ``images``.
        stop_key: of the button that stops.
    """
    bar = bar_with_stop(stop_key, _stop, (name,))
    while job.position < job.total:
        bar.progress(job.position / job.total, f"{job.position} of {job.total} {what}")
        job = st.session_state[name] = step(job)
    job = st.session_state[name] = replace(job, running=False)  # type: ignore[type-var]
    st.rerun()
    return job


def _stop(name: str) -> None:
    """Callback: what is done stays."""
    job = st.session_state.get(name)
    if job is not None:
        st.session_state[name] = replace(job, running=False)


@dataclass(frozen=True)
class SetJob(Generic[Kept]):
    """A set of images on its way through a model.

    Attributes:
        belongs: what it belongs to, by name, e.g. ``{"model": sha256 of the weights}``.
        images: the set.
        position: images tried so far.
        kept: what is kept of those that could be used; None without any.
        used: positions of those.
        provenance: of those.
        left_out: a sentence for each that could not be used.
        running: neither finished nor stopped.
    """

    belongs: dict[str, object]
    images: ChosenSet
    position: int = 0
    kept: Kept | None = None
    used: tuple[int, ...] = ()
    provenance: tuple[Provenance, ...] = ()
    left_out: tuple[str, ...] = ()
    running: bool = True

    @property
    def total(self) -> int:
        """Images in the set."""
        return self.images.total

    @property
    def said(self) -> str:
        """The set in words, and where it was stopped."""
        stopped = "" if self.position == self.total else f" Stopped after {self.position} of {self.total}."
        return panels.plain(f"The set: {self.images.what}") + stopped

    def with_image(self, run: Run, kept: Kept) -> "SetJob[Kept]":
        """The job after an image that could be used."""
        return replace(
            self, position=self.position + 1, kept=kept, used=(*self.used, self.position),
            provenance=(*self.provenance, run.provenance),
        )  # fmt: skip


@dataclass(frozen=True)
class SetSection(Generic[Kept]):
    """A part of a page that works on a set of images.

    Attributes:
        prefix: of the keys of its widgets.
        rooms: held-out rooms to start with.
        capture: what of a pass is recorded.
        keep: what is kept after one more image; its first argument is None before the first.
        why: what a set says that one image does not.
        duration: how long it takes, as the end of a sentence; empty to say nothing.
    """

    prefix: str
    rooms: int
    capture: Capture
    keep: Callable[[Kept | None, Run], Kept]
    why: str
    duration: str = ""

    @property
    def name(self) -> str:
        """Of the job in the session state."""
        return f"_{self.prefix}_set"

    def done(self, engine: Engine, **also: object) -> SetJob[Kept] | None:
        """Choose a set, work on it, and return what there is of it; None as long as there is nothing.

        Args:
            engine: the model.
            also: what else a result belongs to, by name, e.g. the head that is looked at.
        """
        belongs = {"model": engine.card.weights_sha256, **also}
        job: SetJob[Kept] | None = st.session_state.get(self.name)
        if job is not None and job.belongs != belongs:
            other = next((key for key in belongs if job.belongs.get(key) != belongs[key]), "model")
            job = st.session_state[self.name] = None
            st.caption(f"The set below was of another {other} and is gone; start it again for this one.")
        self._inputs(belongs, disabled=job is not None and job.running)
        if job is not None and job.running:
            job = advance(self.name, job, lambda one: self._next(engine, one), "images", f"{self.prefix}_stop_set")
        if job is None:
            panels.empty(self.why, f"Choose up to {MAX_IMAGES} images and press Start{self.duration}.")
            return None
        for sentence in job.left_out[:5]:
            st.warning(panels.plain(sentence), icon=":material/warning:")
        if job.kept is None:
            panels.empty("No image of the set could be used.", "Choose other images and press Start.")
            return None
        return job

    def _inputs(self, belongs: dict[str, object], *, disabled: bool) -> None:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            image_set_choice.choose(self.prefix, self.rooms, disabled=disabled)
            st.button("Start", type="primary", icon=":material/play_arrow:", key=f"{self.prefix}_start",
                      disabled=disabled, on_click=self._start, args=(belongs,))  # fmt: skip
        if problem := st.session_state.get(f"_{self.prefix}_problem"):
            st.error(panels.plain(problem), icon=":material/error:")

    def _start(self, belongs: dict[str, object]) -> None:
        """Callback: open the chosen set; a set that cannot be opened becomes a sentence."""
        st.session_state[f"_{self.prefix}_problem"] = ""
        try:
            st.session_state[self.name] = SetJob[Any](belongs, image_set_choice.chosen(self.prefix))
        except MtlvizError as error:
            st.session_state[f"_{self.prefix}_problem"] = str(error)

    def _next(self, engine: Engine, job: SetJob[Kept]) -> SetJob[Kept]:
        try:
            run = engine.run(job.images.read(job.position), capture=self.capture)
        except ImageError as error:
            return replace(job, position=job.position + 1, left_out=(*job.left_out, str(error)))
        return job.with_image(run, self.keep(job.kept, run))
