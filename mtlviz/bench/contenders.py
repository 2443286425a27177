"""What takes part in the contest of interactions, all with features in and features out."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mtlviz.bench.dense import DenseAttention
from mtlviz.models.interactions import build_interaction

Call = Callable[[dict[str, Tensor]], Any]

WIDTH = 256
COLUMNS = 40

TITLES = {
    "kem": "KEM (20 slots, 3 picks)",
    "kem_pre_norm": "KEM, pre_norm + temperature",
    "dense": "dense attention, weights kept",
    "xa2": "XA-joint, 2 tasks",
    "xa4": "XA-joint, 4 tasks",
    "sdpa": "scaled_dot_product_attention",
}
"""XA-joint is the registered cross_attention (kem.md 3.15): values twice as wide, weights not kept."""


def task_names(name: str) -> tuple[str, ...]:
    """The tasks that share the S tokens: 4 for ``xa4``, else 2."""
    return tuple(f"task{index}" for index in range(4 if name == "xa4" else 2))


def build(name: str, width: int = WIDTH) -> nn.Module:
    """A contender with random weights."""
    if name in ("dense", "sdpa"):
        return DenseAttention(width, keep_weights=name == "dense")
    options = {"pre_norm": True, "temperature": True} if name == "kem_pre_norm" else {}
    interaction = "kem" if name.startswith("kem") else "cross_attention"
    return build_interaction(interaction, width, task_names(name), options)


def features(name: str, tokens: int, *, training: bool, width: int = WIDTH) -> dict[str, Tensor]:
    """Random features of one image, laid out as the task encoders give them.

    Args:
        name: of the contender.
        tokens: S, a multiple of 40 times the number of tasks.
        training: gradients flow into them.
        width: D.
    """
    names = task_names(name)
    rows, left = divmod(tokens, COLUMNS * len(names))
    if left:
        raise ValueError(f"{tokens} tokens do not divide into {len(names)} grids of {COLUMNS} columns")
    return {task: _feature(width, rows).requires_grad_(training) for task in names}


def step(call: Call, parameters: list[Tensor], inputs: dict[str, Tensor], training: bool) -> object:
    """Forward, and with ``training`` also the gradients of all parameters and features."""
    with torch.set_grad_enabled(training):
        result = call(inputs)
        if not training:
            return result
        outputs = list(result[0].values())
        wanted = [*parameters, *inputs.values()]
        seeds = [torch.ones_like(output) for output in outputs]
        return torch.autograd.grad(outputs, wanted, seeds, allow_unused=True)


def _feature(width: int, rows: int) -> Tensor:
    return torch.randn(1, width, rows, COLUMNS).to(memory_format=torch.channels_last)
