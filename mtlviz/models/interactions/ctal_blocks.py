"""What surrounds CTAL's core, task by task: the input projection and the output block (ctal.md 1.1, 1.6)."""

from torch import nn


def input_block(width: int, channels: int, norm: bool) -> nn.Module:
    """From a task's features to F: 1x1 convolution, bare or with batch norm and ReLU."""
    convolution = nn.Conv2d(width, channels, 1)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU()) if norm else convolution


def output_block(channels: int) -> nn.Module:
    """From Z to what the decoder receives, at twice the resolution."""
    return nn.Sequential(
        nn.ConvTranspose2d(channels, channels, 2, stride=2),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
    )


def block_operations(width: int, channels: int, positions: int) -> int:
    """Multiply-accumulates of both blocks of one task on a grid of ``positions``."""
    return width * channels * positions + 40 * channels**2 * positions
