"""What a model can be scored on: the tasks that it and a data set define alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from mtlviz.checkpoints import ModelCard
from mtlviz.data.sets import DataSet, open_data
from mtlviz.data.sets.room_set import RoomSet
from mtlviz.errors import DataError
from mtlviz.tasks import Task
from mtlviz.training.config import TrainConfig
from mtlviz.training.data import First, Samples
from mtlviz.training.options import DataConfig

Fit = Literal["resize", "pad"]


@dataclass(frozen=True)
class Scorable:
    """Images to score a model on.

    Attributes:
        samples: with the labels of ``tasks``, at their own size.
        tasks: the model's tasks that can be scored.
        left_out: a sentence for each of the model's tasks that cannot, and one on labels that it does not predict.
        title: of the data set.
        variant: its form.
        split: of the data set.
        one_size: whether all images are of one size, which is known of rooms alone.
    """

    samples: Samples
    tasks: tuple[Task, ...]
    left_out: tuple[str, ...]
    title: str
    variant: str
    split: str
    one_size: bool


def scorable(path: Path, split: str, limit: int | None, card: ModelCard) -> Scorable:
    """The images of a data set with the labels that a model can be scored on; no other label is read.

    Args:
        path: of any data set that ``open_data`` recognises.
        split: of it.
        limit: number of images; None takes all.
        card: of the model.

    Raises:
        DataError: if there is no such data set, it has too few images, or none of the model's tasks.
    """
    found = open_data(path, split)
    tasks, left_out = shared_tasks(card, found)
    if not tasks:
        raise DataError(
            f"Nothing in {found.title} ({found.variant}) can score {card.name!r}: "
            f"{'; '.join(_reasons(card, found).values())}."
        )
    chosen: Samples = found.only([task.name for task in tasks])
    samples = chosen if limit is None else First(chosen, limit)
    return Scorable(samples, tasks, left_out, found.title, found.variant, found.split, isinstance(found, RoomSet))


def shared_tasks(card: ModelCard, found: DataSet) -> tuple[tuple[Task, ...], tuple[str, ...]]:
    """The model's tasks that a data set labels with the same classes or in the same unit, and why others are not."""
    reasons = _reasons(card, found)
    left_out = [f"{name} is left out: {reason}." for name, reason in reasons.items()]
    ours = {task.name for task in card.tasks}
    more = [task.name for task in found.tasks if task.name not in ours]
    if more:
        left_out.append(f"{card.name} does not predict {', '.join(more)}, which {found.title} has labels of.")
    return tuple(task for task in card.tasks if task.name not in reasons), tuple(left_out)


def _reasons(card: ModelCard, found: DataSet) -> dict[str, str]:
    """By name of the model's tasks that cannot be scored the reason, as a phrase."""
    theirs = {task.name: task for task in found.tasks}
    said = {task.name: _difference(task, theirs.get(task.name), card.name, found.title) for task in card.tasks}
    return {name: reason for name, reason in said.items() if reason}


def _difference(ours: Task, theirs: Task | None, model: str, title: str) -> str:
    """What two tasks of one name do not share, as a phrase; empty if nothing."""
    if theirs is None:
        return f"{title} has no labels of {ours.name}"
    if ours.kind != theirs.kind:
        return f"it is of kind {ours.kind} for {model} and of kind {theirs.kind} in {title}"
    if ours.kind == "classes" and ours.class_names != theirs.class_names:
        if sorted(ours.class_names) == sorted(theirs.class_names):
            return f"{title} has the classes of {model} in another order"
        return f"{model} has {_named(ours.class_names)}, {title} has {_named(theirs.class_names)}"
    if ours.kind == "depth" and ours.unit != theirs.unit:
        return f"it is in {ours.unit or 'no unit'} for {model} and in {theirs.unit or 'no unit'} in {title}"
    return ""


def _named(classes: Sequence[str]) -> str:
    shown = ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
    return f"{len(classes)} classes ({shown})"


def usual_fit(card: ModelCard) -> Fit:
    """How images to score a model on get its size: as in its own training, resized where that is not known."""
    try:
        data = DataConfig.model_validate(card.training.get("data", {}))
    except ValidationError:  # the card of a model that was not trained here
        return "resize"
    return TrainConfig.model_construct(data=data, protocol=card.training.get("protocol")).fitting
