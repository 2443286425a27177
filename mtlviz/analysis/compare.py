"""Where do two predictions of one task differ, and which is nearer to the truth?

A difference is always A minus B. A label is a prediction too: a prediction minus the truth is its error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from mtlviz.tasks import IGNORE, Task


@dataclass(frozen=True)
class Difference:
    """Two predictions of one task, pixel by pixel.

    Attributes:
        task: what is predicted.
        values: ``(H, W)`` float32. Classes: 1 where the labels differ, else 0. Depth: A - B in metres.
            Normals: the angle between them in degrees, 0 to 180. Binary: A - B in probability. NaN where not
            ``compared``.
        relative: ``(H, W)`` float32, (A - B) / B for depth, None for the other kinds.
        compared: ``(H, W)`` bool, the pixels that enter the numbers.
    """

    task: Task
    values: Float32[np.ndarray, "H W"]
    relative: Float32[np.ndarray, "H W"] | None
    compared: Bool[np.ndarray, "H W"]

    @property
    def pixels(self) -> int:
        """n, the number of pixels compared."""
        return int(self.compared.sum())

    @property
    def mean(self) -> float:
        """Mean size of the difference: a share of pixels, metres, degrees or probability; NaN for n = 0."""
        return _mean(np.abs(self.values[self.compared]))

    @property
    def bias(self) -> float:
        """Mean of the signed difference; equal to ``mean`` where differences have no sign."""
        return _mean(self.values[self.compared])

    @property
    def mean_relative(self) -> float:
        """Mean size of the relative difference; NaN where the kind has none."""
        return float("nan") if self.relative is None else _mean(np.abs(self.relative[self.compared]))

    @property
    def signed(self) -> bool:
        """Whether the difference has a direction, so that its colours diverge from 0."""
        return self.task.kind in ("depth", "binary")


@dataclass(frozen=True)
class RegionError:
    """Mean errors of two predictions on the pixels of one class.

    Attributes:
        name: of the class.
        pixels: n.
        first: mean error of A, in the unit of ``Difference.mean``.
        second: the same for B.
    """

    name: str
    pixels: int
    first: float
    second: float


def difference(
    task: Task, first: np.ndarray, second: np.ndarray, valid: Bool[np.ndarray, "H W"] | None = None
) -> Difference:
    """A minus B, exactly 0 where they are equal.

    Args:
        task: what both predict.
        first: A, values as in ``Prediction`` or as a label.
        second: B, of the same shape.
        valid: pixels to compare; None compares all. Pixels without a class are never compared.

    Raises:
        ValueError: if the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"{task.name} has shapes {first.shape} and {second.shape}; they must be equal")
    compared = np.ones(first.shape[:2], bool) if valid is None else valid.copy()
    relative = None
    if task.kind == "classes":
        compared &= (first != IGNORE) & (second != IGNORE)
        values = (first != second).astype(np.float32)
    elif task.kind == "normals":
        values = angles(first, second)
    else:
        values = first.astype(np.float32) - second.astype(np.float32)
        if task.kind == "depth":
            relative = np.where(compared, values / np.maximum(second, 1e-6), np.nan).astype(np.float32)
    values = np.where(compared, values, np.float32(np.nan)).astype(np.float32)
    return Difference(task, values, relative, compared)


def angles(first: Float32[np.ndarray, "H W 3"], second: Float32[np.ndarray, "H W 3"]) -> Float32[np.ndarray, "H W"]:
    """Degrees between vectors, 0 to 180; between equal ones exactly 0, which an arc cosine would miss."""
    a, b = np.moveaxis(first.astype(np.float64), -1, 0), np.moveaxis(second.astype(np.float64), -1, 0)
    cross = np.sqrt(sum((a[i] * b[j] - a[j] * b[i]) ** 2 for i, j in ((1, 2), (2, 0), (0, 1))))
    degrees: Float32[np.ndarray, "H W"] = np.degrees(np.arctan2(cross, (a * b).sum(0))).astype(np.float32)
    return degrees


def symmetric_range(values: Float32[np.ndarray, "H W"], percentile: float = 99.5) -> float:
    """Half-width of a colour range centred at 0, not set by single pixels; 0 if all values are.

    Args:
        values: differences; NaN is left out.
        percentile: of the sizes; larger ones saturate.
    """
    sizes = np.abs(values[np.isfinite(values)])
    if not sizes.size or not sizes.max() > 0:
        return 0.0
    return float(np.percentile(sizes, percentile)) or float(sizes.max())


def region_errors(
    task: Task,
    first: np.ndarray,
    second: np.ndarray,
    truth: np.ndarray,
    regions: UInt8[np.ndarray, "H W"],
    names: Sequence[str],
    valid: Bool[np.ndarray, "H W"] | None = None,
) -> tuple[RegionError, ...]:
    """Mean errors of A and B on the pixels of each true class, most frequent class first.

    Args:
        task: what A and B predict.
        first: A.
        second: B.
        truth: the task's label.
        regions: class of every pixel, 255 = none.
        names: of the classes.
        valid: pixels whose truth is known; None takes all.
    """
    of_first, of_second = (difference(task, one, truth, valid) for one in (first, second))
    found = []
    for label, name in enumerate(names):
        inside = (regions == label) & of_first.compared
        if inside.any():
            errors = (_mean(np.abs(one.values[inside])) for one in (of_first, of_second))
            found.append(RegionError(name, int(inside.sum()), *errors))
    return tuple(sorted(found, key=lambda region: -region.pixels))


def _mean(values: Float32[np.ndarray, " n"]) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else float("nan")
