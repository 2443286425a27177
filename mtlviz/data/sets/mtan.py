"""The npy sets of MTAN, which LibMTL, EMA-Net and auto-lambda use too: NYUv2 with 13 classes, and Cityscapes.

::

    {train,val}/image/<i>.npy       H x W x 3 float in [0, 1]
    {train,val}/label/<i>.npy       H x W, class 0..12 of NYUv2 (or 0..6 of LibMTL's Cityscapes), -1 no label
    {train,val}/depth/<i>.npy       H x W x 1; NYUv2: metres, 0 invalid
    {train,val}/normal/<i>.npy      H x W x 3 unit, the zero vector is invalid; NYUv2 only
    {train,val}/label_{2,7,19}/     Cityscapes: labels of so many classes, -1 no label

i counts from 0 without gaps. NYUv2 is 288x384 with 795 training and 654 validation images (NYU's own split in another
order, no mapping to NYUD_MT is known), Cityscapes 128x256 or 256x512 with 2,975 and 500. What is special:

* No type is promised on disk: everything is cast (colours to uint8, exactly where they are v / 255).
* Cityscapes' ``depth`` is an inverse depth without a unit, 0 invalid, no metres: it becomes the task ``disparity``.
* The normals are those of Eigen and Fergus, y down on disk. Valid is what has a length: a mask by the sum of the
  channels, as MTAN has it, would lose a vector like (.7, -.7, 0).
* The names of the 7 classes are Cityscapes' categories in its own order; the files do not tell.
"""

from functools import partial
from pathlib import Path

from mtlviz.data.sets.base import checked_names, chosen_split
from mtlviz.data.sets.class_names import CITYSCAPES_2, CITYSCAPES_7, CITYSCAPES_19, NYU_13, bit_colours, semseg
from mtlviz.data.sets.class_names import disparity as disparity_task
from mtlviz.data.sets.file_set import FileSet, Layer, Source
from mtlviz.data.sets.files import picture_size, read_npy, read_unit_picture
from mtlviz.data.sets.labels import RIGHT_DOWN_TOWARDS, Label, class_label, class_table, depth_label, normals_label
from mtlviz.errors import DataError
from mtlviz.tasks import TASKS, Task

EXPECTS = "{train,val}/image/*.npy (MTAN)"
NYU_SIZE = (288, 384)
NYU_PUBLISHED = {"train": 795, "val": 654}
CITYSCAPES_PUBLISHED = {"train": 2975, "val": 500}
NYU_SEMSEG = semseg(NYU_13, bit_colours(14)[1:])
CITYSCAPES_SEMSEG = {
    len(classes): semseg(tuple(classes), tuple(classes.values()))
    for classes in (CITYSCAPES_19, CITYSCAPES_7, CITYSCAPES_2)
}
"""Task by number of classes, the finest first."""

_SPLITS = ("train", "val", "test")
_NO_LABEL = (-1, 255)


def recognises(root: Path) -> bool:
    """Whether a folder holds this data set."""
    return bool(splits(root))


def splits(root: Path) -> tuple[str, ...]:
    """Splits that hold an image."""
    return tuple(split for split in _SPLITS if any((root / split / "image").glob("*.npy")))


def open_split(root: Path, split: str, classes: int | None = None) -> FileSet:
    """One split.

    Args:
        root: the folder with ``train`` and ``val``.
        split: one of them.
        classes: 2, 7 or 19 for Cityscapes; by default the finest that is there.

    Raises:
        DataError: if the split or the labels of so many classes are not there.
    """
    folder = root / chosen_split(split, splits(root), root)
    found = [path.stem for path in (folder / "image").glob("*.npy")]
    names = checked_names(sorted(found, key=lambda name: (not name.isdecimal(), len(name), name)), str(folder))
    image = Source(("{split}/image/{id}.npy",))
    size = picture_size(image.path(root, split, names[0]))
    nyu = (folder / "normal").is_dir() or size == NYU_SIZE
    layers = _nyu_layers() if nyu else _cityscapes_layers(folder, classes)
    there = tuple(layer for layer in layers if (folder / layer.sources[0].patterns[0].split("/")[1]).is_dir())
    shape = "x".join(str(side) for side in size or ())
    variant = "MTAN NYUv2" if nyu else _cityscapes_variant(there)
    published = (NYU_PUBLISHED if nyu else CITYSCAPES_PUBLISHED).get(split)
    return FileSet(
        f"{variant}, {shape} npy", "NYUv2, 13 classes" if nyu else "Cityscapes", root, split, splits(root), names,
        image, there, read_image=read_unit_picture, size=size, published=published,
    )  # fmt: skip


def _nyu_layers() -> tuple[Layer, ...]:
    return (
        _classes(NYU_SEMSEG, "label"),
        Layer(TASKS["depth"], (Source(("{split}/depth/{id}.npy",)),), _depth),
        Layer(TASKS["normals"], (Source(("{split}/normal/{id}.npy",)),), _normals),
    )


def _cityscapes_layers(folder: Path, classes: int | None) -> tuple[Layer, ...]:
    there = {count: f"label_{count}" for count in CITYSCAPES_SEMSEG if (folder / f"label_{count}").is_dir()}
    if 7 not in there and (folder / "label").is_dir():
        there[7] = "label"
    if classes is not None and classes not in there:
        known = ", ".join(map(str, there)) or "none"
        raise DataError(f"{folder} has no labels of {classes} classes; choose of {known}.")
    disparity = Layer(disparity_task("inverse depth"), (Source(("{split}/depth/{id}.npy",)),), _depth)
    count = classes if classes is not None else max(there, default=None)
    return (disparity,) if count is None else (_classes(CITYSCAPES_SEMSEG[count], there[count]), disparity)


def _cityscapes_variant(layers: tuple[Layer, ...]) -> str:
    counts = [layer.task.channels for layer in layers if layer.task.kind == "classes"]
    return f"MTAN Cityscapes, {counts[0]} classes" if counts else "MTAN Cityscapes without labels"


def _classes(task: Task, folder: str) -> Layer:
    table = class_table(task.channels, ignored=_NO_LABEL)
    return Layer(task, (Source((f"{{split}}/{folder}/{{id}}.npy",)),), partial(_labels, table=table))


def _labels(path: Path, table: dict[int, int]) -> Label:
    return class_label(read_npy(path), table)


def _depth(path: Path) -> Label:
    return depth_label(read_npy(path))


def _normals(path: Path) -> Label:
    return normals_label(read_npy(path), RIGHT_DOWN_TOWARDS)
