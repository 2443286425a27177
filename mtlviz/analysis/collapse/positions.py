"""The order in which the positions of a grid are summed class by class."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class ClassOrder:
    """The labelled positions of a batch, sorted by class and then by image.

    Attributes:
        images: B, of the batch.
        rows: ``(M,)`` positions, numbered over the whole batch.
        keys: ``(M,)`` class * B + image of each of them.
        lengths: how many there are of every class.
        counts: ``(C, B)`` how many there are of every class in every image, float64 on the CPU.
    """

    images: int
    rows: Int[Tensor, " M"]
    keys: Int[Tensor, " M"]
    lengths: tuple[int, ...]
    counts: Float[Tensor, "C B"]


def class_order(labels: Int[Tensor, "B n"], classes: int) -> ClassOrder:
    """The order of a batch's positions.

    Args:
        labels: class of every position, ``IGNORE`` where there is none.
        classes: C.
    """
    images, per_image = labels.shape
    flat = labels.flatten().to(torch.uint8).cpu().numpy()
    rows = np.argsort(flat, kind="stable")[: int((flat < classes).sum())]  # 20 times faster than torch on bytes
    keys = flat[rows].astype(np.int64) * images + rows // per_image
    counts = np.bincount(keys, minlength=classes * images).reshape(classes, images)
    return ClassOrder(
        images,
        torch.from_numpy(rows).to(labels.device),
        torch.from_numpy(keys).to(labels.device),
        tuple(counts.sum(1).tolist()),
        torch.from_numpy(counts.astype(float)),
    )


def rows_of(features: Float[Tensor, "B E h w"]) -> Float[Tensor, "N E"]:
    """One row a position, image by image and row by row."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
