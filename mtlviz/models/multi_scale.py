"""Task encoders that start from the encoder's own scales, as the multi-scale CTAL does (ctal.md 2.3).

From the coarsest scale to the finest, every task takes the encoder's features and what came from the scale below it
through two residual blocks; between two scales the tasks share (``FeaturePropagation``). In the end each task fuses its
own scales on the finest grid, and one interaction follows.

The blocks have exactly the parameters of ctal.md 6.1. What is inferred: the fused features are those before the
propagation, which only feeds the next finer scale; the gates are a softmax over the tasks, as MTI-Net describes them,
where its released code normalises over neighbouring channels of one task (ctal.md 5.7).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.models.encoders import ResidualBlock

Scales = list[Float[Tensor, "B _ _ _"]]
"""Features at several strides, finest first."""
SQUEEZE = 16
"""Channels for one of a ``SqueezeExcite``'s hidden layer."""


class SqueezeExcite(nn.Module):
    """Every channel times a factor in (0, 1) that follows from the means of all (Hu et al., 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = max(1, width // SQUEEZE)
        self.factors = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width), nn.Sigmoid())

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Same shape as the input."""
        factors: Tensor = self.factors(x.mean((2, 3)))
        return x * factors[..., None, None]


class FeaturePropagation(nn.Module):
    """What a task takes along from all tasks to the next finer scale (MTI-Net, Vandenhende et al., 2020).

    A small network sees the features of all tasks and gives a gate for every task, channel and position, which a
    softmax over the tasks makes shares. The gated features are reduced to the width of one task; every task weighs
    their channels by its own squeeze-and-excite and adds them to its features.

    Args:
        tasks: in order.
        width: C of one task's features.
    """

    def __init__(self, tasks: tuple[str, ...], width: int) -> None:
        super().__init__()
        total = len(tasks) * width
        inner = max(1, total // 4)
        self.gates = nn.Sequential(ResidualBlock(total, inner), ResidualBlock(inner), nn.Conv2d(inner, total, 1))
        self.reduce = ResidualBlock(total, width)
        self.excite = nn.ModuleDict({task: SqueezeExcite(width) for task in tasks})

    def forward(self, features: Mapping[str, Float[Tensor, "B C H W"]]) -> dict[str, Float[Tensor, "B C H W"]]:
        """By task features of the same shape."""
        stacked = torch.stack([features[task] for task in self.excite], 1)  # (B, T, C, H, W)
        gates = self.gates(stacked.flatten(1, 2)).unflatten(1, stacked.shape[1:3]).softmax(1)
        shared = self.reduce((gates * stacked).flatten(1, 2))  # (B, C, H, W)
        return {task: features[task] + excite(shared) for task, excite in self.excite.items()}


class TaskScales(nn.Module):
    """One task's features at every scale, and their fusion.

    Args:
        widths: of the encoder's scales, finest first; the task's own are the same.
        out: width of the fused features.
    """

    def __init__(self, widths: Sequence[int], out: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(ResidualBlock(width + coarser, width), ResidualBlock(width))
            for width, coarser in zip(widths, (*widths[1:], 0), strict=True)
        )
        self.fuse = nn.Sequential(nn.Conv2d(sum(widths), out, 1), nn.BatchNorm2d(out), nn.ReLU())

    def at(
        self, level: int, features: Float[Tensor, "B _ H W"], coarser: Float[Tensor, "B _ _ _"] | None
    ) -> Float[Tensor, "B C H W"]:
        """The task's features at a scale.

        Args:
            level: 0 for the finest scale.
            features: of the encoder there.
            coarser: what was handed on from the next coarser scale; None at the coarsest.
        """
        if coarser is not None:
            features = torch.cat([features, _resized(coarser, features)], 1)
        found: Tensor = self.blocks[level](features)
        return found

    def forward(self, scales: Scales) -> Float[Tensor, "B D h w"]:
        """The task's features of all scales, fused on the finest grid."""
        fused: Tensor = self.fuse(torch.cat([_resized(scale, scales[0]) for scale in scales], 1))
        return fused


def propagations(tasks: tuple[str, ...], widths: Sequence[int]) -> nn.ModuleList:
    """What hands on features from every scale but the finest to the next finer one, finest first."""
    return nn.ModuleList(FeaturePropagation(tasks, width) for width in widths[1:])


def task_scales(encoders: Mapping[str, nn.Module], handed_on: Iterable[nn.Module], scales: Scales) -> dict[str, Scales]:
    """By task its features at every scale, from the coarsest down.

    Args:
        encoders: by task a ``TaskScales``.
        handed_on: the ``propagations``.
        scales: of the encoder.
    """
    found: dict[str, Scales] = {task: [] for task in encoders}
    coarser: dict[str, Tensor] = {}
    between = list(handed_on)
    for level in reversed(range(len(scales))):
        here = {
            task: cast(TaskScales, encoder).at(level, scales[level], coarser.get(task))
            for task, encoder in encoders.items()
        }
        for task, features in here.items():
            found[task].insert(0, features)
        if level:
            coarser = between[level - 1](here)
    return found


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return x if x.shape[-2:] == like.shape[-2:] else functional.interpolate(x, like.shape[-2:], mode="bilinear")
