"""What a training is: one YAML file, read into a typed record that accepts no unknown value."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from mtlviz.errors import OptionError, first_mistake
from mtlviz.metrics.families import protocol_family
from mtlviz.models.backbones import BackboneConfig
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.initial import INITIAL
from mtlviz.models.multitask import NetworkConfig
from mtlviz.tasks import TASKS, Task
from mtlviz.training.options import PLAIN, BalanceConfig, DataConfig, LossOptions, OptimiserConfig, StopConfig

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
PADDED = ("atrc", "invpt", "taskprompter")
"""Protocols that pad images to the network's size and score them there."""


class TrainConfig(BaseModel):
    """One training.

    Attributes:
        title: name of the model on its card.
        summary: one sentence about the model on its card.
        tasks: names of the tasks, in order; where none are named, the four usual ones of rooms, or all that other
            data have labels for.
        definitions: the tasks with their classes, colours and units, filled in from the data set when the training
            starts; empty for rooms, whose tasks are those of ``mtlviz.tasks``.
        data: images and labels.
        network: the architecture.
        encoder_sha256: of that file, filled in when the training starts, so that a card tells which encoder it was.
        encoder: safetensors file whose ``encoder.*`` weights the encoder starts from; None starts at random.
        frozen: leave the encoder as it starts, and images as they are, so that the features of every image are
            computed once: a comparison of what follows the encoder, in minutes.
        budget: images seen in all, repeats and variations included.
        batch: images of one step, over all devices.
        optimiser: how weights move.
        weights: by task the weight of its loss; the task's default where not named.
        losses: by task where its loss differs from the usual one.
        balancing: how the weighted losses make one step.
        accumulate: parts in which the images of a step are looked at, one after the other, to save memory; the step
            follows the mean of their gradients.
        stop: end early; None uses the whole budget.
        protocol: whose conventions scores follow, a family of ``mtlviz.metrics.families``; None is the default.
        tensorboard: write the log for TensorBoard too, which then has to be installed.
        auxiliary: by name the weight of a loss that the interaction adds, e.g. ``collapse``; 1 where not named.
        seed: fixes the weights at the start, the order of images and their variations.
        accelerator: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        devices: how many of them, on all machines.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``.
        threads: processor threads of one device; None leaves torch's choice.
        log_every: steps between two lines of the log.
        save_every: images between two resumable states.
        collapse_every: images between two lines of collapse statistics, on held-out images; None logs none.
        collapse_rooms: held-out images that they are taken on, the first ones of ``data.val``.
        mean: of RGB in [0, 1], subtracted from images.
        std: of RGB in [0, 1], by which images are divided.
    """

    model_config = PLAIN

    title: str = ""
    summary: str = ""
    tasks: tuple[str, ...] = ("semseg", "depth", "normals", "edge")
    definitions: tuple[Task, ...] = ()
    data: DataConfig
    network: NetworkConfig = NetworkConfig.model_validate({})
    encoder: Path | None = None
    frozen: bool = False
    encoder_sha256: str = ""
    budget: int = Field(ge=1)
    batch: int = Field(default=16, ge=1)
    optimiser: OptimiserConfig = OptimiserConfig()
    weights: dict[str, float] = {}
    losses: dict[str, LossOptions] = {}
    balancing: BalanceConfig = BalanceConfig()
    accumulate: int = Field(default=1, ge=1)
    stop: StopConfig | None = None
    protocol: str | None = None
    tensorboard: bool = False
    auxiliary: dict[str, float] = {}
    seed: int = Field(default=0, ge=0, lt=2**32)
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

    @field_validator("auxiliary", "weights")
    @classmethod
    def _not_negative(cls, weights: dict[str, float]) -> dict[str, float]:
        for name, weight in weights.items():
            if not weight >= 0:
                raise ValueError(f"the weight of {name!r} must be at least 0; got {weight:g}")
        return weights

    @field_validator("std")
    @classmethod
    def _above_zero(cls, std: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(std) <= 0:
            raise ValueError(f"images are divided by it, so all three must be above 0; got {list(std)}")
        return std

    @field_validator("protocol")
    @classmethod
    def _known(cls, protocol: str | None) -> str | None:
        if protocol is not None:
            protocol_family(protocol)
        return protocol

    @model_validator(mode="after")
    def _consistent(self) -> "TrainConfig":
        if not self.tasks or len(set(self.tasks)) < len(self.tasks):
            raise ValueError(f"tasks must name each task once; got {', '.join(self.tasks) or 'none'}")
        if self.names_tasks and (strange := self.strange_name(self.tasks)):
            raise ValueError(strange)
        parts = self.devices * self.accumulate
        if self.batch % self.devices:
            raise ValueError(f"a batch of {self.batch} cannot be split evenly over {self.devices} devices")
        if self.batch % parts:
            raise ValueError(f"a batch of {self.batch} cannot be split evenly into {parts} parts")
        if self.budget < self.batch:
            raise ValueError(f"a budget of {self.budget} images is less than one batch of {self.batch}")
        if self.frozen and self.encoder is None and not getattr(self.network.encoder, "pretrained", False):
            raise ValueError("frozen keeps the encoder as it starts; give the encoder that it starts from")
        for field, value in (("collapse_every", self.collapse_every), ("stop", self.stop)):
            if value is not None and self.data.val is None:
                raise ValueError(f"{field} needs held-out images; give data.val")
        if self.precision == "16-mixed" and self.balancing.method not in ("fixed", "uncertainty", "dwa"):
            raise ValueError(f"balancing {self.balancing.method} needs precision 32-true or bf16-mixed")
        return self

    @property
    def names_tasks(self) -> bool:
        """Whether the tasks were chosen, rather than left to the data."""
        return "tasks" in self.model_fields_set

    def strange_name(self, tasks: Sequence[str]) -> str:
        """What is wrong where an option is about a task that is not one of these; empty if nothing is."""
        named: dict[str, Mapping[str, object]] = {
            "weights": self.weights, "data.keep": self.data.keep, "losses": self.losses,
            "optimiser.rates": self.optimiser.rates, "optimiser.tasks": self.optimiser.tasks,
            "data.sampling": {} if self.data.sampling is None else self.data.sampling.named,
        }  # fmt: skip
        return next(
            (
                f"{field} names {task!r}, which is not one of the tasks of this training"
                for field, values in named.items()
                for task in values
                if task not in tasks
            ),
            "",
        )

    @property
    def steps(self) -> int:
        """Optimiser steps; what is left of the budget after the last whole batch is not used."""
        return self.budget // self.batch

    @property
    def fitting(self) -> Literal["resize", "pad"]:
        """How images to evaluate on get the network's size."""
        if self.data.fit is not None:
            return self.data.fit
        cropped = self.data.pipeline is not None and self.data.pipeline.framing == "crop"
        return "pad" if cropped or self.protocol in PADDED else "resize"

    def task_list(self) -> list[Task]:
        """The tasks in their order, with the classes of the data set once the training has begun."""
        return list(self.definitions) or [TASKS[name] for name in self.tasks]

    def loss_weights(self) -> dict[str, float]:
        """Weight of every task's loss, the same for its initial prediction, and of the losses in ``auxiliary``."""
        tasks = {task.name: self.weights.get(task.name, task.loss_weight) for task in self.task_list()}
        initial = {INITIAL + name: weight for name, weight in tasks.items() if self.network.deep_supervision}
        return tasks | initial | self.auxiliary


_FIELDS = {
    field
    for record in (TrainConfig, DataConfig, NetworkConfig, BackboneConfig, EncoderConfig, OptimiserConfig, LossOptions,
                   BalanceConfig, StopConfig)
    for field in record.model_fields
}  # fmt: skip


def read_config(path: Path) -> TrainConfig:
    """Read a YAML file; ``base: FILE`` in it names a file, beside it, whose values it changes.

    Raises:
        OptionError: in one sentence, if a file is missing, is not YAML or holds a value that is not allowed.
    """
    return parse_config(read_values(path), str(path))


def read_values(path: Path) -> dict[str, Any]:
    """The plain values of a file and its bases, not checked yet.

    Raises:
        OptionError: if a file is missing or is not YAML.
    """
    return _read_yaml(path, ())


def parse_config(values: dict[str, Any], source: str = "configuration") -> TrainConfig:
    """A checked configuration from plain values.

    Raises:
        OptionError: naming the first field that is wrong.
    """
    try:
        return TrainConfig(**values)
    except ValidationError as error:
        loc = error.errors()[0]["loc"]
        # An encoder's own form stands behind its field.
        where = ".".join(str(part) for at, part in enumerate(loc) if not (at and loc[at - 1] == "encoder"))
        raise OptionError(f"{source}: {where + ': ' if where else ''}{first_mistake(error, _FIELDS)}.") from error


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
