"""What a training is: one YAML file, read into a typed record that accepts no unknown value."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mtlviz.data.transforms import Augmentation
from mtlviz.errors import OptionError
from mtlviz.models.multitask import INITIAL, NetworkConfig
from mtlviz.tasks import TASKS, Task

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HELD_OUT = ("rooms:val", "rooms:test")
"""Rooms that need no folder to be evaluated on."""


class DataConfig(BaseModel):
    """Where images come from and how many of their labels are seen.

    Attributes:
        train: folder of rooms to learn from.
        val: folder of rooms for the evaluation at the end, ``rooms:val`` or ``rooms:test`` for rooms that are rendered
            for it, or None for no evaluation.
        images: size of the training set; None takes the whole folder.
        keep: by task the share of training images whose labels of that task are seen; 1 where not named.
        letterbox: probability that the images of a batch get bars of padding, as uploads do.
        workers: processes that prepare batches beside the one that trains.
        augment: how images are varied.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: Path
    val: Path | None = None
    images: int | None = Field(default=None, ge=1)
    keep: dict[str, float] = {}
    letterbox: float = Field(default=0.1, ge=0, le=1)
    workers: int = Field(default=1, ge=0)
    augment: Augmentation = Augmentation()

    @field_validator("val")
    @classmethod
    def _held_out(cls, val: Path | None) -> Path | None:
        if val is not None and str(val).startswith("rooms:") and str(val) not in HELD_OUT:
            raise ValueError(f"give {' or '.join(HELD_OUT)}, which no training sees, or a folder of rooms; got {val}")
        return val

    @field_validator("keep")
    @classmethod
    def _shares(cls, keep: dict[str, float]) -> dict[str, float]:
        for task, share in keep.items():
            if not 0 < share <= 1:
                raise ValueError(f"the share of {task!r} must lie above 0 and at most at 1; got {share}")
        return keep


