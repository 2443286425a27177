"""One image with whatever is known about it; validity lives in masks, never in sentinel values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int32, UInt8

from mtlviz.tasks import IGNORE, Task


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole camera in pixels of the image it belongs to; pixel centres lie at integer + 0.5.

    A pixel (row, column) looks along ((column + .5 - cx) / fx, -(row + .5 - cy) / fy, -1): x right, y up,
    z towards the camera, as the normals.
    """

    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True)
class Sample:
    """An image and its labels.

    Attributes:
        image: ``(H, W, 3)`` uint8 sRGB.
        name: what a person calls it, e.g. ``"room 1000003"``.
        labels: by task name, all ``(H, W)`` except normals ``(H, W, 3)``: ``semseg``/``human_parts`` uint8 with
            255 = no label, ``depth`` float32 metres along the optical axis, ``normals`` float32 unit vectors in
            the camera frame (x right, y up, z towards the camera), ``edge``/``saliency`` uint8 0 or 1.
        valid: by task name, ``(H, W)`` bool: pixels that may enter a loss or a metric. A task in ``labels``
            without an entry here is valid everywhere (``semseg``/``human_parts``: where not 255).
        instances: ``(H, W)`` int32 object ids, 0 = none, or None.
        intrinsics: the camera, or None where unknown.
    """

    image: UInt8[np.ndarray, "H W 3"]
    name: str
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    valid: Mapping[str, Bool[np.ndarray, "H W"]] = field(default_factory=dict)
    instances: Int32[np.ndarray, "H W"] | None = None
    intrinsics: Intrinsics | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.image.shape[0], self.image.shape[1]


def valid_pixels(sample: Sample, task: Task) -> Bool[np.ndarray, "H W"]:
    """Pixels of a labelled sample whose label of ``task`` counts."""
    label = sample.labels[task.name]
    valid = sample.valid.get(task.name, np.ones(label.shape[:2], bool))
    return valid & (label != IGNORE) if task.kind == "classes" else valid
