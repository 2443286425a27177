"""Which ground truth of an image speaks of the same things as a model, so that the two may be compared."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from mtlviz.data.sample import Sample
from mtlviz.tasks import TASKS, Task


def same_labels(task: Task, other: Task) -> bool:
    """Whether a label of one task means the same in the other: name, kind, classes and unit."""
    return _meaning(task) == _meaning(other)


def _meaning(task: Task) -> tuple[object, ...]:
    return task.name, task.kind, task.class_names, task.unit


def not_scored(tasks: Sequence[Task], models: Mapping[str, Sequence[Task]]) -> dict[str, str]:
    """Tasks whose ground truth no score may use, with a phrase that says why.

    A task is scored if it means the same in every model that has it. One that no model has must be one of the
    built-in tasks, since the maps of features and tokens look at the classes of those.

    Args:
        tasks: of the ground truth.
        models: their tasks, by the name of each model that is looked at.

    Returns:
        A phrase by task name, in the order of ``tasks``.
    """
    found = {task.name: _why_not(task, models) for task in tasks}
    return {name: why for name, why in found.items() if why}


def _why_not(task: Task, models: Mapping[str, Sequence[Task]]) -> str:
    having = {model: own for model, tasks in models.items() for own in tasks if own.name == task.name}
    if not having:
        return "" if same_labels(task, TASKS.get(task.name, task)) and task.name in TASKS else "no chosen model has it"
    other = next((model for model, own in having.items() if not same_labels(task, own)), None)
    if other is None:
        return ""
    if task.kind == having[other].kind == "classes":
        return f"its {task.channels} classes are not the {having[other].channels} of {other}"
    return f"it is in {task.unit or 'no unit'}, that of {other} in {having[other].unit or 'no unit'}"


def without(sample: Sample, tasks: Collection[str]) -> Sample:
    """A sample that lacks the labels of these tasks; the same one where it has none of them."""
    if not set(tasks) & set(sample.labels):
        return sample
    return replace(
        sample,
        labels={task: label for task, label in sample.labels.items() if task not in tasks},
        valid={task: mask for task, mask in sample.valid.items() if task not in tasks},
    )
