"""What is explained: one number of a prediction, as a person would name it.

A target is a task and a place: a pixel, a box, the region of a class, or the whole image. Its number is the mean over
that place of the logit of a class (classes, binary), of metres (depth), or of the degrees by which a surface leans
towards an axis (normals). Places and classes are those of the image as it is, and stay while the image changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mtlviz.checkpoints import ModelCard
from mtlviz.data.letterbox import Letterbox
from mtlviz.errors import OptionError
from mtlviz.tasks import Task

WHERES = ("pixel", "box", "class", "image")
"""Places that a target can be at."""
AXES = ("right", "up", "camera")
"""Axes that a surface can lean towards, in the order of the normals' channels."""
UNITS = {"classes": "logits", "binary": "logits", "depth": "m", "normals": "°"}
"""Unit of the target by kind of task."""
POLE = 1e-8
"""Keeps the gradient of an angle finite where a surface faces the axis."""

Outputs = Mapping[str, Float[np.ndarray, "C H W"]]


@dataclass(frozen=True)
class Target:
    """What a person asks for.

    Attributes:
        task: whose prediction.
        where: one of ``WHERES``.
        place: (row, column) of the token whose middle pixel it is, for ``pixel``.
        box: (top, left, bottom, right) in source pixels, for ``box``.
        label: class whose predicted region it is, for ``class``.
        channel: class of the logit, for a task with classes; None takes the predicted one at every pixel.
        axis: of ``AXES``, for normals.
    """

    task: str
    where: str = "pixel"
    place: tuple[int, int] | None = None
    box: tuple[int, int, int, int] | None = None
    label: int | None = None
    channel: int | None = None
    axis: str = "camera"


