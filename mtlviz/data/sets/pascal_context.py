"""PASCAL_MT, also called PASCAL-Context: five tasks on 4,998 training and 5,105 validation images of mixed sizes.

::

    ImageSets/Context/{train,val}.txt      one id a line
    JPEGImages/<id>.jpg                    RGB
    semseg/VOC12/<id>.png, else semseg/pascal-context/<id>.png
                                           palette or grey PNG: 0..20 (VOC with background), 255 no label
    human_parts/<id>.mat                   PASCAL-Part: struct ``anno`` (see ``read_parts``)
    pascal-context/trainval/<id>.mat       ``LabelMap``, H x W uint16, 1..459
    normals_distill/<id>.png               RGB uint8, n = 2 v / 255 - 1
    sal_distill/<id>.png                   grey uint8, salient where v / 255 > 0.5

What is derived, and what does not count:

* edges: where the Laplacian of ``LabelMap`` is not 0, thinned; kept in a cache outside the data set.
* normals: predicted by a network trained on NYUv2; they count only on the classes that NYUv2 knows too
  (``context_classes.NORMALS_CLASSES``), have y down on disk, and are invalid where shorter than 0.5.
* human parts: an image without a person, or whose persons have no parts, has no label at all.
* ``ImageSets/Parts`` and other caches of other programs are neither read nor written.
"""

from functools import partial
from pathlib import Path

import numpy as np

from mtlviz.data.sets.base import chosen_split
from mtlviz.data.sets.class_names import VOC_21, bit_colours, semseg
from mtlviz.data.sets.context_classes import NORMALS_CLASSES
from mtlviz.data.sets.edge_cache import cached_edges, default_cache
from mtlviz.data.sets.file_set import FileSet, Layer, Source
from mtlviz.data.sets.files import DAMAGE, picture_size, read_array
from mtlviz.data.sets.labels import (
    RIGHT_DOWN_TOWARDS,
    Label,
    binary_label,
    class_label,
    class_table,
    flat,
    normals_label,
)
from mtlviz.data.sets.mat_files import read_mat
from mtlviz.data.sets.nyud import listed
from mtlviz.tasks import IGNORE, TASKS

EXPECTS = "ImageSets/Context/ and JPEGImages/ (PASCAL_MT)"
PUBLISHED = {"train": 4998, "val": 5105}
SEMSEG = semseg(VOC_21, bit_colours(len(VOC_21)))
PERSON = 15
"""Class number of a person in PASCAL-Part."""

PART_LABELS: dict[str, int] = (
    dict.fromkeys(("head", "hair", "lear", "rear", "leye", "reye", "lebrow", "rebrow", "nose", "mouth"), 1)
    | dict.fromkeys(("neck", "torso"), 2)
    | dict.fromkeys(("luarm", "ruarm"), 3)
    | dict.fromkeys(("llarm", "rlarm", "lhand", "rhand"), 4)
    | dict.fromkeys(("luleg", "ruleg"), 5)
    | dict.fromkeys(("llleg", "rlleg", "lfoot", "rfoot"), 6)
)
"""Label of each of the 24 parts of a person, the first letter l or r for left and right."""

_SEGMENTS = class_table(len(VOC_21))
_LARGEST_MAP_LABEL = 65535


def recognises(root: Path) -> bool:
    """Whether a folder holds this data set."""
    return (root / "ImageSets" / "Context").is_dir() and (root / "JPEGImages").is_dir()


def splits(root: Path) -> tuple[str, ...]:
    """Splits that are listed."""
    return tuple(sorted(path.stem for path in (root / "ImageSets" / "Context").glob("*.txt")))


