"""The YAML of a folder data set, checked; ``folder`` documents its fields."""

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mtlviz.data.sample import Intrinsics
from mtlviz.errors import DataError
from mtlviz.tasks import IGNORE, TASKS

MAX_YAML_BYTES = 2**20
MAX_CLASSES = 255

LABEL_FILES = (".png", ".npy")
IMAGE_FILES = (".png", ".jpg", ".jpeg", ".webp")

LARGEST_NUMBER = 10**6
"""Of a stored class number, so that a table of all of them stays small."""

Byte = Annotated[int, Field(ge=0, le=255)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
_SIGNS = ({"right": 1, "left": -1}, {"up": 1, "down": -1}, {"towards": 1, "away": -1})


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskEntry(_Strict):
    """One entry of ``tasks``."""

    name: str
    kind: Literal["classes", "depth", "disparity", "normals", "binary"]
    title: str = ""
    files: str = ""
    classes: tuple[str, ...] = ()
    palette: tuple[tuple[Byte, Byte, Byte], ...] = ()
    first_label: int = Field(default=0, ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)
    ignore: tuple[Finite, ...] = ()
    scale: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    unit: str = ""
    range: tuple[Finite | None, Finite | None] = (None, None)
    threshold: Finite = 0.0
    axes: tuple[str, str, str] = ("right", "up", "towards")
    optional: bool = False

    @property
    def patterns(self) -> tuple[str, ...]:
        """Where its files lie."""
        return _expanded(self.files or f"{{split}}/{self.name}/{{id}}.*", LABEL_FILES)

    @property
    def signs(self) -> tuple[int, int, int]:
        """What takes stored normals to ours."""
        x, y, z = (signs[word] for signs, word in zip(_SIGNS, self.axes, strict=True))
        return x, y, z

    @field_validator("name")
    @classmethod
    def _key(cls, name: str) -> str:
        if not re.fullmatch("[a-z][a-z0-9_]{0,31}", name):
            raise ValueError(f"{name!r} is no task name; use lower-case letters, digits and _")
        return name

    @field_validator("files")
    @classmethod
    def _inside(cls, files: str) -> str:
        return _checked_pattern(files, LABEL_FILES) if files else files

    @field_validator("axes")
    @classmethod
    def _known(cls, axes: tuple[str, str, str]) -> tuple[str, str, str]:
        for signs, word in zip(_SIGNS, axes, strict=True):
            if word not in signs:
                raise ValueError(f"{word!r} is not {' or '.join(signs)}; axes are [right, up, towards] or opposites")
        return axes

    @model_validator(mode="after")
    def _consistent(self) -> "TaskEntry":
        self._check_classes()
        if (self.kind == "disparity") != (self.name == "disparity"):
            raise ValueError("a task of kind disparity is named disparity, and no other is, since it scales otherwise")
        if self.name in TASKS and self.kind != TASKS[self.name].kind:
            raise ValueError(f"{self.name!r} is of kind {TASKS[self.name].kind} everywhere; choose another name")
        low, high = self.range
        if low is not None and high is not None and not low < high:
            raise ValueError(f"range is [{low:g}, {high:g}]; the first number must be the smaller")
        return self

    def _check_classes(self) -> None:
        if self.kind != "classes":
            if self.classes or self.palette:
                raise ValueError(f"classes and palette belong to kind classes, not {self.kind}")
            return
        if not 2 <= len(self.classes) <= MAX_CLASSES or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes must be 2 to {MAX_CLASSES} different names; got {len(self.classes)}")
        if self.palette and len(self.palette) != len(self.classes):
            raise ValueError(f"palette has {len(self.palette)} colours for {len(self.classes)} classes")
        if any(number != int(number) or abs(number) > LARGEST_NUMBER for number in self.ignore):
            raise ValueError(f"ignore must be whole numbers up to {LARGEST_NUMBER:,} for kind classes")

    @property
    def ignored_labels(self) -> tuple[int, ...]:
        """Stored numbers without a class; by default 255, unless it is that of a class."""
        if self.ignore:
            return tuple(int(number) for number in self.ignore)
        return () if self.first_label <= IGNORE < self.first_label + len(self.classes) else (IGNORE,)


class CameraEntry(_Strict):
    """The camera of every image, in pixels, pixel centres at integer + 0.5."""

    fx: float = Field(gt=0, allow_inf_nan=False)
    fy: float = Field(gt=0, allow_inf_nan=False)
    cx: Finite
    cy: Finite

    @property
    def intrinsics(self) -> Intrinsics:
        """The same for a sample."""
        return Intrinsics(self.fx, self.fy, self.cx, self.cy)


class FolderConfig(_Strict):
    """The whole file."""

    title: str = ""
    root: str = "."
    image: str = "{split}/image/{id}.*"
    splits: dict[str, tuple[str, ...]] = {}
    camera: CameraEntry | None = None
    tasks: tuple[TaskEntry, ...] = Field(min_length=1)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Where the images lie."""
        return _expanded(self.image, IMAGE_FILES)

    @field_validator("image")
    @classmethod
    def _inside(cls, image: str) -> str:
        return _checked_pattern(image, IMAGE_FILES)

    @field_validator("splits")
    @classmethod
    def _named(cls, splits: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name in splits:
            if not re.fullmatch(r"\w[\w .-]*", name):
                raise ValueError(f"{name!r} is no name of a split; use letters, digits, _, - and .")
        return splits

    @model_validator(mode="after")
    def _different(self) -> "FolderConfig":
        names = [task.name for task in self.tasks]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"tasks names {twice!r} twice")
        if not self.splits and "{split}" not in self.image:
            raise ValueError("image has no {split}, so splits must list the samples, such as {val: [a, b]}")
        return self


def _checked_pattern(pattern: str, endings: tuple[str, ...]) -> str:
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or "\\" in pattern or ":" in pattern or pattern.count("{id}") != 1:
        raise ValueError(f"{pattern!r} must be a relative path inside the data set that holds {{id}} once")
    if not any(pattern.endswith(ending) for ending in (*endings, ".*")):
        raise ValueError(f"{pattern!r} must end in {', '.join(endings)} or .* for any of these")
    if any(sign in pattern.removesuffix(".*") for sign in "*?["):
        raise ValueError(f"{pattern!r} may hold * only at its end, for the ending")
    return pattern


def _expanded(pattern: str, endings: tuple[str, ...]) -> tuple[str, ...]:
    stem = pattern.removesuffix(".*")
    return (pattern,) if stem == pattern else tuple(stem + ending for ending in endings)


def read_folder_yaml(path: Path) -> FolderConfig:
    """The checked fields of a file.

    Raises:
        DataError: in one sentence that names the field.
    """
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise DataError(f"{path} has more than 1 MB; the YAML of a data set lists tasks, not data.")
        values: Any = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read; give the path of a YAML file.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file in UTF-8; save it as one.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise DataError(f"{path} is not valid YAML; see {' '.join(str(error).split())}.") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise DataError(f"{path} must hold 'field: value' lines with at least 'tasks'; see the README on data.")
    try:
        return FolderConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ").rstrip(".")
        if first["type"] == "extra_forbidden":
            message = "there is no such field"
        if where.startswith("splits.") and first["type"] == "string_type":
            message = "a name of a sample is text; write numbers in quotes"
        raise DataError(f"{path}: {where + ': ' if where else ''}{message}.") from error
