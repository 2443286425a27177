"""The built-in encoder: a small residual network whose stages meet again on the token grid."""

from collections.abc import Sequence
from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

TOKEN_STRIDE = 8
"""Pixels between neighbouring tokens."""

_Width = Annotated[int, Field(ge=1)]
_Count = Annotated[int, Field(ge=0)]


class EncoderConfig(BaseModel):
    """The shared encoder.

    Attributes:
        widths: of the stages at strides 2, 4, 8, 16 and 32.
        blocks: residual blocks of each stage.
        stages: how many of the stages there are; with 3 nothing is coarser than a token, so that no token sees far.
        out: width handed to the task encoders.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    widths: tuple[_Width, _Width, _Width, _Width, _Width] = (24, 48, 80, 104, 112)
    blocks: tuple[_Count, _Count, _Count, _Count, _Count] = (0, 1, 1, 1, 1)
    stages: Annotated[int, Field(ge=3, le=5)] = 5
    out: _Width = 96

    @property
    def stride(self) -> int:
        """Pixels between neighbouring tokens."""
        return TOKEN_STRIDE

    @property
    def strides(self) -> tuple[int, ...]:
        """Of the stages that task encoders can start from."""
        return tuple(2**stage for stage in range(2, self.stages + 1))

    def pinned(self) -> "EncoderConfig":
        """The same, since nothing in it depends on what a library or a repository holds."""
        return self


def conv_norm(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut, which is a 1x1 convolution with batch norm where the width changes."""

    def __init__(self, inputs: int, width: int | None = None) -> None:
        super().__init__()
        width = width or inputs
        self.first = conv_norm(inputs, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        self.shortcut: nn.Module = nn.Identity()
        if width != inputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Float[Tensor, "B _ H W"]) -> Float[Tensor, "B D H W"]:
        """Same grid as the input."""
        added: Tensor = self.shortcut(x) + self.second(self.first(x))
        return added.relu()


def packed(scales: Sequence[Float[Tensor, "B _ _ _"]]) -> Float[Tensor, "B E h w"]:
    """Features at several strides, each twice the one before, side by side on the grid of the first.

    A coarse position is repeated over the fine ones that it covers, so that ``unpacked`` gives every scale back as it
    was, without loss.

    Args:
        scales: finest first; a grid has half the rows and columns of the one before, rounded up.
    """
    rows, columns = scales[0].shape[-2:]
    parts = [scales[0]]
    for level, scale in enumerate(scales[1:], 1):
        repeated = scale.repeat_interleave(2**level, 2).repeat_interleave(2**level, 3)
        parts.append(repeated[..., :rows, :columns])
    return torch.cat(parts, 1)


def unpacked(features: Float[Tensor, "B E h w"], widths: Sequence[int]) -> list[Float[Tensor, "B _ _ _"]]:
    """The inverse of ``packed``, from the widths of the scales."""
    parts = features.split(list(widths), 1)
    return [part[..., :: 2**level, :: 2**level] for level, part in enumerate(parts)]


class Encoder(nn.Module):
    """Up to five stages; those from stride 8 on are fused on the stride-8 token grid.

    Args:
        config: of the stages.
        scales: strides of the stages that are handed on ``packed`` in place of being fused; empty fuses.
    """

    def __init__(self, config: EncoderConfig, scales: Sequence[int] = ()) -> None:
        super().__init__()
        self.config = config
        self.scales = tuple(scales)
        by_stride = {2**stage: width for stage, width in enumerate(config.widths, 1)}
        self.scale_widths = tuple(by_stride[stride] for stride in self.scales)
        self.width = sum(self.scale_widths) or config.out
        self.skip_width = config.widths[1]
        widths, blocks = config.widths[: config.stages], config.blocks[: config.stages]
        self.stages = nn.ModuleList(
            nn.Sequential(conv_norm(before, after, stride=2), *(ResidualBlock(after) for _ in range(count)))
            for before, after, count in zip((3, *widths[:-1]), widths, blocks, strict=True)
        )
        if not self.scales:
            self.laterals = nn.ModuleList(nn.Conv2d(width, config.out, 1) for width in widths[2:])
            self.fuse = conv_norm(config.out, config.out)

    def load_pretrained(self) -> None:
        """Nothing: there are no published weights of this encoder but the checkpoints that trainings start from."""

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "B E h w"], Float[Tensor, "B _ _ _"]]:
        """Features on the token grid, and the stride-4 features for the decoders' fine detail."""
        stages = []
        x = image
        for stage in self.stages:
            x = stage(x)
            stages.append(x)
        if self.scales:
            return packed([stages[stride.bit_length() - 2] for stride in self.scales]), stages[1]
        fused = self.laterals[0](stages[2])
        for lateral, stage in zip(list(self.laterals)[1:], stages[3:], strict=True):
            coarse = lateral(stage)
            fused = fused + functional.interpolate(coarse, fused.shape[-2:], mode="bilinear")
        return self.fuse(torch.relu(fused)), stages[1]
