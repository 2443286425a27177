"""A folder data set: one's own images and labels, with a YAML that says what they mean.

::

    <split>/image/<id>.png|.jpg|.jpeg|.webp      RGB
    <split>/<task>/<id>.png|.npy                 one file an image and task

The YAML is ``dataset.yaml`` in the folder, ``<folder>.yaml`` beside it, or any other whose path is given::

    title: My rooms                   # optional
    root: ../rooms                    # optional: where the files lie, from the YAML's folder; by default there
    image: "{split}/image/{id}.*"     # optional: another layout; .* stands for any ending
    splits: {val: [a, b]}             # optional: lists of ids; needed where image has no {split}
    camera: {fx: 500, fy: 500, cx: 320, cy: 240}        # optional: of all images, in pixels
    tasks:
      - name: semseg                  # lower case; built-in names (depth, edge, ...) keep their kind
        kind: classes                 # classes, depth, disparity, normals or binary
        title: Surfaces               # optional
        files: "{split}/labels/{id}.png"                # optional: by default {split}/<name>/{id}.*
        classes: [wall, floor, door]  # classes: names in label order, at most 255
        palette: [[199, 199, 199], [140, 109, 75], [176, 122, 40]]      # optional
        first_label: 1                # optional: number stored for the first class, by default 0
        ignore: [0]                   # optional: stored numbers without a label, by default 255
      - name: depth
        kind: depth
        scale: 0.001                  # optional: what one stored unit is worth
        unit: m                       # optional
        range: [0.1, 20]              # optional: other values do not count; null for no limit
        ignore: [65535]               # optional: stored numbers that mean "not measured"
      - name: edge
        kind: binary
        threshold: 127                # optional: above it is 1, by default above 0
        optional: true                # optional: an image may have no such file, and then has no label

What does not count, whatever the YAML says: depth and disparity that are 0, negative, infinite or NaN; normals
that are the zero vector (shorter than 0.5 in 8-bit files, where n = 2 v / 255 - 1). Normals may name their
``axes``, such as ``[right, down, towards]``; by default x is right, y up and z towards the camera. A task of
kind ``disparity`` is named so, because it grows where depth shrinks when an image is zoomed.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

from mtlviz.data.sets.base import checked_names, chosen_split
from mtlviz.data.sets.class_names import bit_colours, disparity, with_classes
from mtlviz.data.sets.file_set import FileSet, Layer, Source
from mtlviz.data.sets.files import read_array
from mtlviz.data.sets.folder_yaml import FolderConfig, TaskEntry, read_folder_yaml
from mtlviz.data.sets.labels import Label, binary_label, class_label, class_table, depth_label, normals_label
from mtlviz.errors import DataError
from mtlviz.tasks import TASKS, Task

EXPECTS = "dataset.yaml (one's own data)"
_TEMPLATES = {"classes": "semseg", "depth": "depth", "normals": "normals", "binary": "saliency"}


def yaml_of(path: Path) -> Path | None:
    """The YAML of a folder data set that a path names: the file itself, inside the folder or beside it."""
    if path.suffix in (".yaml", ".yml"):
        return path if path.is_file() else None
    candidates = (path / "dataset.yaml", path / "dataset.yml", path.parent / f"{path.name}.yaml")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def recognises(path: Path) -> bool:
    """Whether a path names a folder data set."""
    return yaml_of(path) is not None


def splits(path: Path) -> tuple[str, ...]:
    """Splits that the YAML lists, or those of the folders.

    Raises:
        DataError: if the YAML cannot be used.
    """
    config, root = _config(path)
    return tuple(config.splits) or _folder_splits(config, root)


def open_split(path: Path, split: str) -> FileSet:
    """One split.

    Raises:
        DataError: if the YAML cannot be used or the split is not there.
    """
    config, root = _config(path)
    known = tuple(config.splits) or _folder_splits(config, root)
    if not known:
        raise DataError(f"{root} holds no image at {config.image}; correct image or root in the YAML.")
    chosen_split(split, known, root)
    image = Source(config.patterns)
    listed = config.splits.get(split)
    names = sorted(image.names(root, split)) if listed is None else listed
    return FileSet(
        "one's own folder with a YAML", config.title or root.name, root, split, known,
        checked_names(names, f"split {split!r} of {root}"), image, tuple(map(_layer, config.tasks)),
        camera=None if config.camera is None else config.camera.intrinsics,
        whole=all("{split}" in pattern for pattern in config.patterns),
    )  # fmt: skip


def _config(path: Path) -> tuple[FolderConfig, Path]:
    file = yaml_of(path)
    if file is None:
        raise DataError(f"There is no dataset.yaml in {path} and no {path.name}.yaml beside it; write one.")
    config = read_folder_yaml(file)
    beside = path.is_dir() and file.parent != path and config.root == "."
    root = path if beside else file.parent / config.root
    if not root.is_dir():
        raise DataError(f"{file} names the root {config.root!r}, which is no folder; correct root.")
    return config, root


def _folder_splits(config: FolderConfig, root: Path) -> tuple[str, ...]:
    """Names of the folders that ``{split}`` can stand for."""
    if not config.image.startswith("{split}/"):
        return tuple(split for split in ("train", "val", "test") if Source(config.patterns).names(root, split))
    folders = sorted(folder.name for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    return tuple(name for name in folders if Source(config.patterns).names(root, name))


def _layer(entry: TaskEntry) -> Layer:
    return Layer(_task(entry), (Source(entry.patterns),), partial(_label, entry=entry), entry.optional)


def _task(entry: TaskEntry) -> Task:
    """The task, with the loss and the metric of the nearest built-in one."""
    if entry.kind == "disparity":
        made = disparity(entry.unit or "px")
    else:
        made = TASKS[entry.name] if entry.name in TASKS else TASKS[_TEMPLATES[entry.kind]]
        title = entry.name.replace("_", " ").capitalize()
        made = made if entry.name == made.name else replace(made, name=entry.name, title=title)
    if entry.title:
        made = replace(made, title=entry.title)
    if entry.kind == "classes":
        made = with_classes(made, entry.classes, entry.palette or bit_colours(len(entry.classes) + 1)[1:])
    if entry.kind == "depth" and entry.unit:
        made = replace(made, unit=entry.unit, metric_unit=entry.unit)
    return made


def _label(path: Path, entry: TaskEntry) -> Label:
    raw = read_array(path)
    if entry.kind == "classes":
        return class_label(raw, class_table(len(entry.classes), entry.first_label, entry.ignored_labels))
    if entry.kind == "normals":
        return normals_label(raw, entry.signs)
    if entry.kind == "binary":
        return binary_label(raw, entry.threshold, entry.ignore)
    return depth_label(raw, entry.scale, entry.ignore, entry.range)
