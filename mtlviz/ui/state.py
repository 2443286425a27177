"""What a session looks at: the current image, the chosen models, and their runs, cached by hashes.

Nothing is cached by the content of an array: Streamlit samples large arrays and would mix up two images.
"""

import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import streamlit as st

from mtlviz.catalogue import model_card
from mtlviz.catalogue import model_names as known_names
from mtlviz.checkpoints import Folders, ModelCard
from mtlviz.data.images import image_sha256
from mtlviz.data.sample import Sample
from mtlviz.data.truth import not_scored, without
from mtlviz.edits import Edit
from mtlviz.engine import Engine, Run, load
from mtlviz.errors import CheckpointError, ImageError
from mtlviz.plots.maps import Geometry
from mtlviz.tasks import TASKS, Task
from mtlviz.trace import INTERACTION, Capture
from mtlviz.ui import model_roots

Which = Literal["a", "b"]
MODEL_KEYS: dict[Which, str] = {"a": "model", "b": "second"}
PREFERRED: dict[Which, str] = {"a": "kem", "b": "cross_attention"}
BESIDE_KEY = "models"
"""Models that Predictions shows beside the first."""
FOLDER_VARIABLE = model_roots.FOLDER_VARIABLE
SAID_NEXT = "_said_next"
"""Key of the sentences that the next run shows."""


@dataclass(frozen=True)
class Current:
    """The image that every page shows.

    Attributes:
        sample: the image with whatever labels it has.
        sha256: of its pixels.
        source: ``room``, ``photo``, ``upload`` or ``data``.
        note: what happened to it on the way, e.g. that it was made smaller.
        tasks: what its labels mean.
    """

    sample: Sample
    sha256: str
    source: str
    note: str = ""
    tasks: tuple[Task, ...] = tuple(TASKS.values())


def show(sample: Sample, source: str, note: str = "", tasks: tuple[Task, ...] = tuple(TASKS.values())) -> Current:
    """Make an image the current one; its name names its labels too, since results are remembered by it."""
    current = Current(sample, image_sha256(sample), source, note, tasks)
    st.session_state["_current"] = current
    return current


def whole() -> Current:
    """The current image with all that is known about it, comparable with the chosen models or not.

    Raises:
        ImageError: if no image could be shown so far.
    """
    found = st.session_state.get("_current")
    if not isinstance(found, Current):
        raise ImageError("There is no image yet; choose a sample or drop one into the sidebar.")
    return found


def current() -> Current:
    """The current image with the labels that every chosen model may be compared with.

    Raises:
        ImageError: if no image could be shown so far.
    """
    found = whole()
    left_out = unscored()
    kept = st.session_state.get("_comparable")  # one object a run of the page, so that pages can tell it by identity
    if kept is None or kept[0] is not found or kept[1] != left_out:
        comparable = replace(found, sample=without(found.sample, left_out))
        kept = st.session_state["_comparable"] = (found, left_out, comparable)
    comparable_now: Current = kept[2]
    return comparable_now


def unscored() -> dict[str, str]:
    """Labelled tasks of the current image that are not compared with the chosen models, and why."""
    found = whole()
    tasks = [task for task in found.tasks if task.name in found.sample.labels]
    return not_scored(tasks, _chosen_tasks())


def _chosen_tasks() -> dict[str, tuple[Task, ...]]:
    """Tasks of the models that are looked at, by model; empty where there is no model."""
    try:
        names = model_names()
        beside = [name for name in st.session_state.get(BESIDE_KEY) or () if name in names]
        return {name: card(name).tasks for name in dict.fromkeys((model_name("a"), model_name("b"), *beside))}
    except CheckpointError:
        return {}


def image() -> Sample:
    """The current image."""
    return current().sample


def folder() -> Folders:
    """Where checkpoints lie: the shipped ones, or those the server was started with."""
    return model_roots.model_folders(os.environ)


def model_names() -> list[str]:
    """Checkpoints and adapters that can be chosen.

    Raises:
        CheckpointError: if there are none.
    """
    names = known_names(folder())
    if not names:
        place = Path(model_roots.as_text(folder())).name
        raise CheckpointError(f"The folder {place!r} lists no networks; train one or restore the shipped ones.")
    return names


def model_name(which: Which = "a") -> str:
    """Name of the chosen model; the default where none or an unknown one is chosen."""
    names, chosen = model_names(), st.session_state.get(MODEL_KEYS[which])
    return chosen if chosen in names else default_model(which, names)


