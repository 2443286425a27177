"""The sidebar's choice of an image of a data set on disk."""

from pathlib import Path

import streamlit as st

from mtlviz.data.sample import Sample
from mtlviz.errors import DataError
from mtlviz.tasks import Task
from mtlviz.ui import state
from mtlviz.ui.data import roots, source
from mtlviz.ui.data.source import Opened
from mtlviz.ui.linked import LINKED, buttons
from mtlviz.ui.panels import plain

DATA, SPLIT, NUMBER = "data", "data_split", "data_number"
_GONE, _PROBLEM, _OPENED = "_data_gone", "_data_problem", "_data_opened"


def choose() -> tuple[Sample, str, tuple[Task, ...]] | None:
    """Draw the choice; the image with a note and what its labels mean, None where there is none yet.

    Raises:
        DataError: if the data set or the image cannot be read.
    """
    st.session_state[_OPENED] = None
    folders = source.folders()
    known = source.known() if folders else {}
    _follow_link(known)
    if not folders:
        st.caption(
            f"Data sets on disk are read from folders that the app was started with: `{roots.START}`, or "
            f"`{roots.VARIABLE}` in its environment. Until then the image before is shown."
        )
        return None
    label = _data_set(known)
    _another_path(folders)
    if label is None:
        missing = [folder.name for folder in folders if not folder.exists()]
        st.caption(_nothing_chosen(known, missing))
        return None
    opened = _split(label, known[label])
    st.session_state[_OPENED] = opened
    number = _number(opened)
    return source.read(opened, number), "", opened.data.tasks


def opened() -> Opened | None:
    """The data set that the image shown is of, if any."""
    found = st.session_state.get(_OPENED)
    return found if isinstance(found, Opened) else None


def go_to(number: int) -> None:
    """Show an image of the data set; a callback."""
    st.session_state[NUMBER] = number


def _follow_link(known: dict[str, Path]) -> None:
    """A link to what is not here shows nothing else in its place."""
    asked = st.query_params.get(DATA)
    if asked is not None and asked not in known:
        st.session_state[_GONE] = True
        state.say_once(
            "The link names a data set that this app does not have on its machine; an image that needs none is shown."
        )


def _data_set(known: dict[str, Path]) -> str | None:
    if st.session_state.get(DATA) not in known:
        st.session_state.pop(DATA, None)
    only = 0 if len(known) == 1 and not st.session_state.get(_GONE) else None
    chosen = st.selectbox(
        "Data set", list(known), only, key=DATA, placeholder="Choose a data set", on_change=_from_the_start, **LINKED
    )
    return chosen if chosen in known else None


def _nothing_chosen(known: dict[str, Path], missing: list[str]) -> str:
    if missing:
        return plain(f"{missing[0]}, which this app was started with, is not there; start it with another folder.")
    if not known:
        return "No data set was found in the folders that the app was started with; give the path of one below them."
    return "Until a data set is chosen, the image before is shown."


def _from_the_start() -> None:
    """Callback of the data set and its split."""
    st.session_state[NUMBER] = 0


def _another_path(folders: tuple[Path, ...]) -> None:
    with st.popover("Another path", icon=":material/folder_open:", type="tertiary"):
        st.text_input(
            "Path of a data set or its YAML", key="data_path", on_change=_take_path,
            help="In one of the folders that the app was started with, absolute or from there: "
            + ", ".join(plain(folder.name) for folder in folders) + ".",
        )  # fmt: skip
        if problem := st.session_state.get(_PROBLEM):
            st.error(plain(problem), icon=":material/error:")


def _take_path() -> None:
    """Callback of the path: a data set there is chosen, anything else is a sentence and changes nothing."""
    st.session_state[_PROBLEM] = ""
    text = str(st.session_state.get("data_path") or "").strip()
    if not text:
        return
    try:
        st.session_state[DATA] = source.add(text)
        st.session_state[NUMBER] = 0
    except DataError as error:
        st.session_state[_PROBLEM] = str(error)


def _split(label: str, path: Path) -> Opened:
    splits = source.splits(path)
    split = splits[0]
    if len(splits) > 1:
        split = buttons("Split", splits, SPLIT)
    found = source.opened(label, path, split)
    count, variant = len(found.data), found.data.variant
    images = "1 image" if count == 1 else f"{count:,} images"
    tasks = source.task_names(found.data.tasks)
    st.caption(plain(f"{variant[:1].upper()}{variant[1:]}: {images} in {split}; {tasks}"))
    return found


def _number(opened: Opened) -> int:
    last = len(opened.data) - 1
    if not 0 <= int(st.session_state.get(NUMBER) or 0) <= last:
        del st.session_state[NUMBER]
    if NUMBER not in st.session_state:  # a callback may have set it, which the link does not know yet
        state.check_query_number(NUMBER, 0, last)
    number = int(st.number_input(f"Image (0 to {last:,})", 0, last, key=NUMBER, width="stretch", **LINKED))
    with st.container(horizontal=True, gap="xsmall"):
        st.button("Previous", icon=":material/chevron_left:", key="data_previous", disabled=number == 0,
                  width="stretch", on_click=go_to, args=(number - 1,))  # fmt: skip
        st.button("Next", icon=":material/chevron_right:", icon_position="right", key="data_next",
                  disabled=number == last, width="stretch", on_click=go_to, args=(number + 1,))  # fmt: skip
    return number
