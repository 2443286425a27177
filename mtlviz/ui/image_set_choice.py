"""Choosing a set of images: held-out rooms, uploads, a zip or a folder."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from mtlviz.data.image_sets import MAX_IMAGES, ImageSet, open_image_set
from mtlviz.data.sample import Sample
from mtlviz.errors import OptionError
from mtlviz.ui import sources, state
from mtlviz.ui.data import roots, source

KINDS = ("held-out rooms", "uploads or a zip", "folder")
UPLOAD_MEGABYTES = 100


@dataclass(frozen=True)
class ChosenSet:
    """A set that can be read.

    Attributes:
        what: the set in words.
        total: images in it.
        read: decodes or renders one image.
    """

    what: str
    total: int
    read: Callable[[int], Sample]


def choose(prefix: str, rooms: int, *, disabled: bool) -> None:
    """The inputs, side by side; to be drawn inside a horizontal container.

    Args:
        prefix: of the widgets' keys.
        rooms: to start with.
        disabled: while a set is worked on; what a link carries stays open, since Streamlit takes a disabled input
            from the link again.
    """
    key = f"{prefix}_set"
    state.check_query(key, KINDS)
    kind = st.segmented_control(
        "Images", KINDS, default=KINDS[0], required=True, key=key, bind="query-params", persist_state="session",
    )  # fmt: skip
    if kind == KINDS[0]:
        st.number_input(f"How many (1 to {MAX_IMAGES})", 1, MAX_IMAGES, rooms, key=f"{prefix}_rooms", width=160,
                        bind="query-params", persist_state="session")  # fmt: skip
    elif kind == "folder":
        st.text_input("Folder or zip in a folder that the app was started with", key=f"{prefix}_folder", width=360,
                      disabled=disabled)  # fmt: skip
    else:
        st.file_uploader(
            "Images or one zip", ["png", "jpg", "jpeg", "webp", "zip"], accept_multiple_files=True,
            key=f"{prefix}_uploads", max_upload_size=UPLOAD_MEGABYTES, disabled=disabled, width=420,
        )  # fmt: skip


def chosen(prefix: str) -> ChosenSet:
    """The set that the inputs name.

    Raises:
        ImageError: if it holds no image that can be used.
        OptionError: if nothing is chosen yet.
    """
    kind = st.session_state.get(f"{prefix}_set") or KINDS[0]
    if kind == KINDS[0]:
        count = int(st.session_state[f"{prefix}_rooms"])
        return ChosenSet(f"{count} held-out rooms", count, sources.room)
    found = _opened(kind, prefix)
    return ChosenSet(f"{len(found)} images. " + " ".join(found.notes), len(found), found.read)


def _opened(kind: str, prefix: str) -> ImageSet:
    if kind == "folder":
        path = str(st.session_state.get(f"{prefix}_folder") or "").strip()
        if not path:
            raise OptionError("No folder is given; type the path of one that holds images.")
        return open_image_set(roots.typed_path(path, source.folders()), MAX_IMAGES)
    files = st.session_state.get(f"{prefix}_uploads") or []
    if not files:
        raise OptionError("Nothing is uploaded yet; drop images or a zip first.")
    if len(files) == 1 and files[0].name.lower().endswith(".zip"):
        return open_image_set(files[0].getvalue(), MAX_IMAGES)
    return open_image_set([(file.name, file.getvalue()) for file in files], MAX_IMAGES)
