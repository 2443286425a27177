"""Where images come from: rendered rooms, photographs, uploads; each made once and shared between sessions.

Data sets on disk are in ``mtlviz.ui.data``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import streamlit as st

from mtlviz.data import geometry
from mtlviz.data.images import display_name, photographs, read_image
from mtlviz.data.resampling import largest, nearest
from mtlviz.data.sample import Sample
from mtlviz.data.sets.labels import Label
from mtlviz.data.truth_files import read_truth
from mtlviz.errors import DataError
from mtlviz.tasks import Task

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


@dataclass(frozen=True)
class Truth:
    """Ground truth of one task that was uploaded.

    Attributes:
        task: what it is of; its classes are those of the model that was chosen.
        label: at the size at which the image is shown.
        sha256: of the file.
        title: name of the file.
    """

    task: Task
    label: Label
    sha256: str
    title: str


@dataclass(frozen=True)
class Upload:
    """An image of one's own, with ground truth where that was given too.

    Attributes:
        image: as it is shown, without labels.
        note: what was done to it.
        size: (height, width) of the file.
        truths: by task name.
    """

    image: Sample
    note: str
    size: tuple[int, int]
    truths: Mapping[str, Truth] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What the labels mean."""
        return tuple(truth.task for truth in self.truths.values())

    @property
    def sample(self) -> Sample:
        """The image with its labels; the name tells one ground truth from another."""
        if not self.truths:
            return self.image
        labels = {task: truth.label for task, truth in self.truths.items()}
        together = "".join(f"{task} {self.truths[task].sha256} " for task in sorted(self.truths))
        return replace(
            self.image,
            name=f"{self.image.name} with truth {hashlib.sha256(together.encode()).hexdigest()[:6]}",
            labels={task: label.values for task, label in labels.items()},
            valid={task: label.valid for task, label in labels.items()},
        )

    def with_truth(self, task: Task, content: bytes, name: str) -> "Upload":
        """The same with ground truth of a task in place of what there was.

        Raises:
            DataError: if the file is no ground truth of the task, or of another size than the image.
        """
        read = read_truth(content, name, task, self.size)
        to = largest if task.name == geometry.LINES else nearest
        label = read._replace(values=to(read.values, self.image.size), valid=to(read.valid, self.image.size))
        truth = Truth(task, label, hashlib.sha256(content).hexdigest(), display_name(name))
        return replace(self, truths={**self.truths, task.name: truth})

    def without_truth(self, task: str) -> "Upload":
        """The same without ground truth of a task."""
        return replace(self, truths={name: truth for name, truth in self.truths.items() if name != task})


def uploaded(content: bytes, name: str) -> Upload:
    """An uploaded image, at most ``LONGEST_SIDE`` pixels a side, and what was done to it.

    Raises:
        ImageError: if it is not an image that can be used.
    """
    sample = read_image(content, name)
    stamp = f"File sha256 {hashlib.sha256(content).hexdigest()[:12]}."
    smaller = shrunk(sample, LONGEST_SIDE)
    if smaller is sample:
        return Upload(sample, stamp, sample.size)
    (height, width), (rows, columns) = sample.size, smaller.size
    note = f"Made smaller from {width:,} × {height:,} to {columns:,} × {rows:,} pixels. {stamp}"
    return Upload(smaller, note, sample.size)


def shrunk(sample: Sample, longest: int) -> Sample:
    """A sample whose longer side has at most ``longest`` pixels, proportions kept, by ``geometry.resize``."""
    height, width = sample.size
    factor = longest / max(height, width)
    if factor >= 1:
        return sample
    return geometry.resize(sample, (max(1, round(height * factor)), max(1, round(width * factor))))
