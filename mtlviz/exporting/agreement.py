"""Does an exported file say what the network says, and what does the difference cost in the field's metrics?"""

import math
from collections import Counter
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

NUDGE, NUDGES = 1e-6, 8
"""Deviation of noise on a normalised image that stands for rounding, and how often it is drawn."""
LEEWAY = 2.0
"""How much farther than its network under such noise a file may be off, where the network itself jumps."""

Forward = Callable[[Float[Tensor, "B 3 H W"]], dict[str, Tensor]]
"""A normalised image to what every task predicts."""


@dataclass(frozen=True)
class TaskAgreement:
    """One task of two networks on the same images.

    Attributes:
        difference: the largest over the images of max |a - b| / max |a|.
        jumps: images on which it is beyond the tolerance because the network itself jumps there; see ``compared``.
        agrees: whether it is within the tolerance on all others; None where that was not asked for.
        metric: name of the headline metric.
        original: its value.
        exported: that of the exported file.
        gain: relative change in percent, positive where the exported file is better; None where the original's value
            is 0 or not known.
        protocol: one line that says exactly what the metric is.
    """

    difference: float
    jumps: int
    agrees: bool | None
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
    *,
    exact: bool = True,
) -> dict[str, TaskAgreement]:
    """Both networks on the same images.

    Where top-K picks between tokens that are nearly alike, no two orders of rounding give the same picks, and a
    prediction jumps. Beyond the tolerance a file therefore agrees on an image only if the network's own prediction
    moves half as far when noise of a millionth is added to its input.

    Args:
        original: what was exported.
        exported: the file that came of it.
        images: labelled samples, each with what the networks receive.
        tasks: of both.
        exact: whether the file is meant to agree; one in 8 bits is not.
    """
    meters = {side: {task.name: build_meter(task) for task in tasks} for side in ("original", "exported")}
    worst = {task.name: 0.0 for task in tasks}
    jumps, wrong = Counter[str](), set[str]()
    for sample, image in images:
        outputs = {"original": original(image), "exported": exported(image)}
        differences = differences_of(outputs["original"], outputs["exported"], tasks)
        beyond = [name for name, difference in differences.items() if exact and not difference <= TOLERANCE]
        own = own_differences(original, image, tasks) if beyond else {}
        excused = {name for name in beyond if differences[name] <= LEEWAY * own[name] < math.inf}
        jumps.update(excused)
        wrong.update(set(beyond) - excused)
        for task in tasks:
            worst[task.name] = max(worst[task.name], differences[task.name])
            for side, output in outputs.items():
                _update(meters[side][task.name], output[task.name], sample, task)
    found = {}
    for task in tasks:
        meter = meters["original"][task.name]
        before, after = (meters[side][task.name].compute()[meter.headline] for side in ("original", "exported"))
        found[task.name] = TaskAgreement(
            worst[task.name], jumps[task.name], task.name not in wrong if exact else None, meter.headline, before,
            after, _gain(task, before, after), meter.protocol,
        )  # fmt: skip
    return found


def differences_of(
    original: Mapping[str, Tensor], exported: Mapping[str, Tensor], tasks: Sequence[Task]
) -> dict[str, float]:
    """``relative_difference`` of every task."""
    return {task.name: relative_difference(original[task.name], exported[task.name]) for task in tasks}


def own_differences(network: Forward, image: Float[Tensor, "B 3 H W"], tasks: Sequence[Task]) -> dict[str, float]:
    """By task how far a network's predictions move, at the most, when its input changes by rounding."""
    noise = torch.Generator().manual_seed(0)
    before = network(image)
    moved = [
        differences_of(before, network(image + NUDGE * torch.randn(image.shape, generator=noise)), tasks)
        for _ in range(NUDGES)
    ]
    return {task.name: max(one[task.name] for one in moved) for task in tasks}


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
