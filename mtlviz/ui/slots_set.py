"""The routing over a set of images: choose it, run it with progress and a stop, read mean and spread."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from mtlviz.analysis.routing import slot_routing
from mtlviz.analysis.routing_numbers import IMAGE_NUMBERS
from mtlviz.analysis.routing_summary import RoutingSummary, summary_of_one
from mtlviz.data.image_sets import MAX_IMAGES, ImageSet, open_image_set
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine, Provenance
from mtlviz.errors import ImageError, OptionError
from mtlviz.plots.routing_bars import set_occupancy_figure
from mtlviz.plots.routing_exchange import exchange_matrices
from mtlviz.plots.style import task_title
from mtlviz.trace import Capture, SlotTrace
from mtlviz.ui import panels, slots_words, sources, state
from mtlviz.ui.slots_details import definitions, meaning

KINDS = ("held-out rooms", "uploads or a zip", "folder")
UPLOAD_MEGABYTES = 100
_JOB = "_slots_set"


@dataclass(frozen=True)
class Job:
    """A set on its way through a model; what is done stays when it is stopped.

    Attributes:
        weights: sha256 of the model's weights.
        head: of its interaction.
        what: the set in words.
        total: images in it.
        read: decodes or renders one image.
        position: images tried so far.
        summary: of those that could be used.
        provenance: of those that could be used.
        left_out: a sentence for each that could not.
        running: neither finished nor stopped.
    """

    weights: str
    head: int
    what: str
    total: int
    read: Callable[[int], Sample]
    position: int = 0
    summary: RoutingSummary | None = None
    provenance: tuple[Provenance, ...] = ()
    left_out: tuple[str, ...] = ()
    running: bool = True


def draw(engine: Engine, head: int) -> None:
    """The whole section.

    Args:
        engine: the model.
        head: of its interaction that is looked at.
    """
    job = st.session_state.get(_JOB)
    if isinstance(job, Job) and (job.weights, job.head) != (engine.card.weights_sha256, head):
        other = "model" if job.weights != engine.card.weights_sha256 else "head"
        job = st.session_state[_JOB] = None
        st.caption(f"The set below was of another {other} and is gone; start it again for this one.")
    _choose(engine, head, disabled=job is not None and job.running)
    if job is not None and job.running:
        job = _advance(engine, job)
    if job is None:
        panels.empty(
            "One image may be a special case; a set says what the slots do as a rule.",
            f"Choose up to {MAX_IMAGES} images and press Start.",
        )
    else:
        _results(job)


def _choose(engine: Engine, head: int, disabled: bool) -> None:
    state.check_query("slots_set", KINDS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "Images", KINDS, default=KINDS[0], required=True, key="slots_set",
            bind="query-params", persist_state="session", disabled=disabled,
        )  # fmt: skip
        if kind == KINDS[0]:
            st.number_input(f"How many (1 to {MAX_IMAGES})", 1, MAX_IMAGES, 20, key="slots_rooms", width=160,
                            disabled=disabled)  # fmt: skip
        elif kind == "folder":
            st.text_input("Path of a folder or zip on the machine that runs the app", key="slots_folder", width=360,
                          disabled=disabled)  # fmt: skip
        else:
            st.file_uploader(
                "Images or one zip", ["png", "jpg", "jpeg", "webp", "zip"], accept_multiple_files=True,
                key="slots_uploads", max_upload_size=UPLOAD_MEGABYTES, disabled=disabled, width=420,
            )  # fmt: skip
        st.button("Start", type="primary", icon=":material/play_arrow:", key="slots_start", disabled=disabled,
                  on_click=_start, args=(engine.card.weights_sha256, head))  # fmt: skip
    if problem := st.session_state.get("_slots_problem"):
        st.error(panels.plain(problem), icon=":material/error:")


def _start(weights: str, head: int) -> None:
    """Callback: open the chosen set; a set that cannot be opened becomes a sentence."""
    st.session_state["_slots_problem"] = ""
    kind = st.session_state.get("slots_set") or KINDS[0]
    try:
        if kind == KINDS[0]:
            count = int(st.session_state["slots_rooms"])
            st.session_state[_JOB] = Job(weights, head, f"{count} held-out rooms", count, sources.room)
        else:
            found = _opened(kind)
            what = f"{len(found)} images. " + " ".join(found.notes)
            st.session_state[_JOB] = Job(weights, head, what, len(found), found.read)
    except (ImageError, OptionError) as error:
        st.session_state["_slots_problem"] = str(error)


def _opened(kind: str) -> ImageSet:
    if kind == "folder":
        path = str(st.session_state.get("slots_folder") or "").strip()
        if not path:
            raise OptionError("No folder is given; type the path of one that holds images.")
        return open_image_set(Path(path).expanduser(), MAX_IMAGES)
    files = st.session_state.get("slots_uploads") or []
    if not files:
        raise OptionError("Nothing is uploaded yet; drop images or a zip first.")
    if len(files) == 1 and files[0].name.lower().endswith(".zip"):
        return open_image_set(files[0].getvalue(), MAX_IMAGES)
    return open_image_set([(file.name, file.getvalue()) for file in files], MAX_IMAGES)


def _stop() -> None:
    job = st.session_state.get(_JOB)
    if isinstance(job, Job):
        st.session_state[_JOB] = replace(job, running=False)


def _advance(engine: Engine, job: Job) -> Job:
    """Work through the rest; every image is kept as soon as it is done, so that a stop or a click loses nothing."""
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(job.position / job.total, "Starting")
        st.button("Stop", icon=":material/stop:", key="slots_stop", on_click=_stop)
    while job.position < job.total:
        job = st.session_state[_JOB] = _with_next(engine, job)
        bar.progress(job.position / job.total, f"{job.position} of {job.total} images")
    job = st.session_state[_JOB] = replace(job, running=False)
    st.rerun()
    return job


def _with_next(engine: Engine, job: Job) -> Job:
    try:
        run = engine.run(job.read(job.position), capture=Capture(head=job.head))
    except ImageError as error:
        return replace(job, position=job.position + 1, left_out=(*job.left_out, str(error)))
    trace = run.trace.interaction
    if not isinstance(trace, SlotTrace):
        raise TypeError(f"expected a SlotTrace, got {type(trace).__name__}")
    one = summary_of_one(slot_routing(trace))
    return replace(
        job,
        position=job.position + 1,
        summary=one if job.summary is None else job.summary.merge(one),
        provenance=(*job.provenance, run.provenance),
    )


def _results(job: Job) -> None:
    for sentence in job.left_out[:5]:
        st.warning(panels.plain(sentence), icon=":material/warning:")
    if job.summary is None:
        panels.empty("No image of the set could be used.", "Choose other images and press Start.")
        return
    stopped = "" if job.position == job.total else f" Stopped after {job.position} of {job.total}."
    st.markdown(slots_words.pooled(job.summary) + stopped)
    st.caption(panels.plain(f"The set: {job.what}"))
    _numbers(job.summary)
    panels.figure(
        set_occupancy_figure(job.summary),
        "slots_set_occupancy",
        how_to_read="One bar a slot: its mean occupancy over the images; the whisker is one standard deviation between "
        "images.",
        alt=f"Mean occupancy of {job.summary.slots} slots over {job.summary.count} images",
        data=_table(job.summary),
        provenance=job.provenance,
    )
    summary = job.summary
    panels.figure(
        exchange_matrices(summary.writers.mean, summary.readers.mean, summary.tasks),
        "slots_set_matrices",
        how_to_read=f"Means over n = {summary.count} images, every image weighing the same; a slot whose row is spread "
        "out has no fixed owner.",
        alt="Mean share of each task in writing and reading each slot",
    )
    definitions(IMAGE_NUMBERS)


def _numbers(summary: RoutingSummary) -> None:
    values = []
    for key, number in IMAGE_NUMBERS.items():
        moments = summary.numbers[key]
        deviation = None if summary.count < 2 else float(moments.spread)
        text = slots_words.spread(float(moments.mean), deviation, max(number.decimals, 1))
        values.append((number.name, text, f"{meaning(number)} Mean ± standard deviation over n = {summary.count}."))
    panels.numbers(values)


def _table(summary: RoutingSummary) -> pd.DataFrame:
    """One row a slot: means and standard deviations over the images."""
    table = pd.DataFrame({"slot": range(summary.slots), "images": summary.count})
    for name, moments in (("occupancy", summary.occupancy), ("won", summary.won)):
        table[name], table[f"{name} spread"] = moments.mean, moments.spread
    table["dead in share of images"] = summary.dead.mean
    for kind, moments in (("writes", summary.writers), ("reads", summary.readers)):
        for column, task in enumerate(summary.tasks):
            table[f"{task_title(task)} {kind}"] = moments.mean[:, column]
            table[f"{task_title(task)} {kind} spread"] = moments.spread[:, column]
    return table
