"""From what a file stores to a label with a mask: no sentinel survives these functions.

What does not count is named by a mask, and holds 255 in label maps and 0 elsewhere, so that nothing downstream can
take a sentinel for a measurement. A problem is a ``ValueError`` whose text goes on from the file's name.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Num

from mtlviz.data.resampling import nearest
from mtlviz.data.sets.files import wrong_size
from mtlviz.tasks import IGNORE, Task

Axes = tuple[int, int, int]
"""Signs that take stored normals to x right, y up, z towards the camera."""

RIGHT_DOWN_TOWARDS: Axes = (1, -1, 1)
"""Normals of the NYU family are stored with y down: their loaders turn (nx, ny) about the optical axis in the sense
that is only right for y down, and 2D-3D-S, which says that it colours normals as NYU does, has green downwards."""

_LEAST_NORM = 1e-3
_QUANTISED_NORM = 0.5
_UNIT_NORMS = (0.9, 1.1)


class Label(NamedTuple):
    """Labels of one task of one image.

    Attributes:
        values: as in ``Sample.labels``.
        valid: ``(H, W)``, True where the label counts.
        remarks: what is odd about the file although it can be used, as phrases that go on from its name.
    """

    values: np.ndarray
    valid: Bool[np.ndarray, "H W"]
    remarks: tuple[str, ...] = ()


def flat(raw: np.ndarray) -> Num[np.ndarray, "H W"]:
    """A map without the channel axis of length 1 that some files have.

    Raises:
        ValueError: if it is no map.
    """
    squeezed = raw[..., 0] if raw.ndim == 3 and raw.shape[2] == 1 else raw
    if squeezed.ndim != 2 or 0 in squeezed.shape:
        raise ValueError(f"has shape {raw.shape}; one value a pixel is expected")
    return squeezed.astype(np.uint8) if squeezed.dtype == bool else squeezed


def class_label(raw: np.ndarray, table: Mapping[int, int]) -> Label:
    """Class labels, uint8 with 255 where there is none.

    Args:
        raw: ``(H, W)`` or ``(H, W, 1)`` whole numbers, of integer or float type.
        table: label by stored number; 255 for numbers that mean "no label".

    Raises:
        ValueError: if a number is not whole or not in the table.
    """
    stored = flat(raw)
    if stored.dtype.kind == "f":
        if not np.isfinite(stored).all() or (stored != np.rint(stored)).any():
            raise ValueError("holds labels that are not whole numbers")
        if np.abs(stored).max() > np.iinfo(np.int32).max:
            raise ValueError(f"holds the label {np.abs(stored).max():g}; {_spoken(table)} are allowed")
    stored = stored.astype(np.int64)
    low, high = min(table), max(table)
    known = np.full(high - low + 1, -1, np.int16)
    known[[number - low for number in table]] = list(table.values())
    inside = (stored >= low) & (stored <= high)
    labels = np.where(inside, known[np.clip(stored - low, 0, high - low)], -1)
    strange = np.unique(stored[labels < 0])
    if strange.size:
        named = ", ".join(str(number) for number in strange[:4]) + (" and more" if strange.size > 4 else "")
        raise ValueError(f"holds the labels {named}; {_spoken(table)} are allowed")
    values = labels.astype(np.uint8)
    return Label(values, values != IGNORE)


def class_table(count: int, first: int = 0, ignored: Collection[int] = (IGNORE,)) -> dict[int, int]:
    """Table for ``class_label``: ``count`` classes stored from ``first`` on; the ignored numbers win."""
    return {first + label: label for label in range(count)} | dict.fromkeys(ignored, IGNORE)


def _spoken(table: Mapping[int, int]) -> str:
    numbers = sorted(table)
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " and ".join(str(low) if low == high else f"{low} to {high}" for low, high in runs)


def depth_label(
    raw: np.ndarray,
    scale: float = 1.0,
    ignored: Collection[float] = (),
    limits: tuple[float | None, float | None] = (None, None),
) -> Label:
    """Depth or disparity, float32; 0, negative, infinite and NaN values do not count.

    Args:
        raw: ``(H, W)`` or ``(H, W, 1)``.
        scale: what one stored unit is worth.
        ignored: stored numbers that mean "not measured".
        limits: smallest and largest value, scaled, that counts; None for no limit.
    """
    stored = flat(raw)
    values = stored.astype(np.float64) * scale
    with np.errstate(over="ignore"):
        kept = values.astype(np.float32)
    finite = np.isfinite(kept)
    valid = finite & (kept > 0) & ~np.isin(stored, list(ignored))
    values = np.where(valid, values, 0)
    low, high = limits
    valid &= (values >= (-np.inf if low is None else low)) & (values <= (np.inf if high is None else high))
    remarks = _counted("that are not finite", ~finite & ~np.isin(stored, list(ignored)))
    remarks += _counted("below 0", finite & (stored < 0) & ~np.isin(stored, list(ignored)))
    return Label(np.where(valid, kept, np.float32(0)), valid, remarks)


def _counted(what: str, where: Bool[np.ndarray, "H W"]) -> tuple[str, ...]:
    count = int(where.sum())
    return (f"holds {count:,} values {what}; they are masked",) if count else ()


def normals_label(raw: np.ndarray, axes: Axes = (1, 1, 1), least_norm: float | None = None) -> Label:
    """Unit normals, float32, x right, y up, z towards the camera.

    Whole numbers v of 8 bits mean 2 v / 255 - 1. Such a file cannot store a zero vector (127 and 128 are
    -0.004 and 0.004), so shorter than 0.5 counts as none there, and shorter than 0.001 in floats.

    Args:
        raw: ``(H, W, 3)``.
        axes: signs from the stored axes to ours.
        least_norm: length below which a vector means "no normal", instead of the above.

    Raises:
        ValueError: if the shape or the type is another.
    """
    if raw.ndim != 3 or raw.shape[2] != 3 or 0 in raw.shape:
        raise ValueError(f"has shape {raw.shape}; (height, width, 3) is expected")
    quantised = raw.dtype == np.uint8
    if not quantised and raw.dtype.kind != "f":
        raise ValueError(f"holds {raw.dtype}; normals are floats in [-1, 1] or 8-bit colours")
    vectors = raw.astype(np.float64) * (2 / 255) - 1 if quantised else raw.astype(np.float64)
    finite = np.asarray(np.isfinite(vectors).all(2))
    vectors = np.where(finite[..., None], vectors, 0)
    norm = np.sqrt(np.einsum("hwc,hwc->hw", vectors, vectors))
    if least_norm is None:
        least_norm = _QUANTISED_NORM if quantised else _LEAST_NORM
    valid = norm >= least_norm
    unit = np.where(valid[..., None], vectors / np.where(valid, norm, 1)[..., None], 0) * np.array(axes)
    remarks = _counted("that are not finite", ~finite)
    low, high = _UNIT_NORMS
    remarks += _odd_norms(norm[valid & ((norm < low) | (norm > high))])
    return Label((unit + 0.0).astype(np.float32), valid, remarks)  # + 0.0 turns -0 into 0


def _odd_norms(norms: Num[np.ndarray, " N"]) -> tuple[str, ...]:
    if not norms.size:
        return ()
    return (f"holds {norms.size:,} normals of length {norms.min():.2f} to {norms.max():.2f}; they are made unit",)


def binary_label(raw: np.ndarray, threshold: float, ignored: Collection[float] = ()) -> Label:
    """0 or 1, uint8: 1 where a value exceeds the threshold; NaN does not count."""
    stored = flat(raw)
    finite = np.isfinite(stored)
    valid = finite & ~np.isin(stored, list(ignored))
    return Label(((stored > threshold) & valid).astype(np.uint8), valid, _counted("that are not finite", ~finite))


def no_label(task: Task, size: tuple[int, int]) -> Label:
    """The label of an image that has none: nothing counts."""
    if task.kind == "classes":
        return Label(np.full(size, IGNORE, np.uint8), np.zeros(size, bool))
    shape, kind = ((*size, 3), np.float32) if task.kind == "normals" else (size, np.float32)
    return Label(np.zeros(shape, np.uint8 if task.kind == "binary" else kind), np.zeros(size, bool))


def resized(label: Label, size: tuple[int, int]) -> Label:
    """A label at another size, nearest pixel for every task, so that no mask and no sentinel is smeared.

    Raises:
        ValueError: if it lies on its side beside the image, as the EXIF orientation of a photograph can have it.
    """
    if label.valid.shape == size:
        return label
    if label.valid.shape == size[::-1]:
        raise ValueError(f"{wrong_size(size[::-1], size)}; turn the label as the image's EXIF orientation says")
    remark = "is {}x{} for an image of {}x{}; it is resized to the nearest pixel".format(*label.valid.shape, *size)
    return Label(nearest(label.values, size), nearest(label.valid, size), (*label.remarks, remark))