def default_model(which: Which, names: list[str]) -> str:
    """The model a session starts with."""
    return PREFERRED[which] if PREFERRED[which] in names else names[0 if which == "a" else -1]


def swap_models() -> None:
    """Exchange the first and the second model; a callback."""
    first, second = model_name("a"), model_name("b")
    st.session_state[MODEL_KEYS["a"]], st.session_state[MODEL_KEYS["b"]] = second, first


def card(name: str) -> ModelCard:
    """The verified card of a model."""
    return _card(name, model_roots.as_text(folder()), _version())


def engine(which: Which = "a") -> Engine:
    """The loaded first or second model of the sidebar."""
    return engine_named(model_name(which))


def engine_named(name: str) -> Engine:
    """A loaded model, one for all sessions."""
    return _engine(name, model_roots.as_text(folder()), _version())


def run(
    engine: Engine,
    sample: Sample | None = None,
    *,
    capture: Capture | None = INTERACTION,
    edit: Edit | None = None,
) -> Run:
    """One image through one model, computed once for the same weights, pixels and request.

    Args:
        engine: the model.
        sample: the image; None takes the current one.
        capture: what to record.
        edit: intervention to apply.
    """
    if sample is None:
        sample, sha256 = current().sample, current().sha256
    else:
        sha256 = image_sha256(sample)
    change = "" if edit is None else repr(edit.described())
    labels = ",".join(sorted(sample.labels))  # a run carries its sample, and pixels alone do not say what is known
    key = (engine.card.weights_sha256, engine.device, sha256, sample.name, labels, repr(capture), change)
    return _run(engine, sample, capture, edit, key)


def geometry(run: Run) -> Geometry:
    """Where the image and the tokens of a run lie."""
    return Geometry.of(run.letterbox, run.card.token_grid)


def say_once(sentence: str) -> None:
    """Show a sentence at the top of the page, e.g. why a link is not followed to the letter."""
    said = st.session_state.setdefault("_said", [])
    if sentence not in said:
        said.append(sentence)
        box = st.session_state.get("_notices")
        (st if box is None else box).info(sentence, icon=":material/info:")


def check_query(key: str, options: Collection[str] | Mapping[str, str]) -> None:
    """Say so when a link asks for something that does not exist; call before the widget ``key`` is drawn.

    Streamlit itself falls back to the widget's default. The value is not repeated: it may hold anything.

    Args:
        key: of the widget and the query parameter.
        options: what the widget shows, since that is what the link carries; of a mapping, the values.
    """
    shown = options.values() if isinstance(options, Mapping) else options
    if any(asked not in shown for asked in st.query_params.get_all(key)):
        say_once(f"The link's “{key}” is not one of the choices here; the default is shown.")


def check_query_number(key: str, low: float, high: float) -> None:
    """As ``check_query``, for a number from ``low`` to ``high``."""
    asked = st.query_params.get(key)
    if asked is None:
        return
    sentence = f"The link's “{key}” is not a number from {low:g} to {high:g}; the default is shown."
    try:
        number = float(asked)
    except ValueError:
        number = math.nan
    if math.isinf(number):  # Streamlit's number input fails on it, in this run and in every later one
        del st.query_params[key]
        st.session_state.setdefault(SAID_NEXT, []).append(sentence)
        st.rerun()
    if not low <= number <= high:
        say_once(sentence)


def begin_run() -> None:
    """Make room for sentences about the link, and say what the run before left to say."""
    st.session_state["_notices"], st.session_state["_said"] = st.container(), []
    for sentence in st.session_state.pop(SAID_NEXT, []):
        say_once(sentence)


def _version() -> int:
    """Changes when a checkpoint in the folder does, so that newly trained weights are loaded."""
    return model_roots.version(folder())


@st.cache_data(max_entries=32, show_spinner=False)
def _card(name: str, folder: str, version: int) -> ModelCard:
    return model_card(name, model_roots.as_folders(folder))


@st.cache_resource(max_entries=6, show_spinner="Loading the model; this takes about a second.")
def _engine(name: str, folder: str, version: int) -> Engine:
    return load(name, folder=model_roots.as_folders(folder))


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=16, show_spinner="Running the model; this usually takes a tenth of a second.")
def _run(_engine: Engine, _sample: Sample, _capture: Capture | None, _edit: Edit | None, key: tuple[str, ...]) -> Run:
    return _engine.run(_sample, capture=_capture, edit=_edit)
