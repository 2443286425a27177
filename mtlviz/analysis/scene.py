"""What does a network say is in the image? Shares of classes, depths and directions, as numbers and as a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from mtlviz.predictions import Prediction
from mtlviz.tasks import IGNORE, Task


@dataclass(frozen=True)
class ClassShare:
    """One class and the share of the labelled pixels that has it."""

    label: int
    name: str
    share: float


def class_shares(task: Task, labels: UInt8[np.ndarray, "H W"]) -> list[ClassShare]:
    """The classes that are present, largest first; pixels without a label do not count."""
    known = labels[labels != IGNORE]
    counts = np.bincount(known, minlength=task.channels)
    order = [int(label) for label in np.argsort(-counts, kind="stable") if counts[label]]
    return [ClassShare(label, task.class_names[label], counts[label] / len(known)) for label in order]


def facing_shares(normals: Float[np.ndarray, "H W 3"]) -> dict[str, float]:
    """Shares of the pixels whose surface faces up, down, or neither, within 30 degrees, in camera axes."""
    limit = np.cos(np.deg2rad(30))
    up, down = float((normals[..., 1] > limit).mean()), float((normals[..., 1] < -limit).mean())
    return {"up": up, "down": down, "otherwise": 1 - up - down}


def describe(predictions: Mapping[str, Prediction]) -> str:
    """The numbers of one model's predictions as a list in words, in Markdown.

    Args:
        predictions: by task name.
    """
    parts = [said for prediction in predictions.values() if (said := _part(prediction))]
    return "; ".join(parts)


def _part(prediction: Prediction) -> str:
    task, values = prediction.task, prediction.values
    if task.name == "semseg":
        shares = class_shares(task, values)[:3]
        return _listed([f"**{share.share:.0%}** {share.name}" for share in shares])
    if task.kind == "depth":
        low, high = np.percentile(values, (2, 98))
        return f"depth from **{low:.1f}** to **{high:.1f} m** on 96% of the pixels (mean **{values.mean():.1f} m**)"
    if task.kind == "normals":
        return f"**{facing_shares(values)['up']:.0%}** of the pixels facing up"
    if task.kind == "binary":  # the mean probability is the share to expect
        return f"{task.title.lower()} on about **{values.mean():.0%}** of the pixels"
    return ""


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
