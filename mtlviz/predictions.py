"""What a network says about an image, in the task's own quantity and at the image's own resolution."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional

from mtlviz.data.letterbox import Letterbox
from mtlviz.tasks import Task


@dataclass(frozen=True)
class Prediction:
    """One task at source resolution.

    Attributes:
        task: what is predicted.
        values: classes ``(H, W)`` uint8 labels; depth ``(H, W)`` float32 metres; normals ``(H, W, 3)`` float32
            unit vectors; binary ``(H, W)`` float32 probability.
        certainty: ``(H, W)`` float32 largest softmax probability for classes, None for the other kinds.
    """

    task: Task
    values: np.ndarray
    certainty: Float[np.ndarray, "H W"] | None = None


def predict_at_source(task: Task, output: Float[np.ndarray, "C h w"], letterbox: Letterbox) -> Prediction:
    """Undo the letterbox and bring a network's output to the source's resolution, bilinearly.

    Class probabilities (not logits) are interpolated, one class at a time, so that a large photograph needs
    memory for a few maps and not for one a class.

    Args:
        task: the task.
        output: logits, metres or unit vectors at model resolution, as the network gives them.
        letterbox: how the source was fitted into the model's input.
    """
    inner = torch.from_numpy(np.ascontiguousarray(letterbox.crop(output)))
    if task.kind == "classes":
        return _classes(task, inner.softmax(0), letterbox.source)
    if task.kind == "binary":
        return Prediction(task, _resize(inner.sigmoid(), letterbox.source)[0].numpy())
    full = _resize(inner, letterbox.source)
    if task.kind == "normals":
        return Prediction(task, functional.normalize(full, dim=0).permute(1, 2, 0).contiguous().numpy())
    return Prediction(task, full[0].numpy())


def _classes(task: Task, probabilities: torch.Tensor, size: tuple[int, int]) -> Prediction:
    best = torch.full(size, -1.0)
    labels = torch.zeros(size, dtype=torch.uint8)
    for label, probability in enumerate(probabilities):
        full = _resize(probability[None], size)[0]
        better = full > best
        labels[better] = label
        best = torch.where(better, full, best)
    return Prediction(task, labels.numpy(), best.numpy())


def _resize(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    if maps.shape[-2:] == size:
        return maps.clone()
    return functional.interpolate(maps[None], size, mode="bilinear")[0]