@dataclass(frozen=True, eq=False)
class Scalar:
    """A target on one image: which entries of the output are averaged.

    Attributes:
        task: whose prediction.
        rows: ``(P,)`` in model pixels.
        columns: ``(P,)`` in model pixels.
        channels: ``(P,)`` of the output; for normals that of the axis.
    """

    task: Task
    rows: Int[np.ndarray, " P"]
    columns: Int[np.ndarray, " P"]
    channels: Int[np.ndarray, " P"]

    @property
    def unit(self) -> str:
        """Of the number."""
        return UNITS[self.task.kind]

    def of(self, outputs: Mapping[str, Float[Tensor, "B C H W"]]) -> Float[Tensor, " B"]:
        """The number of every image of a batch; gradients follow."""
        found = outputs[self.task.name][:, :, self.rows, self.columns]  # (B, C, P)
        own = found[:, self.channels, np.arange(len(self.rows))]  # (B, P)
        if self.task.kind != "normals":
            return own.mean(-1)
        across = (found.square().sum(1) - own.square()).clamp_min(0)
        return torch.rad2deg(torch.atan2(own, (across + POLE).sqrt())).mean(-1)

    def region(self, size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
        """The pixels it is averaged over."""
        mask = np.zeros(size, bool)
        mask[self.rows, self.columns] = True
        return mask


def scene_task(card: ModelCard, task: str) -> Task | None:
    """The task whose classes divide the image into regions: the target's own, else the first that has classes."""
    with_classes = [one for one in card.tasks if one.kind == "classes"]
    return next((one for one in with_classes if one.name == task), with_classes[0] if with_classes else None)


def predicted_classes(card: ModelCard, task: str, outputs: Outputs, letterbox: Letterbox) -> dict[int, int]:
    """Predicted labels of ``scene_task`` on the image with their number of model pixels, largest first."""
    scene = scene_task(card, task)
    if scene is None:
        return {}
    labels, counts = np.unique(outputs[scene.name].argmax(0)[letterbox.inside], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {int(labels[index]): int(counts[index]) for index in order}


def scalar(target: Target, card: ModelCard, outputs: Outputs, letterbox: Letterbox) -> Scalar:
    """A target on one image.

    Args:
        target: what is asked for.
        card: of the model.
        outputs: of the image as it is, at model resolution.
        letterbox: how the image was fitted into the model's input.

    Raises:
        OptionError: if the model has no such task, class or axis, or nothing lies at that place.
    """
    names = [task.name for task in card.tasks]
    if target.task not in names:
        raise OptionError(f"Model {card.name!r} does not predict {target.task!r}; choose one of {', '.join(names)}.")
    if target.where not in WHERES:
        raise OptionError(f"A target cannot be at {target.where!r}; choose one of {', '.join(WHERES)}.")
    rows, columns = np.nonzero(_place(target, card, outputs, letterbox))
    if not len(rows):
        raise OptionError("Nothing of the image lies at the target's place; choose a larger box or another class.")
    task = card.task(target.task)
    return Scalar(task, rows, columns, _channels(target, task, outputs[task.name][:, rows, columns]))


def _place(target: Target, card: ModelCard, outputs: Outputs, letterbox: Letterbox) -> Bool[np.ndarray, "H W"]:
    inside = letterbox.inside
    if target.where == "image":
        return inside
    mask = np.zeros_like(inside)
    if target.where == "pixel":
        mask[_middle(target, card, letterbox)] = True
    elif target.where == "box":
        top, left, bottom, right = _model_box(target, letterbox)
        mask[top:bottom, left:right] = True
    else:
        scene = scene_task(card, target.task)
        if scene is None or target.label is None or not 0 <= target.label < scene.channels:
            raise OptionError("The region of a class needs a model that names classes and one of its labels.")
        mask = outputs[scene.name].argmax(0) == target.label
    return np.asarray(mask & inside)


def _middle(target: Target, card: ModelCard, letterbox: Letterbox) -> tuple[int, int]:
    """The middle pixel of a token, moved into the image where the token lies across its border."""
    if target.place is None or not all(
        0 <= index < count for index, count in zip(target.place, card.token_grid, strict=True)
    ):
        raise OptionError(f"A pixel is named by a token of the {card.token_grid} grid; got {target.place}.")
    found = []
    for axis, (index, low, size) in enumerate(zip(target.place, letterbox.box[:2], letterbox.box[2:], strict=True)):
        stride = card.input_size[axis] // card.token_grid[axis]
        found.append(int(np.clip(index * stride + stride // 2, low, low + size - 1)))
    return found[0], found[1]


def _model_box(target: Target, letterbox: Letterbox) -> tuple[int, int, int, int]:
    """A box of source pixels in model pixels, at least one pixel large."""
    if target.box is None or target.box[0] >= target.box[2] or target.box[1] >= target.box[3]:
        raise OptionError(f"A box has its top above its bottom and its left before its right; got {target.box}.")
    edges = []
    for axis in (0, 1):
        start, size, source = letterbox.box[axis], letterbox.box[axis + 2], letterbox.source[axis]
        low, high = (np.clip(target.box[axis + end], 0, source) * size / source for end in (0, 2))
        first = min(int(np.floor(low)), size - 1)
        edges.append((start + first, start + max(int(np.ceil(high)), first + 1)))
    return edges[0][0], edges[1][0], edges[0][1], edges[1][1]


def _channels(target: Target, task: Task, found: Float[np.ndarray, "C P"]) -> Int[np.ndarray, " P"]:
    count = found.shape[1]
    if task.kind == "normals":
        if target.axis not in AXES:
            raise OptionError(f"A surface cannot lean towards {target.axis!r}; choose one of {', '.join(AXES)}.")
        return np.full(count, AXES.index(target.axis))
    if task.kind != "classes":
        return np.zeros(count, int)
    wanted = target.channel
    if wanted is None and target.where == "class":
        wanted = target.label
    if wanted is None:
        return np.asarray(found.argmax(0))
    if not 0 <= wanted < task.channels:
        raise OptionError(f"Task {task.name!r} has classes 0 to {task.channels - 1}; got {wanted}.")
    return np.full(count, wanted)
