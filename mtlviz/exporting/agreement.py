"""Does an exported file say what the network says, and what does the difference cost in the field's metrics?"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mtlviz.data.sample import Sample, valid_pixels
from mtlviz.metrics import Meter, build_meter, delta_m
from mtlviz.tasks import Task

TOLERANCE = 1e-4
"""Largest difference between a file and its network, over the largest value of a task's output."""

Forward = Callable[[Float[Tensor, "B 3 H W"]], dict[str, Tensor]]
"""A normalised image to what every task predicts."""


@dataclass(frozen=True)
class TaskAgreement:
    """One task of two networks on the same images.

    Attributes:
        difference: the largest over the images of max |a - b| / max |a|.
        metric: name of the headline metric.
        original: its value.
        exported: that of the exported file.
        gain: relative change in percent, positive where the exported file is better; None where the original's value
            is 0 or not known.
        protocol: one line that says exactly what the metric is.
    """

    difference: float
    metric: str
    original: float
    exported: float
    gain: float | None
    protocol: str


def compared(
    original: Forward,
    exported: Forward,
    images: Iterable[tuple[Sample, Float[Tensor, "1 3 H W"]]],
    tasks: Sequence[Task],
) -> dict[str, TaskAgreement]:
    """Both networks on the same images.

    Args:
        original: what was exported.
        exported: the file that came of it.
        images: labelled samples, each with what the networks receive.
        tasks: of both.
    """
    meters = {side: {task.name: build_meter(task) for task in tasks} for side in ("original", "exported")}
    worst = {task.name: 0.0 for task in tasks}
    for sample, image in images:
        outputs = {"original": original(image), "exported": exported(image)}
        for task in tasks:
            ours, theirs = outputs["original"][task.name], outputs["exported"][task.name]
            worst[task.name] = max(worst[task.name], relative_difference(ours, theirs))
            for side, output in outputs.items():
                _update(meters[side][task.name], output[task.name], sample, task)
    found = {}
    for task in tasks:
        meter = meters["original"][task.name]
        before, after = (meters[side][task.name].compute()[meter.headline] for side in ("original", "exported"))
        found[task.name] = TaskAgreement(
            worst[task.name], meter.headline, before, after, _gain(task, before, after), meter.protocol
        )
    return found


def relative_difference(original: Tensor, exported: Tensor) -> float:
    """The largest difference over the largest value; infinite where a value is not finite or the shapes differ."""
    if original.shape != exported.shape or not bool(original.isfinite().all() and exported.isfinite().all()):
        return math.inf
    largest = float(original.abs().max())
    difference = float((original - exported).abs().max())
    return difference / largest if largest else (math.inf if difference else 0.0)


def mean_gain(found: Mapping[str, TaskAgreement]) -> float | None:
    """Delta_m of the exported file against the original, in percent; None where a task has no relative change."""
    if any(task.gain is None for task in found.values()):
        return None
    return delta_m(
        {name: task.exported for name, task in found.items()}, {name: task.original for name, task in found.items()}
    )


def _gain(task: Task, original: float, exported: float) -> float | None:
    if not (math.isfinite(original) and math.isfinite(exported)) or original == 0:
        return None
    return delta_m({task.name: exported}, {task.name: original}, {task.name: not task.higher_is_better})


def _update(meter: Meter, output: Tensor, sample: Sample, task: Task) -> None:
    label = torch.from_numpy(np.atleast_3d(sample.labels[task.name])).movedim(-1, 0)[None]
    meter.update(output.float(), label, torch.from_numpy(valid_pixels(sample, task))[None])
