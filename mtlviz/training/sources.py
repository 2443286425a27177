"""Where images come from: any data set on disk, or rooms that are rendered when they are asked for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from mtlviz.data import geometry
from mtlviz.data.rooms import SPLITS, Rooms, render_room
from mtlviz.data.sample import Sample
from mtlviz.data.sets import DataSet, open_data
from mtlviz.data.sets.labels import no_label
from mtlviz.data.sets.room_set import RoomSet
from mtlviz.data.sets.room_set import recognises as holds_rooms
from mtlviz.errors import DataError, OptionError
from mtlviz.tasks import TASKS, Task
from mtlviz.training.config import TrainConfig
from mtlviz.training.options import GRID, DataConfig
from mtlviz.training.pipeline import PIPELINES

DEFAULT_ROOMS = 300
"""Rooms of an evaluation that names no number."""
CROPPED_BY = "semseg"
"""Task whose classes say whether a crop is varied enough."""


@runtime_checkable
class Samples(Protocol):
    """A data set: its length and any of its samples."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


def with_tasks(config: TrainConfig) -> TrainConfig:
    """The configuration with what its data set says: the tasks' definitions, and a size and a pipeline if it has none.

    Rooms leave it as it is, and so does a data set that is not there, which is refused where images are read, or here
    where only it could say what a task is.

    Raises:
        OptionError: if a task or an option about a task is not one of the data set's, or the images need a size.
        DataError: if the data set cannot be opened.
    """
    path = config.data.train
    if config.definitions:
        return config
    known = path.exists() or set(config.tasks) <= set(TASKS)
    if known and (holds_rooms(path) or not path.exists()):
        _check_names(config, tuple(TASKS), path)
        return config
    found = open_data(path, "train")
    there = {task.name: task for task in found.tasks}
    tasks = config.tasks if config.names_tasks else tuple(there)
    _check_names(config.model_copy(update={"tasks": tasks}), tuple(there), path)
    data = config.data
    if "augment" in data.model_fields_set and data.pipeline is None:
        raise OptionError(f"data.augment varies rooms, but {path} is {found.variant}; give data.pipeline instead.")
    update = {"size": data.size or _usual_size(found), "pipeline": data.pipeline or PIPELINES["flip"]}
    definitions = tuple(there[name] for name in tasks)
    return config.model_copy(
        update={"tasks": tasks, "definitions": definitions, "data": data.model_copy(update=update)}
    )


def _check_names(config: TrainConfig, known: tuple[str, ...], path: Path) -> None:
    unknown = [task for task in config.tasks if task not in known]
    if unknown:
        there = ", ".join(known) or "no task"
        raise OptionError(f"tasks names {unknown[0]!r}, but {path} has labels for {there} only.")
    strange = config.strange_name(config.tasks)
    if strange:
        raise OptionError(f"configuration: {strange}; its tasks are {', '.join(config.tasks)}.")


def _usual_size(found: DataSet) -> tuple[int, int]:
    """The first image's, where a network can take it."""
    size = found.only(())[0].size
    if any(side % GRID for side in size):
        raise OptionError(
            f"The first image of {found.title} has {size[0]}x{size[1]} pixels, but a network's sides are multiples of "
            f"{GRID}; give data.size: [H, W]."
        )
    return size


def training_set(data: DataConfig, tasks: Sequence[str] | None = None) -> Samples:
    """The training images: all of the data set, or the first ``data.images``.

    Args:
        data: where they are.
        tasks: those whose labels are read; None reads all. Rooms are read whole.

    Raises:
        DataError: if there are too few.
    """
    samples = _opened(data.train, "train", tasks)
    return samples if data.images is None else First(samples, data.images)


def training_images(config: TrainConfig) -> Samples:
    """The training images with the labels that a training looks at: its tasks', and classes to choose crops by.

    Raises:
        DataError: if there are too few.
    """
    names = [task.name for task in config.task_list()]
    cropped = config.data.pipeline is not None and config.data.pipeline.framing == "crop"
    if cropped and CROPPED_BY not in names:
        known = {task.name for task in _tasks_of(_opened(config.data.train, "train", None))}
        names += [CROPPED_BY] if CROPPED_BY in known else []
    return training_set(config.data, names)


def held_out(data: DataConfig, limit: int | None = None, tasks: Sequence[str] | None = None) -> Samples:
    """The images that ``data.val`` names; those that are rendered have the size of the training images.

    Raises:
        DataError: if it names none, or there are too few.
    """
    if data.val is None:
        raise DataError("The configuration names no data.val to evaluate on; add rooms:val or a data set's path.")
    source = str(data.val)
    size = training_set(data)[0].size if source.startswith("rooms:") else (0, 0)
    return evaluation_set(source, limit, size, tasks)


