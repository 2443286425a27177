"""How weights move: the optimiser, its groups of parameters and the course of the learning rate."""

import math
from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from mtlviz.training.config import TrainConfig

MOMENTUM = 0.9
"""Of ``sgd``."""
TASK_PARTS = ("task_encoders", "decoders", "initial")
"""Parts of a network that are one task's own."""


def rate_factor(config: TrainConfig, step: int) -> float:
    """Learning rate of a step over the highest one."""
    optimiser, images = config.optimiser, (step + 1) * config.batch
    if images < optimiser.warmup:
        return images / optimiser.warmup
    done = (images - optimiser.warmup) / max(config.steps * config.batch - optimiser.warmup, 1)
    if optimiser.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return float((1 - done) ** 0.9) if optimiser.schedule == "poly" else 1.0


def build_optimiser(network: nn.Module, balance: nn.Module, config: TrainConfig) -> Optimizer:
    """The optimiser of the network's weights and of what the balance learns."""
    options = config.optimiser
    groups = parameter_groups(network, options.decay, options.rates)
    learned = list(balance.parameters())
    if learned:
        groups.append({"params": learned, "weight_decay": 0.0})
    if options.kind == "sgd":
        return SGD(groups, options.rate, momentum=MOMENTUM)
    return (AdamW if options.kind == "adamw" else Adam)(groups, options.rate, fused=True)


def parameter_groups(
    network: nn.Module, decay: float, rates: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """Parameters of two or more dimensions with weight decay, the others (norms, biases, scalars) without.

    Args:
        network: whose parameters they are.
        decay: weight decay.
        rates: by task the factor on the learning rate of its encoder and decoder, which have groups of their own
            then, with a ``factor``.
    """
    factors: dict[float, list[nn.Parameter]] = {1.0: []}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            part, task, *_ = (*name.split("."), "")
            factor = (rates or {}).get(task, 1.0) if part in TASK_PARTS else 1.0
            factors.setdefault(factor, []).append(parameter)
    groups: list[dict[str, Any]] = []
    for factor, parameters in factors.items():
        own = {} if factor == 1 else {"factor": factor}
        groups.append({"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay, **own})
        groups.append({"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0, **own})
    return groups
