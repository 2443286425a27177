"""Where images come from: rendered rooms, photographs, uploads; each made once and shared between sessions."""

import hashlib
from dataclasses import replace

import numpy as np
import streamlit as st
from PIL import Image

from mtlviz.data.images import photographs, read_image
from mtlviz.data.sample import Sample
from mtlviz.errors import DataError

ROOMS = 300
"""Held-out rooms on offer: the validation set that the models' cards report."""
LONGEST_SIDE = 1024
"""An upload with a longer side is made smaller; every map of it is kept at this size."""


@st.cache_resource(max_entries=64, show_spinner="Rendering the room; this takes less than a second.")
def room(number: int) -> Sample:
    """A held-out room with its labels.

    Args:
        number: position in the validation set.

    Raises:
        DataError: if rooms cannot be rendered here.
    """
    try:
        from mtlviz.data.rooms import SPLITS, render_room
    except ImportError as error:
        raise DataError(
            "Rooms cannot be rendered here because a library is missing; install requirements.txt, or choose a photo."
        ) from error
    return replace(render_room(SPLITS["val"][number]), name=f"room {number}")


@st.cache_resource(show_spinner=False)
def photograph(key: str) -> Sample:
    """A photograph that comes with scikit-learn."""
    return photographs()[key]()


def uploaded(content: bytes, name: str) -> tuple[Sample, str]:
    """An uploaded image, at most ``LONGEST_SIDE`` pixels a side, and what was done to it.

    Raises:
        ImageError: if it is not an image that can be used.
    """
    sample = read_image(content, name)
    stamp = f"File sha256 {hashlib.sha256(content).hexdigest()[:12]}."
    height, width = sample.size
    factor = LONGEST_SIDE / max(height, width)
    if factor >= 1:
        return sample, stamp
    size = max(1, round(width * factor)), max(1, round(height * factor))
    smaller = Image.fromarray(sample.image).resize(size, Image.Resampling.LANCZOS)
    note = f"Made smaller from {width:,} × {height:,} to {size[0]:,} × {size[1]:,} pixels. {stamp}"
    return replace(sample, image=np.asarray(smaller)), note
