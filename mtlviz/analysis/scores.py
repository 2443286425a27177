"""How good is one image's prediction? The field's metrics on the pixels of a single image."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtlviz.data.sample import Sample, valid_pixels
from mtlviz.metrics import ClassOptions, build_meter
from mtlviz.predictions import Prediction
from mtlviz.tasks import Task


@dataclass(frozen=True)
class Score:
    """One task's metrics on one image.

    Attributes:
        task: what was predicted.
        values: metrics by name; ``task.metric`` is among them.
        pixels: n, the pixels with a label.
        protocol: one line that says exactly what the numbers are.
    """

    task: Task
    values: dict[str, float]
    pixels: int
    protocol: str

    @property
    def headline(self) -> float:
        """The value of ``task.metric``."""
        return self.values[self.task.metric]


def image_score(prediction: Prediction, sample: Sample) -> Score:
    """Metrics of what is shown, at the image's own resolution, by the same meters as whole sets.

    Classes that are in neither labels nor prediction leave the mean IoU, where a whole set counts them as 0.

    Args:
        prediction: of the sample's image.
        sample: with a label of the task.

    Raises:
        KeyError: if the sample has no such label.
    """
    task, valid = prediction.task, valid_pixels(sample, prediction.task)
    meter = build_meter(task, ClassOptions(absent="nan") if task.kind == "classes" else None)
    label = torch.from_numpy(np.atleast_3d(sample.labels[task.name])).movedim(-1, 0)[None]
    meter.update(_as_output(prediction), label, torch.from_numpy(valid)[None])
    return Score(task, meter.compute(), int(valid.sum()), f"{meter.protocol}; this image alone")


def _as_output(prediction: Prediction) -> Tensor:
    """A prediction in the form a network gives it, ``(1, C, H, W)``."""
    values = torch.from_numpy(prediction.values)
    if prediction.task.kind == "classes":
        return torch.nn.functional.one_hot(values.long(), prediction.task.channels).movedim(-1, 0)[None].float()
    if prediction.task.kind == "normals":
        return values.movedim(-1, 0)[None]
    if prediction.task.kind == "binary":
        return torch.logit(values, eps=1e-6)[None, None]
    return values[None, None]
