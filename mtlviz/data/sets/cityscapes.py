"""Cityscapes as it is downloaded: 2,975 training and 500 validation images of 1024x2048.

::

    leftImg8bit/<split>/<city>/<city>_<seq>_<frame>_leftImg8bit.png      RGB
    gtFine/<split>/<city>/..._gtFine_labelIds.png                        uint8 label ids 0..33; 255 is the licence plate
    disparity/<split>/<city>/..._disparity.png                           uint16: 0 invalid, else 256 px disparity + 1
    camera/<split>/<city>/..._camera.json                                extrinsic.baseline (m), intrinsic.fx fy u0 v0

A sample is named ``<city>/<city>_<seq>_<frame>``. What is derived, and what does not count:

* semseg: the 19 ids that are evaluated become 0..18 in their order, every other id has no label.
* disparity: (v - 1) / 256 pixels of the original image; v = 1 is a disparity of 0 and valid (infinitely far).
* depth: baseline fx / disparity in metres, invalid where the disparity is 0 or was not measured.
  It needs the camera; without ``camera/`` there is no task ``depth``.
* Folders that are missing leave their tasks out. Instances and boxes are not read.
"""

from pathlib import Path

import numpy as np

from mtlviz.data.sample import Intrinsics
from mtlviz.data.sets.base import checked_names, chosen_split
from mtlviz.data.sets.class_names import CITYSCAPES_19, semseg
from mtlviz.data.sets.class_names import disparity as disparity_task
from mtlviz.data.sets.file_set import FileSet, Layer, Source
from mtlviz.data.sets.files import DAMAGE, picture_size, read_json, read_png
from mtlviz.data.sets.labels import Label, class_label, flat
from mtlviz.tasks import IGNORE, TASKS

EXPECTS = "leftImg8bit/ (Cityscapes)"
PUBLISHED = {"train": 2975, "val": 500, "test": 1525}
TRAIN_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""Label ids that are evaluated; their positions are the labels."""
SEMSEG = semseg(tuple(CITYSCAPES_19), tuple(CITYSCAPES_19.values()))
DISPARITY = disparity_task("px")

_TABLE = dict.fromkeys((*range(34), 255), IGNORE) | {number: label for label, number in enumerate(TRAIN_IDS)}
_IMAGE = Source(("leftImg8bit/{split}/{id}_leftImg8bit.png",))
_LABELS = Source(("gtFine/{split}/{id}_gtFine_labelIds.png",))
_DISPARITY = Source(("disparity/{split}/{id}_disparity.png",))
_CAMERA = Source(("camera/{split}/{id}_camera.json",))


def recognises(root: Path) -> bool:
    """Whether a folder holds this data set."""
    return (root / "leftImg8bit").is_dir()


def splits(root: Path) -> tuple[str, ...]:
    """Splits that hold an image."""
    folders = sorted(path for path in (root / "leftImg8bit").iterdir() if path.is_dir())
    return tuple(folder.name for folder in folders if any(folder.glob("*/*_leftImg8bit.png")))


def open_split(root: Path, split: str) -> FileSet:
    """One split.

    Raises:
        DataError: if it is not there.
    """
    chosen_split(split, splits(root), root)
    names = checked_names(sorted(_IMAGE.names(root, split)), str(root / "leftImg8bit" / split))
    there = {kind: (root / kind / split).is_dir() for kind in ("gtFine", "disparity", "camera")}
    layers: tuple[Layer, ...] = (Layer(SEMSEG, (_LABELS,), _segments),) if there["gtFine"] else ()
    if there["disparity"] and there["camera"]:
        layers += (Layer(TASKS["depth"], (_DISPARITY, _CAMERA), _depth),)
    if there["disparity"]:
        layers += (Layer(DISPARITY, (_DISPARITY,), _disparity),)
    size = picture_size(_IMAGE.path(root, split, names[0]))
    shape = "x".join(str(side) for side in size or ())
    return FileSet(
        f"Cityscapes as downloaded, {shape}", "Cityscapes", root, split, splits(root), names, _IMAGE, layers,
        camera=_CAMERA if there["camera"] else None, read_camera=read_camera, size=size,
        published=PUBLISHED.get(split),
    )  # fmt: skip


def _segments(path: Path) -> Label:
    return class_label(read_png(path), _TABLE)


def _pixels(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Disparity in pixels, float64, and where it was measured."""
    stored = flat(read_png(path))
    if stored.max() > np.iinfo(np.uint16).max or stored.dtype.kind not in "ui" or stored.dtype == np.uint8:
        raise ValueError(f"holds {stored.dtype}; disparities are of 16 bits")
    measured = stored > 0
    return np.where(measured, (stored.astype(np.float64) - 1) / 256, 0), measured


def _disparity(path: Path) -> Label:
    pixels, measured = _pixels(path)
    return Label(pixels.astype(np.float32), measured)


def _depth(path: Path, camera: Path) -> Label:
    pixels, _ = _pixels(path)
    baseline, lens = _camera(camera)
    near = pixels > 0
    depth = np.where(near, baseline * lens.fx / np.where(near, pixels, 1), 0)
    return Label(depth.astype(np.float32), near)


def read_camera(path: Path) -> Intrinsics:
    """Camera of an image."""
    return _camera(path)[1]


def _camera(path: Path) -> tuple[float, Intrinsics]:
    """Baseline in metres and lens; ``u0`` and ``v0`` count pixel centres from 0, ours lie at integer + 0.5."""
    found = read_json(path)
    try:
        inner = found["intrinsic"]
        baseline = float(found["extrinsic"]["baseline"])
        lens = Intrinsics(float(inner["fx"]), float(inner["fy"]), float(inner["u0"]) + 0.5, float(inner["v0"]) + 0.5)
    except DAMAGE as error:
        raise ValueError("is no camera of Cityscapes") from error
    if not (np.isfinite([lens.fx, lens.fy, lens.cx, lens.cy]).all() and baseline > 0 and min(lens.fx, lens.fy) > 0):
        raise ValueError("holds a baseline or a focal length that is not positive")
    return baseline, lens
