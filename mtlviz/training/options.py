"""Parts of a training's configuration: data, losses, their balance, the optimiser, when to stop."""

import math
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mtlviz.data.transforms import Augmentation
from mtlviz.training.pipeline import PIPELINES, Pipeline

HELD_OUT = ("rooms:val", "rooms:test")
"""Rooms that need no folder to be evaluated on."""
OptimiserKind = Literal["adamw", "adam", "sgd"]
PLAIN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
"""Of every record of a configuration."""
GRID = 32
"""Pixels of which a network's sides are multiples, so that its coarsest features cover them evenly."""


class SamplingConfig(BaseModel):
    """Which images are seen more often than others; ``mtlviz.training.sampling`` has the formula.

    Attributes:
        rare: task whose rare classes count: an image is seen as much more often as its rarest class asks for.
        share: of the images that have labels of ``rare``; a class that fewer of them show counts as rare.
        power: how much rarity counts: 0 not at all, 0.5 its square root, 1 in full.
        labelled: by task the factor for images that have labels of it, where not all do.
    """

    model_config = PLAIN

    rare: str | None = None
    share: float = Field(default=0.2, gt=0, le=1)
    power: float = Field(default=0.5, ge=0, le=1)
    labelled: dict[str, float] = {}

    @property
    def named(self) -> dict[str, float]:
        """The tasks that are named, with their factors."""
        return self.labelled if self.rare is None else {self.rare: 1.0, **self.labelled}

    @model_validator(mode="after")
    def _says_something(self) -> "SamplingConfig":
        if self.rare is None and not self.labelled:
            raise ValueError("sampling needs rare: TASK or labelled: {TASK: FACTOR}")
        for task, factor in self.labelled.items():
            if not 0 < factor < math.inf:
                raise ValueError(f"the factor of {task!r} must be above 0; got {factor:g}")
        return self


class DataConfig(BaseModel):
    """Where images come from and how many of their labels are seen.

    Attributes:
        train: path of the data set to learn from, of any form that ``validate-dataset`` recognises; the split ``train``
            of it.
        val: path of the data set for the evaluation at the end, the split ``val`` of it, which may be the same path;
            ``rooms:val`` or ``rooms:test`` for rooms that are rendered for it, or None for no evaluation.
        images: size of the training set; None takes all.
        size: (H, W) that the network takes, multiples of 32; None leaves rooms as they are, and takes the size of the
            first image of other data.
        fit: how images to evaluate on get that size: ``resize``, with predictions resized back to the labels' own
            size, or ``pad``, with scores at that size; None does what ``protocol`` or else ``pipeline`` implies.
        keep: by task the share of training images whose labels of that task are seen; 1 where not named.
        sampling: how often images are seen; None shows every one once in each pass over them.
        letterbox: probability that the images of a batch get bars of padding, as uploads do.
        workers: processes that prepare batches beside the one that trains.
        augment: how rooms are varied where ``pipeline`` is None.
        pipeline: how images are varied otherwise: a name in ``pipeline.PIPELINES`` or its fields; None is ``flip``
            for data that are not rooms.
    """

    model_config = PLAIN

    train: Path
    val: Path | None = None
    images: int | None = Field(default=None, ge=1)
    size: tuple[int, int] | None = None
    fit: Literal["resize", "pad"] | None = None
    keep: dict[str, float] = {}
    sampling: SamplingConfig | None = None
    letterbox: float = Field(default=0.1, ge=0, le=1)
    workers: int = Field(default=1, ge=0)
    augment: Augmentation = Augmentation()
    pipeline: Pipeline | None = None

    @field_validator("val")
    @classmethod
    def _held_out(cls, val: Path | None) -> Path | None:
        if val is not None and str(val).startswith("rooms:") and str(val) not in HELD_OUT:
            raise ValueError(f"give {' or '.join(HELD_OUT)}, which no training sees, or a data set's path; got {val}")
        return val

    @field_validator("size")
    @classmethod
    def _even(cls, size: tuple[int, int] | None) -> tuple[int, int] | None:
        if size is not None and (min(size) < GRID or any(side % GRID for side in size)):
            raise ValueError(f"both sides must be multiples of {GRID}; got {list(size)}")
        return size

    @field_validator("keep")
    @classmethod
    def _shares(cls, keep: dict[str, float]) -> dict[str, float]:
        for task, share in keep.items():
            if not 0 < share <= 1:
                raise ValueError(f"the share of {task!r} must lie above 0 and at most at 1; got {share}")
        return keep

    @field_validator("pipeline", mode="before")
    @classmethod
    def _named(cls, pipeline: object) -> object:
        if not isinstance(pipeline, str):
            return pipeline
        if pipeline not in PIPELINES:
            raise ValueError(f"there is no pipeline {pipeline!r}; choose one of {', '.join(PIPELINES)}")
        return PIPELINES[pipeline]

    @model_validator(mode="after")
    def _cropped(self) -> "DataConfig":
        if self.size is None and self.pipeline is not None and self.pipeline.framing == "crop":
            raise ValueError("a pipeline that crops needs a size; give size: [H, W]")
        return self


