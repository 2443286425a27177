"""Tiny data sets of every form, and trainings on them."""

from pathlib import Path
from typing import Any

import yaml

from mtlviz.training import TrainConfig, parse_config
from tests.data.sets import formats
from tests.data.sets.scenes import scene
from tests.training.tiny import NETWORK

TASKS = {
    "nyud": ("semseg", "depth", "normals", "edge"),
    "pascal": ("semseg", "normals", "edge", "saliency", "human_parts"),
    "mtan": ("semseg", "depth", "normals"),
    "mtan-cityscapes": ("semseg", "disparity"),
    "cityscapes": ("semseg", "depth", "disparity"),
    "folder": ("materials", "depth", "edge"),
}
"""Tasks of every form."""


def folder(root: Path) -> None:
    """Three classes and depth; only the first training image has edges."""
    entries = [
        {"name": "materials", "kind": "classes", "classes": ["a", "b", "c"], "files": "{split}/m/{id}.png"},
        {"name": "depth", "kind": "depth", "files": "{split}/d/{id}.npy", "unit": "m"},
        {"name": "edge", "kind": "binary", "files": "{split}/e/{id}.png", "optional": True},
    ]
    for number, (split, name) in enumerate((("train", "0"), ("train", "1"), ("val", "2"))):
        one = scene(number, (32, 64))
        formats.save(root / split / "image" / f"{name}.png", one.image)
        formats.save(root / split / "m" / f"{name}.png", one.plane.astype("uint8") % 3)
        formats.save(root / split / "d" / f"{name}.npy", one.depth.astype("float32"))
        if name != "1":
            formats.save(root / split / "e" / f"{name}.png", one.edge)
    (root / "dataset.yaml").write_text(yaml.safe_dump({"title": "Mine", "tasks": entries}))


MAKERS = {
    "nyud": lambda root: formats.nyud(root, size=(64, 96)),
    "pascal": formats.pascal,
    "mtan": lambda root: formats.mtan_nyu(root, size=(32, 64)),
    "mtan-cityscapes": lambda root: formats.mtan_cityscapes(root, size=(32, 64)),
    "cityscapes": lambda root: formats.cityscapes(root, size=(32, 64)),
    "folder": folder,
}


def make(form: str, root: Path) -> Path:
    """A data set of two training images and one or two to evaluate on."""
    MAKERS[form](root)
    return root


def plain_config(root: Path, **changes: Any) -> dict[str, Any]:
    """Two passes over two images, with fields replaced, ``data`` and ``network`` field by field."""
    data = {"train": str(root), "val": str(root), "size": [32, 64], "workers": 0}
    values = {
        "budget": 4,
        "batch": 2,
        "accelerator": "cpu",
        "threads": 1,
        "save_every": 2,
        "log_every": 1,
        "optimiser": {"warmup": 0},
        **changes,
    }
    return {**values, "data": data | changes.get("data", {}), "network": NETWORK | changes.get("network", {})}


def set_config(root: Path, **changes: Any) -> TrainConfig:
    """The same as a record."""
    return parse_config(plain_config(root, **changes))
