"""Ground truth that a person uploads beside an image of their own: checked, then read, or refused in one sentence.

Only the task and the size of the image decide how a file is read; its name is a title and nothing else. What is
allowed: files of at most 64 MB (PNG 20 MB) whose size is that of the image, told from their header before any value
is decoded, and

* classes: PNG of 8 bits, grey or indexed, of class numbers; 255 is no label;
* binary: PNG of 8 bits or 1 bit, of 0 and 1; 255 is no label;
* depth: PNG of 16 bits in millimetres, or ``.npy`` of floats in metres; 0 and NaN are not measured;
* normals: PNG of 8 bits with n = 2 v / 255 - 1, or ``.npy`` of unit vectors, x right, y up, z towards the camera.
"""

import io

import numpy as np

from mtlviz.data.images import MAX_BYTES, display_name
from mtlviz.data.sets.files import npy_header, npy_values, png_values, wrong_size
from mtlviz.data.sets.labels import Label, binary_label, class_label, class_table, depth_label, flat, normals_label
from mtlviz.errors import DataError
from mtlviz.tasks import IGNORE, Task

MAX_TRUTH_BYTES = 64 * 2**20
MAX_METRES = 1000.0
"""Larger depths are taken for another unit."""
LEAST_UNIT = 0.99
"""Share of the vectors that must be of length 0.9 to 1.1."""

_PNG, _NPY = b"\x89PNG\r\n\x1a\n", b"\x93NUMPY"
_UNIT = (0.9, 1.1)
Size = tuple[int, int]


def expected(task: Task) -> str:
    """What a file of ground truth must be, one sentence in Markdown."""
    if task.kind == "classes":
        return (
            f"PNG of 8 bits, grey or indexed, that holds class numbers 0 to {task.channels - 1} in the order of the "
            f"model's classes; {IGNORE} is no label."
        )
    if task.kind == "binary":
        return f"PNG of 8 bits or 1 bit that holds 0 and 1; {IGNORE} is no label."
    if task.kind == "normals":
        return (
            "`.npy` of unit vectors, (height, width, 3), or PNG of 8 bits with n = 2 v / 255 - 1; x right, y up, "
            "z towards the camera; the zero vector is no label."
        )
    if task.unit != "m":
        return f"`.npy` of floats, (height, width), in {task.unit}; 0 and NaN are not measured."
    return "PNG of 16 bits in millimetres, or `.npy` of floats in metres, (height, width); 0 and NaN are not measured."


def read_truth(content: bytes, name: str, task: Task, size: Size) -> Label:
    """The labels of a task from an uploaded file.

    Args:
        content: of the file.
        name: what a person calls it; only shown.
        task: what it is the truth of.
        size: (height, width) of the image, as it was uploaded.

    Raises:
        DataError: in one sentence, if the file cannot be used.
    """
    title = display_name(name)
    try:
        label = _read(content, task, size)
    except ValueError as error:
        raise DataError(f"{title} {str(error).rstrip('.')}.") from error
    if not label.valid.any():
        raise DataError(f"{title} holds no pixel with a label of {task.title.lower()}; choose another file.")
    return label


def _read(content: bytes, task: Task, size: Size) -> Label:
    raw, stored_as_png = _values(content, task, size)
    if task.kind == "classes":
        return class_label(raw, class_table(task.channels))
    if task.kind == "binary":
        return _binary(raw)
    if task.kind == "normals":
        return _normals(raw)
    return _depth(raw, stored_as_png, task)


def _values(content: bytes, task: Task, size: Size) -> tuple[np.ndarray, bool]:
    """Stored numbers, and whether they came as PNG."""
    png, npy = content.startswith(_PNG), content.startswith(_NPY)
    arrays = task.kind in ("depth", "normals")
    if not (png or (npy and arrays)):
        raise ValueError(f"is not a PNG{' or .npy file' if arrays else ''}; {_asked(task)}")
    limit = MAX_BYTES if png else MAX_TRUTH_BYTES
    if len(content) > limit:
        raise ValueError(f"has more than {limit // 2**20} MB, the most that is allowed; make image and truth smaller")
    if png:
        return _checked_kind(png_values(io.BytesIO(content), size), task), True
    shape, _ = npy_header(io.BytesIO(content))
    wanted = ((*size, 3),) if task.kind == "normals" else (size, (*size, 1))
    if shape not in wanted:
        if shape[:2] != size and len(shape) in (2, 3):
            raise ValueError(wrong_size((shape[0], shape[1]), size))
        raise ValueError(f"has shape {shape}; {wanted[0]} is expected")
    return npy_values(io.BytesIO(content), len(content)), False


def _checked_kind(raw: np.ndarray, task: Task) -> np.ndarray:
    """A PNG of the bits and channels that the task is stored with."""
    channels = 1 if raw.ndim == 2 else raw.shape[2]
    wanted = 3 if task.kind == "normals" else 1
    if channels != wanted:
        raise ValueError(f"has {channels} channels a pixel; {_asked(task)}")
    wide = raw.dtype not in (np.uint8, bool)
    if wide != (task.kind == "depth"):
        raise ValueError(f"has {'more than 8' if wide else 'only 8'} bits a pixel; {_asked(task)}")
    return raw


def _asked(task: Task) -> str:
    return f"{task.title.lower()} is given as {expected(task).replace('`', '').rstrip('.')}"


def _binary(raw: np.ndarray) -> Label:
    stored = flat(raw)
    found = set(np.unique(stored).tolist())
    if found == {0, IGNORE}:
        raise ValueError(f"holds only 0 and {IGNORE}, and {IGNORE} means no label; store what is positive as 1")
    if not found <= {0, 1, IGNORE}:
        other = min(found - {0, 1, IGNORE})
        raise ValueError(f"holds {other}; 0, 1 and {IGNORE} are allowed")
    return binary_label(stored, 0.5, (IGNORE,))


def _normals(raw: np.ndarray) -> Label:
    label = normals_label(raw)
    if raw.dtype.kind == "f":
        length = np.sqrt(np.einsum("hwc,hwc->hw", *[np.where(label.valid[..., None], raw, 0).astype(np.float64)] * 2))
        unit = (length >= _UNIT[0]) & (length <= _UNIT[1])
        share = float(unit[label.valid].mean()) if label.valid.any() else 1.0
        if share < LEAST_UNIT:
            raise ValueError(f"holds vectors of which {1 - share:.0%} are not of length 1; normalise them first")
    return label


def _depth(raw: np.ndarray, stored_as_png: bool, task: Task) -> Label:
    if stored_as_png:
        if task.unit != "m":
            raise ValueError(f"is a PNG; {_asked(task)}")
        return depth_label(raw, scale=0.001)
    if raw.dtype.kind != "f":
        raise ValueError(f"holds whole numbers ({raw.dtype}); {_asked(task)}")
    label = depth_label(raw)
    if task.unit == "m" and label.values.max() > MAX_METRES:
        raise ValueError(f"holds {label.values.max():,.0f} m; metres are expected, so divide millimetres by 1,000")
    if np.isfinite(raw).any() and float(np.nanmin(np.where(np.isfinite(raw), raw, np.nan))) < 0:
        raise ValueError("holds values below 0; distances along the optical axis are positive, 0 is not measured")
    return label