def open_split(root: Path, split: str, cache: Path | None = None) -> FileSet:
    """One split.

    Args:
        root: the folder ``PASCAL_MT``.
        split: a list in ``ImageSets/Context``.
        cache: where derived edges are kept, by default ``edge_cache.default_cache()``.

    Raises:
        DataError: if it is not listed, or its list cannot be used.
    """
    names = listed(root / "ImageSets" / "Context" / f"{chosen_split(split, splits(root), root)}.txt")
    label_map = Source(("pascal-context/trainval/{id}.mat",))
    image = Source(("JPEGImages/{id}.jpg",))
    segments = Source(("semseg/VOC12/{id}.png", "semseg/pascal-context/{id}.png"))
    edges = partial(_edges, cache=default_cache() if cache is None else cache)
    layers = (
        Layer(SEMSEG, (segments,), _segments),
        Layer(TASKS["normals"], (Source(("normals_distill/{id}.png",)), label_map), _normals),
        Layer(TASKS["edge"], (label_map,), edges),
        Layer(TASKS["saliency"], (Source(("sal_distill/{id}.png",)),), _salient),
        Layer(TASKS["human_parts"], (Source(("human_parts/{id}.mat",)), image), read_parts),
    )
    there = tuple(layer for layer in layers if all(_folder_of(root, source) for source in layer.sources))
    return FileSet(
        "PASCAL_MT (PASCAL-Context)", "PASCAL-Context", root, split, splits(root), names,
        image, there, published=PUBLISHED.get(split), whole=False,
    )  # fmt: skip


def _folder_of(root: Path, source: Source) -> bool:
    return any((root / pattern).parent.is_dir() for pattern in source.patterns)


def _segments(path: Path) -> Label:
    return class_label(read_array(path), _SEGMENTS)


def _salient(path: Path) -> Label:
    return binary_label(read_array(path), 127.5)


def _normals(path: Path, label_map: Path) -> Label:
    label = normals_label(read_array(path), RIGHT_DOWN_TOWARDS)
    classes = read_label_map(label_map)
    if classes.shape != label.valid.shape:
        sizes = "{}x{}, its LabelMap {}x{}".format(*label.valid.shape, *classes.shape)
        raise ValueError(f"is {sizes}; the two must be of one size")
    valid = label.valid & np.isin(classes, list(NORMALS_CLASSES.values()))
    return Label(np.where(valid[..., None], label.values, 0).astype(np.float32), valid, label.remarks)


def _edges(path: Path, cache: Path) -> Label:
    edges = cached_edges(read_label_map(path), cache)
    return Label(edges, np.ones(edges.shape, bool))


def read_label_map(path: Path) -> np.ndarray:
    """``LabelMap`` of PASCAL-Context, ``(H, W)`` whole numbers."""
    found = flat(np.asarray(read_mat(path, "LabelMap")))
    if found.dtype.kind not in "uif" or (found != np.rint(found)).any() or not 0 <= found.max() <= _LARGEST_MAP_LABEL:
        raise ValueError("holds a LabelMap that is not of whole numbers from 1 to 459")
    return found.astype(np.int32)


def read_parts(path: Path, image: Path) -> Label:
    """Human parts of an image, painted in the order of the file; an image without any has no label.

    ``anno`` has ``imname`` and ``objects`` (1 x N structs: ``class``, ``class_ind`` 1 x 1, ``mask`` H x W and
    ``parts``, which is 1 x K structs of ``part_name`` and ``mask``, or 0 x 0).

    Args:
        path: the annotation.
        image: its image, whose size counts where the annotation holds no object.

    Raises:
        ValueError: if the file is not laid out like that, or names a part of a person that is not known.
    """
    annotation = read_mat(path, "anno")
    try:
        objects = [(int(one["class_ind"].item()), one["mask"], one["parts"]) for one in annotation[0]["objects"]]
        shape = objects[0][1].shape if objects else picture_size(image)
        parts = [
            (str(part["part_name"]), np.asarray(part["mask"]))
            for number, _, named in objects
            if number == PERSON
            for part in named
        ]
    except DAMAGE as error:
        raise ValueError("is not an annotation of PASCAL-Part") from error
    if shape is None or len(shape) != 2:
        raise ValueError("holds no mask that tells the size of its image")
    return _painted(shape, parts)


def _painted(shape: tuple[int, int], parts: list[tuple[str, np.ndarray]]) -> Label:
    painted = np.zeros(shape, np.uint8)
    for name, mask in parts:
        if name not in PART_LABELS:
            raise ValueError(f"names the part {name[:40]!r} of a person; PASCAL-Part knows {len(PART_LABELS)} others")
        if mask.shape != shape:
            raise ValueError(f"holds a mask of shape {mask.shape} in an image of shape {shape}")
        painted[mask != 0] = PART_LABELS[name]
    labelled = bool(painted.any())
    return Label(painted if labelled else np.full(shape, IGNORE, np.uint8), np.full(shape, labelled))