def checked_held_out(config: TrainConfig, limit: int | None = None) -> Samples:
    """The held-out images with the labels of a training's tasks, which have to be defined as in its training set.

    Raises:
        DataError: as ``held_out``, or if a task has other classes there, or none of its labels.
    """
    samples = held_out(config.data, limit, [task.name for task in config.task_list()])
    opened = samples.samples if isinstance(samples, First) else samples
    theirs = TASKS if isinstance(opened, Rooms | Rendered) else {task.name: task for task in _tasks_of(opened)}
    for task in config.task_list():
        other = theirs[task.name]
        if (task.kind, task.class_names, task.unit) != (other.kind, other.class_names, other.unit):
            raise DataError(
                f"{config.data.val} has other classes or units of {task.name!r} than {config.data.train}; evaluate on "
                "data of the same form."
            )
    return samples


def _tasks_of(samples: Samples) -> Sequence[Task]:
    return samples.tasks if isinstance(samples, DataSet) else tuple(TASKS.values())


def evaluation_set(
    source: str, limit: int | None, size: tuple[int, int], tasks: Sequence[str] | None = None
) -> Samples:
    """The images to evaluate on.

    Args:
        source: ``rooms:val``, ``rooms:test`` or ``rooms:train`` for rooms rendered on the fly, else a data set's path,
            of which the split ``val`` is taken.
        limit: number of images; None takes all, or 300 rendered rooms.
        size: (H, W) of rendered rooms.
        tasks: those whose labels are read; None reads all.

    Raises:
        DataError: if the source does not exist or holds too few images.
    """
    if source.startswith("rooms:"):
        return Rendered(source.removeprefix("rooms:"), limit or DEFAULT_ROOMS, size)
    samples = _opened(Path(source), "val", tasks)
    return samples if limit is None else First(samples, limit)


def _opened(path: Path, split: str, tasks: Sequence[str] | None) -> Samples:
    found = open_data(path, split)
    if isinstance(found, RoomSet):
        return found.rooms
    return found if tasks is None else found.only(tasks)


class First:
    """The first ``count`` samples of a data set.

    Raises:
        DataError: if it has fewer.
    """

    def __init__(self, samples: Samples, count: int) -> None:
        if count > len(samples):
            raise DataError(
                f"The data set holds {len(samples)} images, {count} are wanted; ask for fewer, or add some."
            )
        self.samples = samples
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.samples[index]


class Rendered:
    """The first ``count`` rooms of a split, rendered when they are asked for; the first ones are kept.

    Raises:
        DataError: if there is no such split or it has fewer rooms.
    """

    def __init__(self, split: str, count: int, size: tuple[int, int]) -> None:
        if split not in SPLITS or count > len(SPLITS[split]):
            raise DataError(f"'rooms:{split}' with {count} rooms does not exist; the splits are {', '.join(SPLITS)}.")
        self.seeds = SPLITS[split][:count]
        self.size = size
        self._rendered: dict[int, Sample] = {}

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: int) -> Sample:
        if index not in self._rendered:
            sample = render_room(self.seeds[index], self.size)
            if len(self._rendered) >= DEFAULT_ROOMS:
                return sample
            self._rendered[index] = sample
        return self._rendered[index]


class Fitted:
    """Samples at the size that a network takes, labels and all; see ``fitted``."""

    def __init__(self, samples: Samples, size: tuple[int, int], how: Literal["resize", "pad"]) -> None:
        self.samples = samples
        self.size = size
        self.how = how

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return fitted(self.samples[index], self.size, self.how)


def network_sized(samples: Samples, config: TrainConfig) -> Samples:
    """Samples as a training's network takes them, without any variation."""
    return samples if config.data.size is None else Fitted(samples, config.data.size, config.fitting)


def fitted(sample: Sample, size: tuple[int, int], how: Literal["resize", "pad"]) -> Sample:
    """A sample of (H, W) pixels.

    Raises:
        DataError: if it is too large to be padded.
    """
    if how == "resize":
        return geometry.resize(sample, size)
    try:
        return geometry.pad(sample, size)
    except ValueError as error:
        raise DataError(
            f"{sample.name!r} has {sample.size[0]}x{sample.size[1]} pixels and cannot be padded to "
            f"{size[0]}x{size[1]}; give a larger data.size, or data.fit: resize."
        ) from error


def completed(sample: Sample, tasks: Sequence[Task]) -> Sample:
    """The sample with a label that counts nowhere for every task that it has none for."""
    missing = {task.name: no_label(task, sample.size) for task in tasks if task.name not in sample.labels}
    if not missing:
        return sample
    labels = {name: label.values for name, label in missing.items()}
    valid = {name: np.asarray(label.valid) for name, label in missing.items()}
    return replace(sample, labels={**sample.labels, **labels}, valid={**sample.valid, **valid})
