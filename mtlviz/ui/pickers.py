"""The sidebar: the image, the models, and badges that say what they are."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.data.images import PHOTOGRAPH_TITLES
from mtlviz.data.sample import Sample
from mtlviz.errors import CheckpointError, MtlvizError
from mtlviz.tasks import TASKS, Task
from mtlviz.ui import state
from mtlviz.ui.data import picker, truth, unscored, worst
from mtlviz.ui.linked import LINKED
from mtlviz.ui.panels import plain
from mtlviz.ui.sources import ROOMS, Upload, photograph, room, uploaded

SOURCES = ("room", "photo", "upload", "data")
Chosen = tuple[Sample, str, tuple[Task, ...]]
"""An image, what was done to it, and what its labels mean."""
BADGES = {
    "random": ("RANDOM WEIGHTS", "red", "The weights were never trained: what it shows is noise."),
    "synthetic": ("SYNTHETIC ROOMS", "blue", "Trained on rendered rooms only; photographs are new to it."),
    "real": ("REAL DATA", "green", "Trained on photographs."),
}


def draw() -> None:
    """Image, models, badges; nothing else."""
    source, below = _image()
    _models()
    with below:  # what it says depends on the models
        _beside(source)


def _image() -> tuple[str, DeltaGenerator]:
    """The choice and the image; its source, and the place under it."""
    st.subheader("Image", anchor=False)
    state.check_query("source", SOURCES)
    source = st.segmented_control(
        "Where from", SOURCES, default="room", required=True, key="source",
        label_visibility="collapsed", width="stretch", **LINKED,
    )  # fmt: skip
    chosen: Chosen | None = None
    try:
        chosen = _chosen(source)
    except MtlvizError as error:
        st.error(plain(str(error)), icon=":material/error:")
    if chosen is not None:
        sample, note, tasks = chosen
        state.show(sample, source, note, tasks)
    elif "_current" not in st.session_state:
        state.show(photograph("china"), "photo")
    _thumbnail(state.whole())
    return source, st.container()


def _beside(source: str) -> None:
    """What belongs to the image and to the models: ground truth that is given, and images that are worse."""
    if source == "upload":
        truth.draw()
    if said := unscored.sentence():
        st.caption(plain(said))
    opened = picker.opened() if source == "data" else None
    if opened is not None:
        try:
            worst.draw(opened)
        except MtlvizError as error:
            st.error(plain(str(error)), icon=":material/error:")


def _chosen(source: str | None) -> Chosen | None:
    """The image that the pickers name, None where there is none yet."""
    if source == "data":
        return picker.choose()
    if source == "photo":
        state.check_query("photo", list(PHOTOGRAPH_TITLES))
        key = st.selectbox("Photograph", list(PHOTOGRAPH_TITLES), key="photo", **LINKED)
        return photograph(key), "", ()
    if source == "upload":
        _uploader()
        found = st.session_state.get(truth.UPLOAD)
        if not isinstance(found, Upload):
            state.say_once(
                "Drop an image into the sidebar; until then the image before is shown. "
                "An uploaded image does not travel with a link."
            )
            return None
        return found.sample, found.note, found.tasks
    state.check_query_number("room", 0, ROOMS - 1)
    number = st.number_input(
        f"Held-out room (0 to {ROOMS - 1})", 0, ROOMS - 1, 0, key="room",
        help="Rooms that no model was trained on, rendered on the spot with exact labels.", **LINKED,
    )  # fmt: skip
    return room(int(number)), "", tuple(TASKS.values())


def _uploader() -> None:
    st.file_uploader(
        "Your own image", ["png", "jpg", "jpeg", "webp"], key="upload_file", max_upload_size=20,
        on_change=_take_upload,
    )  # fmt: skip
    if problem := st.session_state.get("_upload_problem"):
        st.error(plain(problem), icon=":material/error:")


def _take_upload() -> None:
    """Callback of the uploader: a good file becomes the current image, a bad one leaves everything as it was."""
    file = st.session_state.get("upload_file")
    st.session_state["_upload_problem"] = ""
    if file is None:
        return
    try:
        st.session_state[truth.UPLOAD] = uploaded(file.getvalue(), file.name)
        truth.forget_files()
    except MtlvizError as error:
        st.session_state["_upload_problem"] = str(error)


def _thumbnail(current: state.Current) -> None:
    height, width = current.sample.size
    labels = ("exact labels" if current.source == "room" else "ground truth") if current.sample.labels else "no labels"
    st.image(
        current.sample.image, width="stretch", alt="the current image",
        caption=f"{plain(current.sample.name)} · {width} × {height} px · {labels}",
    )  # fmt: skip
    if current.note:
        st.caption(current.note)


def _models() -> None:
    st.subheader("Models", anchor=False)
    try:
        names = state.model_names()
        chosen = [_model("Model", "a", names), _model("Second model", "b", names)]
        cards = [state.card(name) for name in dict.fromkeys(chosen)]
    except CheckpointError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    with st.container(horizontal=True, gap="xsmall"):
        for trained in dict.fromkeys(card.trained for card in cards):
            text, colour, explained = BADGES[trained]
            st.badge(text, color=colour, help=explained)  # type: ignore[arg-type]
        st.badge(_device(), color="gray", help="Where the models run.")


def _model(label: str, which: state.Which, names: list[str]) -> str:
    key = state.MODEL_KEYS[which]
    state.check_query(key, names)
    start = names.index(state.default_model(which, names))
    st.selectbox(label, names, start, key=key, **LINKED)
    return state.model_name(which)


@st.cache_data(show_spinner=False)
def _device() -> str:
    from mtlviz.engine import available_devices

    return available_devices()[0].upper()


# A link carries what a picker shows, so pickers show the names that the command line uses too.
