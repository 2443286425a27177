"""NYUD_MT: NYUv2 with 40 classes, depth, normals and edges, in the two forms that are in use.

::

    gt_sets/{train,val}.txt     one id a line, no extension; 795 and 654 ids as published
    images/<id>.jpg | .png      RGB
    segmentation/<id>.png       uint8: 0 no label, 1..40 the classes
    depth/<id>.npy              float, H x W, metres; 0, negative, infinite and NaN are invalid
    normals/<id>.npy | .png     float H x W x 3 in [-1, 1], the zero vector is invalid | RGB uint8, n = 2 v / 255 - 1
    edge/<id>.npy | .png        H x W, 0 or 1 | 0 or 255

======================  ===========  ==================================
form                    images       normals and edges
======================  ===========  ==================================
Vandenhende (NYUD_MT)   480x640 JPEG  .npy
ATRC, InvPT (NYUDv2)    425x560 PNG   .png, border cropped
======================  ===========  ==================================

The two cannot stand in for one another: padding to 448x576 does not shrink 480x640. What is special:

* 8-bit normals cannot store a zero vector, so one shorter than 0.5 (127 and 128 in all channels) is invalid.
* Stored normals have y down; they are turned to y up on reading (``labels.RIGHT_DOWN_TOWARDS``).
* A label of another size than its image is resized, nearest pixel for every task.
* A task whose folder is missing is left out; a single missing file is an error.
"""

from functools import partial
from pathlib import Path

import numpy as np

from mtlviz.data.sets.base import BadFile, checked_names, chosen_split
from mtlviz.data.sets.class_names import NYU_40, bit_colours, semseg
from mtlviz.data.sets.file_set import FileSet, Layer, Source
from mtlviz.data.sets.files import picture_size, read_array, read_lines
from mtlviz.data.sets.labels import (
    RIGHT_DOWN_TOWARDS,
    Label,
    binary_label,
    class_label,
    class_table,
    depth_label,
    normals_label,
)
from mtlviz.tasks import IGNORE, TASKS

EXPECTS = "gt_sets/ and images/ (NYUD_MT)"
PUBLISHED = {"train": 795, "val": 654}
SEMSEG = semseg(NYU_40, bit_colours(41)[1:])

_SEGMENTS = class_table(len(NYU_40), first=1, ignored=(0, IGNORE))
_FORMS = {(".jpg", (480, 640)): "NYUD_MT, 480x640", (".png", (425, 560)): "NYUDv2 of ATRC and InvPT, 425x560"}


def recognises(root: Path) -> bool:
    """Whether a folder holds this data set."""
    return (root / "gt_sets").is_dir() and (root / "images").is_dir()


def splits(root: Path) -> tuple[str, ...]:
    """Splits that are listed."""
    return tuple(sorted(path.stem for path in (root / "gt_sets").glob("*.txt")))


def open_split(root: Path, split: str) -> FileSet:
    """One split.

    Raises:
        DataError: if it is not listed, or its list cannot be used.
    """
    names = listed(root / "gt_sets" / f"{chosen_split(split, splits(root), root)}.txt")
    image = Source(("images/{id}.jpg", "images/{id}.png"))
    first = image.path(root, split, names[0])
    size = picture_size(first)
    shape = "x".join(str(side) for side in size or ())
    form = _FORMS.get((first.suffix, size or (0, 0)), f"NYUD_MT of another form, {first.suffix[1:].upper()} {shape}")
    layers = tuple(layer for layer in _LAYERS if (root / layer.sources[0].patterns[0]).parent.is_dir())
    return FileSet(
        form.strip(), "NYUv2", root, split, splits(root), names, image, layers, size=size,
        published=PUBLISHED.get(split),
    )  # fmt: skip


def listed(path: Path) -> tuple[str, ...]:
    """Names from a list with one a line.

    Raises:
        DataError: if it cannot be used.
    """
    try:
        return checked_names(read_lines(path), str(path))
    except ValueError as error:
        raise BadFile(path, str(error)) from error


def _segments(path: Path) -> Label:
    return class_label(read_array(path), _SEGMENTS)


def _depth(path: Path) -> Label:
    return depth_label(read_array(path))


def _normals(path: Path) -> Label:
    return normals_label(read_array(path), RIGHT_DOWN_TOWARDS)


def read_edges(path: Path, allowed: tuple[int, ...] = (0, 1, IGNORE)) -> Label:
    """Edges: everything but 0 is one; other numbers than those allowed are remarked on."""
    raw = read_array(path)
    label = binary_label(raw, 0)
    if np.isin(raw, allowed).all():
        return label
    return label._replace(remarks=(*label.remarks, "holds values other than 0 and 1 or 255; all but 0 count as edges"))


_LAYERS = (
    Layer(SEMSEG, (Source(("segmentation/{id}.png",)),), _segments),
    Layer(TASKS["depth"], (Source(("depth/{id}.npy",)),), _depth),
    Layer(TASKS["normals"], (Source(("normals/{id}.npy", "normals/{id}.png")),), _normals),
    Layer(TASKS["edge"], (Source(("edge/{id}.npy", "edge/{id}.png")),), partial(read_edges)),
)
