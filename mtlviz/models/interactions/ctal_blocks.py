"""What surrounds CTAL's core, task by task: the input projection and the output block (ctal.md 1.1, 1.6)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.models.interactions.ctal_config import CTALConfig


class TaskPyramid(nn.Module):
    """Features and their pooled versions, brought back to one grid and projected together (after ctal.md 2.3).

    The multi-scale network gives every task its own features at four strides of the backbone and fuses them by
    concatenation, 1x1 convolution, batch norm and ReLU. The encoder here fuses its strides before the tasks part,
    so a task's coarser features are made from its own: average pooling by 2, 4, ..., then 3x3 convolution, batch
    norm and ReLU. What is not built: features of the backbone at every stride, top-down modules between a task's
    scales, and predictions at every scale during training.
    """

    def __init__(self, width: int, channels: int, scales: int) -> None:
        super().__init__()
        self.coarse = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
            for _ in range(1, scales)
        )
        self.fuse = nn.Sequential(nn.Conv2d(scales * width, channels, 1), nn.BatchNorm2d(channels), nn.ReLU())

    def forward(self, features: Float[Tensor, "B D H W"]) -> Float[Tensor, "B C H W"]:
        """Same grid as the input."""
        parts = [features]
        for scale, block in enumerate(self.coarse, 1):
            coarse = block(functional.avg_pool2d(features, 2**scale, ceil_mode=True, count_include_pad=False))
            parts.append(functional.interpolate(coarse, features.shape[-2:], mode="bilinear"))
        fused: Tensor = self.fuse(torch.cat(parts, 1))
        return fused


def input_block(width: int, channels: int, config: CTALConfig) -> nn.Module:
    """From a task's features to F: 1x1 convolution, bare or with batch norm and ReLU, or a pyramid."""
    if config.scales > 1:
        return TaskPyramid(width, channels, config.scales)
    convolution = nn.Conv2d(width, channels, 1)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU()) if config.input_norm else convolution


def output_block(channels: int) -> nn.Module:
    """From Z to what the decoder receives, at twice the resolution."""
    return nn.Sequential(
        nn.ConvTranspose2d(channels, channels, 2, stride=2),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
    )


def block_operations(scales: int, width: int, channels: int, positions: int) -> int:
    """Multiply-accumulates of both blocks of one task on a grid of ``positions`` that 2 ** (scales - 1) divides."""
    coarse = 9 * width**2 * sum(positions // int(4**scale) for scale in range(1, scales))
    return coarse + scales * width * channels * positions + 40 * channels**2 * positions
