"""The built-in encoder: a small residual network whose stages meet again on the token grid."""

from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

TOKEN_STRIDE = 8
"""Pixels between neighbouring tokens."""


class EncoderConfig(BaseModel):
    """The shared encoder.

    Attributes:
        widths: of the stages at strides 2, 4, 8, 16 and 32.
        blocks: residual blocks of each stage.
        stages: how many of the stages there are; with 3 nothing is coarser than a token, so that no token sees far.
        out: width handed to the task encoders.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    widths: tuple[int, int, int, int, int] = (24, 48, 80, 104, 112)
    blocks: tuple[int, int, int, int, int] = (0, 1, 1, 1, 1)
    stages: Annotated[int, Field(ge=3, le=5)] = 5
    out: Annotated[int, Field(ge=1)] = 96


def conv_norm(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv_norm(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Float[Tensor, "B D H W"]) -> Float[Tensor, "B D H W"]:
        """Same shape as the input."""
        shortcut: Tensor = x + self.second(self.first(x))
        return shortcut.relu()


class Encoder(nn.Module):
    """Up to five stages; those from stride 8 on are fused on the stride-8 token grid."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        widths, blocks = config.widths[: config.stages], config.blocks[: config.stages]
        self.stages = nn.ModuleList(
            nn.Sequential(conv_norm(before, after, stride=2), *(ResidualBlock(after) for _ in range(count)))
            for before, after, count in zip((3, *widths[:-1]), widths, blocks, strict=True)
        )
        self.laterals = nn.ModuleList(nn.Conv2d(width, config.out, 1) for width in widths[2:])
        self.fuse = conv_norm(config.out, config.out)

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "B E h w"], Float[Tensor, "B _ _ _"]]:
        """Features on the token grid, and the stride-4 features for the decoders' fine detail."""
        stages = []
        x = image
        for stage in self.stages:
            x = stage(x)
            stages.append(x)
        fused = self.laterals[0](stages[2])
        for lateral, stage in zip(list(self.laterals)[1:], stages[3:], strict=True):
            coarse = lateral(stage)
            fused = fused + functional.interpolate(coarse, fused.shape[-2:], mode="bilinear")
        return self.fuse(torch.relu(fused)), stages[1]