class LossOptions(BaseModel):
    """Where the loss of a task differs from the usual one.

    Attributes:
        form: ``normal_l1`` (mean over a pixel's three values), ``normal_l1_sum`` (their sum, three times as large) or
            ``normal_cosine`` (1 - cosine) for normals, ``edge_bce`` or ``balanced_bce`` for one probability a pixel;
            None is the task's own.
        positive: weight of the positive class in ``edge_bce``, 0.95 if None; the other class has the rest.
        calibrated: move the logits of a weighted loss so that their sigmoid is a probability; False is the field's.
        cap: depths of this or more do not count; 6.5535 m in MTFormer.
    """

    model_config = PLAIN

    form: str | None = None
    positive: float | None = Field(default=None, gt=0, lt=1)
    calibrated: bool = True
    cap: float | None = Field(default=None, gt=0)


class BalanceConfig(BaseModel):
    """How the losses of the tasks, with their weights w, make one step.

    Attributes:
        method: ``fixed`` sums w L. ``uncertainty`` sums scale w exp(-s) L + penalty s, with s learned for every task;
            Kendall et al. and MTAN have scale and penalty 0.5, MTFormer 10 and 1. ``dwa`` (MTAN) multiplies w by
            T softmax(r / temperature), r being how a task's mean loss changed over the last two passes over the
            data. The others find one gradient of the shared part from that of every w L, with torchjd.
        scale: of ``uncertainty``.
        penalty: of ``uncertainty``.
        start: of s.
        temperature: of ``dwa``.
    """

    model_config = PLAIN

    method: Literal[
        "fixed", "uncertainty", "dwa", "upgrad", "pcgrad", "cagrad", "mgda", "imtl_g", "aligned_mtl", "dualproj"
    ] = "fixed"
    scale: float = Field(default=0.5, gt=0)
    penalty: float = Field(default=0.5, ge=0)
    start: float = Field(default=0.0, ge=-10, le=10)
    temperature: float = Field(default=2.0, gt=0)


class TaskOptimiser(BaseModel):
    """What differs for the encoder and decoder of one task; None is as for the shared part.

    Attributes:
        kind: of the optimiser.
        rate: highest learning rate; it has the same course as the shared one.
        decay: weight decay.
    """

    model_config = PLAIN

    kind: OptimiserKind | None = None
    rate: float | None = Field(default=None, ge=0)
    decay: float | None = Field(default=None, ge=0)


class OptimiserConfig(BaseModel):
    """The optimiser, with linear warm-up.

    Attributes:
        kind: ``adamw``, ``adam`` (decay is added to the gradient) or ``sgd`` (momentum 0.9, decay as in ``adam``).
        rate: highest learning rate.
        rates: by task the factor on that rate for its own encoder and decoder; 1 where not named.
        tasks: by task an optimiser of its own for its encoder and decoder; all that tasks share keeps this one.
        decay: weight decay of convolution and matrix weights; norms, biases and other vectors have none.
        warmup: images over which the rate grows from 0.
        schedule: how the rate falls to 0 afterwards: ``cosine``, ``poly`` (power 0.9) or ``constant``.
        restart: images after which the cosine starts again, twice as long every time; None lets it fall once.
        clip: largest norm of the gradient; None clips nothing.
    """

    model_config = PLAIN

    kind: OptimiserKind = "adamw"
    rate: float = Field(default=2e-3, gt=0)
    rates: dict[str, float] = {}
    tasks: dict[str, TaskOptimiser] = {}
    decay: float = Field(default=0.05, ge=0)
    warmup: int = Field(default=4000, ge=0)
    schedule: Literal["cosine", "poly", "constant"] = "cosine"
    restart: int | None = Field(default=None, ge=1)
    clip: float | None = Field(default=5.0, gt=0)

    @field_validator("rates")
    @classmethod
    def _positive(cls, rates: dict[str, float]) -> dict[str, float]:
        for task, factor in rates.items():
            if not factor >= 0:
                raise ValueError(f"the factor of {task!r} must be at least 0; got {factor:g}")
        return rates

    @model_validator(mode="after")
    def _cosine_restarts(self) -> "OptimiserConfig":
        if self.restart is not None and self.schedule != "cosine":
            raise ValueError(f"restart is of schedule cosine, not of {self.schedule}; leave it out, or choose cosine")
        return self

    @model_validator(mode="after")
    def _one_rate(self) -> "OptimiserConfig":
        for task, own in self.tasks.items():
            if task in self.rates and own.rate is not None:
                raise ValueError(f"{task!r} has a rate in tasks and a factor in rates; leave one of them out")
        return self


class StopConfig(BaseModel):
    """Stop when held-out images are no longer told better; the best weights are kept.

    Attributes:
        every: images between two looks at the weighted sum of the losses on held-out images.
        patience: looks without a smaller one after which the training ends.
        images: held-out images that are looked at, the first ones of ``data.val``; None takes all.
    """

    model_config = PLAIN

    every: int = Field(ge=1)
    patience: int = Field(default=5, ge=1)
    images: int | None = Field(default=None, ge=1)
