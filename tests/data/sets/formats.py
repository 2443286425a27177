"""Tiny data sets of every known form, written with the bytes of the real ones."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from tests.data.sets.scenes import Scene, scene

VOC_PERSON, VOC_DOG = 15, 12
WALL, SKY, PERSON_IN_CONTEXT = 440, 360, 284
LABEL_IDS = (7, 23, 11, 26, 24)  # road, sky, building, car, person of Cityscapes
BASELINE, FOCAL = 0.21, 226.25


def save(path: Path, array: np.ndarray, **options) -> None:
    """An array as the file that its path's ending names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array, allow_pickle=False)
    else:
        Image.fromarray(array).save(path, **options)


def save_palette(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(labels.astype(np.uint8), "P")
    picture.putpalette([value for label in range(256) for value in (label, 255 - label, 7)])
    picture.save(path)


def save_list(path: Path, names: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in names))


def coloured_normals(normals: np.ndarray) -> np.ndarray:
    """Normals with y down as 8-bit colours."""
    return np.rint((normals * (1, -1, 1) + 1) * 127.5).astype(np.uint8)


def splits(train: int, val: int) -> dict[str, range]:
    return {"train": range(train), "val": range(train, train + val)}


def nyud(
    root: Path, train: int = 2, val: int = 1, size: tuple[int, int] = (480, 640), atrc: bool = False
) -> dict[str, Scene]:
    """Planes 0..4 become classes 1..5; the top row is unlabelled, without depth and without normals."""
    scenes = {}
    for split, numbers in splits(train, val).items():
        save_list(root / "gt_sets" / f"{split}.txt", [str(number) for number in numbers])
        for number in numbers:
            name, one = str(number), scene(number, (425, 560) if atrc else size)
            scenes[name] = one
            segments = (one.plane + 1).astype(np.uint8)
            depth, normals = one.depth.astype(np.float32), (one.normals * (1, -1, 1)).astype(np.float32)
            segments[0], depth[0], normals[0] = 0, 0, 0
            save(root / "segmentation" / f"{name}.png", segments)
            save(root / "depth" / f"{name}.npy", depth)
            if atrc:
                colours = coloured_normals(one.normals)
                colours[0] = (127, 128, 127)
                save(root / "images" / f"{name}.png", one.image)
                save(root / "normals" / f"{name}.png", colours)
                save(root / "edge" / f"{name}.png", one.edge * 255)
            else:
                save(root / "images" / f"{name}.jpg", one.image, quality=95)
                save(root / "normals" / f"{name}.npy", normals)
                save(root / "edge" / f"{name}.npy", one.edge)
    return scenes


def mtan_nyu(root: Path, train: int = 2, val: int = 1, size: tuple[int, int] = (288, 384)) -> dict[str, Scene]:
    """float64 on purpose; the top row is ignored and the left column without depth and normals."""
    scenes = {}
    for split, numbers in splits(train, val).items():
        for position, number in enumerate(numbers):
            one = scenes[f"{split}/{position}"] = scene(number, size)
            labels = one.plane.astype(np.float64)
            depth, normals = one.depth[..., None].copy(), one.normals * (1, -1, 1)
            labels[0], depth[:, 0], normals[:, 0] = -1, 0, 0
            arrays = {"image": one.image / 255, "label": labels, "depth": depth, "normal": normals}
            for kind, array in arrays.items():
                save(root / split / kind / f"{position}.npy", array)
    return scenes


def mtan_cityscapes(root: Path, train: int = 2, val: int = 2, size: tuple[int, int] = (128, 256)) -> dict[str, Scene]:
    """Labels of 2, 7 and 19 classes; the last validation image has no depth at all."""
    scenes = {}
    for split, numbers in splits(train, val).items():
        for position, number in enumerate(numbers):
            one = scenes[f"{split}/{position}"] = scene(number, size)
            depth = (1 / one.depth)[..., None].astype(np.float32)
            if number == train + val - 1:
                depth[:] = 0
            save(root / split / "image" / f"{position}.npy", (one.image / 255).astype(np.float32))
            save(root / split / "depth" / f"{position}.npy", depth)
            for count, labels in {2: one.plane % 2, 7: one.plane, 19: one.plane + 14}.items():
                labels = labels.astype(np.int64)
                labels[0] = -1
                save(root / split / f"label_{count}" / f"{position}.npy", labels)
    return scenes


