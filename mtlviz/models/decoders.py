"""Task decoders: from tokens to the task's quantity at image resolution.

Depth and disparity are predicted as logarithms, between ends that follow from the task's unit alone (``log_range``), so
that a checkpoint says everything about its decoder with its tasks.
"""

import math
from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.models.encoders import conv_norm
from mtlviz.tasks import Task

OUTPUT_STRIDE = 2
"""Pixels a side of what the last linear layer predicts; the rest is bilinear upsampling."""


class LogRange(NamedTuple):
    """Natural logarithms of the least and the largest value of a decoder for depth, and of the one it starts at."""

    low: float
    high: float
    start: float


_METRES = LogRange(-3.0, 5.0, math.log(3.0))
_RANGES = {
    "m": _METRES,
    "cm": LogRange(*(end + math.log(100) for end in _METRES)),
    "mm": LogRange(*(end + math.log(1000) for end in _METRES)),
    "1/m": LogRange(-_METRES.high, -_METRES.low, -_METRES.start),
    "px": LogRange(-6.0, 8.0, math.log(20.0)),
    "inverse depth": LogRange(-12.0, 5.0, math.log(0.05)),
}
_ANY = LogRange(-12.0, 12.0, 0.0)


def log_range(unit: str) -> LogRange:
    """What a decoder of depth or disparity can say, by the task's unit.

    * ``m``: 0.05 to 148 m, starting at 3 m, for rooms and streets; ``cm`` and ``mm`` are the same lengths.
    * ``1/m``: the inverse of these, 1/148 to 20, starting at 1/3.
    * ``px``: 0.0025 to 2981 pixels of disparity, starting at 20; Cityscapes stores steps of 1/256 up to 256.
    * ``inverse depth``, MTAN's Cityscapes: 0.000006 to 148, starting at 0.05; it has no unit, and much of it is
      smaller than the 0.05 at which metres end.
    * any other, of which nothing is known: 0.000006 to 163 thousand, starting at 1.

    Args:
        unit: of the task, e.g. ``"m"``.
    """
    return _RANGES.get(unit, _ANY)


class Decoder(nn.Module):
    """Upsamples tokens to stride 4, adds a skip from the encoder there, and predicts at stride 2.

    The skip carries fine detail; what was found at coarser strides has to pass through the interaction.
    """

    def __init__(self, task: Task, width: int, skip: int, widths: tuple[int, int]) -> None:
        super().__init__()
        self.kind = task.kind
        self.range = log_range(task.unit)
        self.tokens = conv_norm(width, widths[0])
        self.skip = nn.Conv2d(skip, widths[0], 1)
        self.mix = conv_norm(widths[0], widths[1])
        self.head = nn.Conv2d(widths[1], 4 * task.channels, 1)
        if task.kind == "depth":
            nn.init.constant_(cast(Tensor, self.head.bias), self.range.start)

    def forward(
        self, tokens: Float[Tensor, "B D h w"], skip: Float[Tensor, "B _ _ _"], size: tuple[int, int]
    ) -> Float[Tensor, "B C H W"]:
        """The task's quantity: logits (classes, binary), the task's unit (depth) or unit vectors (normals)."""
        return self.predict(self.features(tokens, skip), size)

    def features(self, tokens: Float[Tensor, "B D h w"], skip: Float[Tensor, "#B _ _ _"]) -> Float[Tensor, "B E _ _"]:
        """What the last linear layer sees, on the stride-4 grid."""
        x: Tensor = self.mix(_resize(self.tokens(tokens), skip.shape[-2:]) + self.skip(skip))
        return x

    def classifier(self) -> tuple[Float[Tensor, "C E"], Float[Tensor, " C"]]:
        """Weights and biases of the last linear layer.

        It predicts 2 x 2 pixels from one position; its mean over the four is the linear map that gives their mean.
        """
        weight, bias = self.head.weight, cast(Tensor, self.head.bias)
        return weight.flatten(1).unflatten(0, (-1, 4)).mean(1), bias.unflatten(0, (-1, 4)).mean(1)

    def predict(self, features: Float[Tensor, "B E _ _"], size: tuple[int, int]) -> Float[Tensor, "B C H W"]:
        """The task's quantity from what ``features`` gave."""
        x = _resize(functional.pixel_shuffle(self.head(features), 2).float(), size)
        return _quantity(self.kind, x, self.range)


class InitialDecoder(nn.Conv2d):
    """A first prediction straight from the task encoder, one value a token and channel; for deep supervision."""

    def __init__(self, task: Task, width: int) -> None:
        super().__init__(width, task.channels, 1)
        self.kind = task.kind
        self.range = log_range(task.unit)
        if task.kind == "depth":
            nn.init.constant_(cast(Tensor, self.bias), self.range.start)

    def predict(self, tokens: Float[Tensor, "B D h w"], size: tuple[int, int]) -> Float[Tensor, "B C H W"]:
        """The task's quantity."""
        return _quantity(self.kind, _resize(self(tokens).float(), size), self.range)


def _quantity(kind: str, x: Float[Tensor, "B C H W"], limits: LogRange) -> Float[Tensor, "B C H W"]:
    """Logits as they are, depth from its logarithm, normals of length 1."""
    if kind == "depth":
        return x.clamp(limits.low, limits.high).exp()
    return functional.normalize(x, dim=1) if kind == "normals" else x


def _resize(x: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    return x if x.shape[-2:] == tuple(size) else functional.interpolate(x, tuple(size), mode="bilinear")
