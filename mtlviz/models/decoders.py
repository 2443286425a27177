"""Task decoders: from tokens to the task's quantity at image resolution."""

import math
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.models.encoders import conv_norm
from mtlviz.tasks import Task

OUTPUT_STRIDE = 2
"""Pixels a side of what the last linear layer predicts; the rest is bilinear upsampling."""
TYPICAL_DEPTH = 3.0
"""Metres; where the depth decoder starts."""


class Decoder(nn.Module):
    """Upsamples tokens to stride 4, adds a skip from the encoder there, and predicts at stride 2.

    The skip carries fine detail; what was found at coarser strides has to pass through the interaction.
    """

    def __init__(self, task: Task, width: int, skip: int, widths: tuple[int, int]) -> None:
        super().__init__()
        self.kind = task.kind
        self.tokens = conv_norm(width, widths[0])
        self.skip = nn.Conv2d(skip, widths[0], 1)
        self.mix = conv_norm(widths[0], widths[1])
        self.head = nn.Conv2d(widths[1], 4 * task.channels, 1)
        if task.kind == "depth":
            nn.init.constant_(self.head.bias, math.log(TYPICAL_DEPTH))  # type: ignore[arg-type]

    def forward(
        self, tokens: Float[Tensor, "B D h w"], skip: Float[Tensor, "B _ _ _"], size: tuple[int, int]
    ) -> Float[Tensor, "B C H W"]:
        """The task's quantity: logits (classes, binary), metres (depth) or unit vectors (normals)."""
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
        return _quantity(self.kind, _resize(functional.pixel_shuffle(self.head(features), 2).float(), size))


class InitialDecoder(nn.Conv2d):
    """A first prediction straight from the task encoder, one value a token and channel; for deep supervision."""

    def __init__(self, task: Task, width: int) -> None:
        super().__init__(width, task.channels, 1)
        self.kind = task.kind
        if task.kind == "depth":
            nn.init.constant_(cast(Tensor, self.bias), math.log(TYPICAL_DEPTH))

    def predict(self, tokens: Float[Tensor, "B D h w"], size: tuple[int, int]) -> Float[Tensor, "B C H W"]:
        """The task's quantity."""
        return _quantity(self.kind, _resize(self(tokens).float(), size))


def _quantity(kind: str, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Logits as they are, metres from their logarithm, normals of length 1."""
    if kind == "depth":
        return x.clamp(-3, 5).exp()
    return functional.normalize(x, dim=1) if kind == "normals" else x


def _resize(x: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    return x if x.shape[-2:] == tuple(size) else functional.interpolate(x, tuple(size), mode="bilinear")