def cityscapes(root: Path, train: int = 2, val: int = 1, size: tuple[int, int] = (64, 128)) -> dict[str, Scene]:
    """Disparity of 1 (infinitely far) in the top row, none in the left column; the licence plate at the bottom."""
    scenes = {}
    for split, numbers in splits(train, val).items():
        for number in numbers:
            name = f"aachen/aachen_{number:06d}_000019"
            one = scenes[name] = scene(number, size)
            ids = np.array(LABEL_IDS, np.uint8)[one.plane]
            ids[-1] = 255
            stored = np.rint(BASELINE * FOCAL / one.depth * 256 + 1).astype(np.uint16)
            stored[0], stored[:, 0] = 1, 0
            camera = {
                "extrinsic": {"baseline": BASELINE},
                "intrinsic": {"fx": FOCAL, "fy": FOCAL, "u0": 63.5, "v0": 31.5},
            }
            save(root / "leftImg8bit" / split / f"{name}_leftImg8bit.png", one.image)
            save(root / "gtFine" / split / f"{name}_gtFine_labelIds.png", ids)
            save(root / "disparity" / split / f"{name}_disparity.png", stored)
            path = root / "camera" / split / f"{name}_camera.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(camera))
    return scenes


def part(name: str, mask: np.ndarray) -> tuple[str, np.ndarray]:
    return name, mask.astype(np.uint8)


def save_parts(path: Path, objects: list[tuple[int, np.ndarray, list[tuple[str, np.ndarray]]]]) -> None:
    """PASCAL-Part's struct ``anno`` of objects (class number, mask, parts)."""
    made = np.zeros((1, len(objects)), [(field, object) for field in ("class", "class_ind", "mask", "parts")])
    for position, (number, mask, parts) in enumerate(objects):
        packed = np.zeros((1, len(parts)), [("part_name", object), ("mask", object)])
        for place, (name, region) in enumerate(parts):
            packed[0, place] = (name, region)
        made[0, position] = ("thing", number, mask.astype(np.uint8), packed if parts else np.zeros((0, 0)))
    annotation = np.zeros((1, 1), [("imname", object), ("objects", object)])
    annotation[0, 0] = (path.stem, made)
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"anno": annotation}, do_compression=True)


PASCAL = {
    "train": ["2008_000001", "2008_000002"],
    "val": ["2008_000003"],
}
"""Without a person; with one whose parts overlap; with one that has no parts."""


def pascal(root: Path) -> dict[str, Scene]:
    """Three images of mixed sizes: planes are VOC classes 0, 12, 15, 1, 2 under a border of 255.

    ``LabelMap`` has walls below and sky above the middle row, so that only the lower half has normals.
    """
    scenes = {}
    for split, names in PASCAL.items():
        save_list(root / "ImageSets" / "Context" / f"{split}.txt", names)
    sizes = [(375, 500), (500, 333), (96, 120)]
    for number, name in enumerate(name for names in PASCAL.values() for name in names):
        one = scenes[name] = scene(number, sizes[number])
        segments = np.array([0, 12, 15, 1, 2], np.uint8)[one.plane]
        segments[:2] = segments[-2:] = 255
        save(root / "JPEGImages" / f"{name}.jpg", one.image, quality=95)
        only_context = number == 1
        save_palette(root / "semseg" / ("pascal-context" if only_context else "VOC12") / f"{name}.png", segments)
        colours = coloured_normals(one.normals)
        colours[-1] = (128, 127, 128)
        save(root / "normals_distill" / f"{name}.png", colours)
        save(root / "sal_distill" / f"{name}.png", np.where(one.plane == 4, 128, 127).astype(np.uint8))
        label_map = np.where(np.arange(one.size[0])[:, None] < one.size[0] // 2, SKY, WALL) * np.ones(one.size, int)
        label_map[one.plane == 2] = PERSON_IN_CONTEXT
        path = root / "pascal-context" / "trainval" / f"{name}.mat"
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, {"LabelMap": label_map.astype(np.uint16)}, do_compression=True)
        whole, left = np.ones(one.size, bool), one.plane == 2
        half = whole & (np.arange(one.size[0]) > 50)[:, None]
        people = {
            0: [(VOC_DOG, whole, [part("head", whole)])],
            1: [(VOC_DOG, whole, []), (VOC_PERSON, left, [part("torso", whole), part("lfoot", half)])],
            2: [(VOC_PERSON, left, [])],
        }[number]
        save_parts(root / "human_parts" / f"{name}.mat", people)
    return scenes