class OptimiserConfig(BaseModel):
    """AdamW with linear warm-up.

    Attributes:
        rate: highest learning rate.
        decay: weight decay of convolution and matrix weights; norms, biases and other vectors have none.
        warmup: images over which the rate grows from 0.
        schedule: how the rate falls to 0 afterwards: ``cosine``, ``poly`` (power 0.9) or ``constant``.
        clip: largest norm of the gradient; None clips nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(default=2e-3, gt=0)
    decay: float = Field(default=0.05, ge=0)
    warmup: int = Field(default=4000, ge=0)
    schedule: Literal["cosine", "poly", "constant"] = "cosine"
    clip: float | None = Field(default=5.0, gt=0)


class TrainConfig(BaseModel):
    """One training.

    Attributes:
        title: name of the model on its card.
        summary: one sentence about the model on its card.
        tasks: names of the tasks, see ``mtlviz.tasks``.
        data: images and labels.
        network: the architecture.
        encoder_sha256: of that file, filled in when the training starts, so that a card tells which encoder it was.
        encoder: safetensors file whose ``encoder.*`` weights the encoder starts from; None starts at random.
        budget: images seen in all, repeats and variations included.
        batch: images of one step, over all devices.
        optimiser: how weights move.
        weights: by task the weight of its loss; the task's default where not named.
        auxiliary: by name the weight of a loss that the interaction adds, e.g. ``collapse``; 1 where not named.
        seed: fixes the weights at the start, the order of images and their variations.
        accelerator: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        devices: how many of them.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``.
        threads: processor threads of one device; None leaves torch's choice.
        log_every: steps between two lines of the log.
        save_every: images between two resumable states.
        collapse_every: images between two lines of collapse statistics, on held-out images; None logs none.
        collapse_rooms: held-out images that they are taken on, the first ones of ``data.val``.
        mean: of RGB in [0, 1], subtracted from images.
        std: of RGB in [0, 1], by which images are divided.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    summary: str = ""
    tasks: tuple[str, ...] = ("semseg", "depth", "normals", "edge")
    data: DataConfig
    network: NetworkConfig = NetworkConfig.model_validate({})
    encoder: Path | None = None
    encoder_sha256: str = ""
    budget: int = Field(ge=1)
    batch: int = Field(default=16, ge=1)
    optimiser: OptimiserConfig = OptimiserConfig()
    weights: dict[str, float] = {}
    auxiliary: dict[str, float] = {}
    seed: int = Field(default=0, ge=0)
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = Field(default=1, ge=1)
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    threads: int | None = Field(default=None, ge=1)
    log_every: int = Field(default=50, ge=1)
    save_every: int = Field(default=8000, ge=1)
    collapse_every: int | None = Field(default=None, ge=1)
    collapse_rooms: int = Field(default=64, ge=1)
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    @field_validator("auxiliary")
    @classmethod
    def _not_negative(cls, auxiliary: dict[str, float]) -> dict[str, float]:
        for name, weight in auxiliary.items():
            if not weight >= 0:
                raise ValueError(f"the weight of {name!r} must be at least 0; got {weight:g}")
        return auxiliary

    @model_validator(mode="after")
    def _consistent(self) -> "TrainConfig":
        unknown = [task for task in self.tasks if task not in TASKS]
        if unknown or not self.tasks:
            raise ValueError(f"tasks must be some of {', '.join(TASKS)}; got {', '.join(self.tasks) or 'none'}")
        for field, named in (("weights", self.weights), ("data.keep", self.data.keep)):
            strange = [task for task in named if task not in self.tasks]
            if strange:
                raise ValueError(f"{field} names {strange[0]!r}, which is not one of the tasks of this training")
        if self.batch % self.devices:
            raise ValueError(f"a batch of {self.batch} cannot be split evenly over {self.devices} devices")
        if self.budget < self.batch:
            raise ValueError(f"a budget of {self.budget} images is less than one batch of {self.batch}")
        if self.collapse_every is not None and self.data.val is None:
            raise ValueError("collapse_every needs held-out images; give data.val")
        return self

    @property
    def steps(self) -> int:
        """Optimiser steps; what is left of the budget after the last whole batch is not used."""
        return self.budget // self.batch

    def task_list(self) -> list[Task]:
        """The tasks in the order of ``tasks``."""
        return [TASKS[name] for name in self.tasks]

    def loss_weights(self) -> dict[str, float]:
        """Weight of every task's loss, the same for its initial prediction, and of the losses in ``auxiliary``."""
        tasks = {name: self.weights.get(name, TASKS[name].loss_weight) for name in self.tasks}
        initial = {INITIAL + name: weight for name, weight in tasks.items() if self.network.deep_supervision}
        return tasks | initial | self.auxiliary


def read_config(path: Path) -> TrainConfig:
    """Read a YAML file; ``base: FILE`` in it names a file, beside it, whose values it changes.

    Raises:
        OptionError: in one sentence, if a file is missing, is not YAML or holds a value that is not allowed.
    """
    return parse_config(_read_yaml(path, ()), str(path))


def parse_config(values: dict[str, Any], source: str = "configuration") -> TrainConfig:
    """A checked configuration from plain values.

    Raises:
        OptionError: naming the first field that is wrong.
    """
    try:
        return TrainConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ").rstrip(".")
        if first["type"] == "extra_forbidden":
            message = "there is no such field"
        raise OptionError(f"{source}: {where + ': ' if where else ''}{message}.") from error


def _read_yaml(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path in seen:
        raise OptionError(f"{path} names itself as its base; remove one 'base' line.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"Configuration {str(path)!r} cannot be read; give the path of a YAML file.") from error
    except yaml.YAMLError as error:
        raise OptionError(f"{path} is not valid YAML; see {' '.join(str(error).split())}.") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise OptionError(f"{path} must hold 'field: value' lines; see configs/ for examples.")
    base = values.pop("base", None)
    if base is None:
        return values
    return _merge(_read_yaml(path.parent / str(base), (*seen, path)), values)


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes``, mappings merged field by field."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
