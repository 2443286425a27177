"""How weights move: the optimiser, its groups of parameters and the course of the learning rate."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from mtlviz.training.config import TrainConfig
from mtlviz.training.options import OptimiserConfig, OptimiserKind

MOMENTUM = 0.9
"""Of ``sgd``."""
TASK_PARTS = ("task_encoders", "decoders", "initial")
"""Parts of a network that are one task's own."""

Groups = list[dict[str, Any]]


@dataclass(frozen=True)
class Motion:
    """How some weights move.

    Attributes:
        kind: of the optimiser.
        factor: on the learning rate.
        decay: weight decay of convolution and matrix weights.
    """

    kind: OptimiserKind
    factor: float
    decay: float


class SeveralOptimisers(Optimizer):
    """Optimisers of different kinds as one; its groups are theirs, and so is its state.

    Args:
        parts: of different parameters.
    """

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        self.parts = tuple(parts)
        super().__init__([group["params"][0] for part in parts for group in part.param_groups if group["params"]], {})
        self._share()

    def _share(self) -> None:
        """Take over the groups of the parts, so that a learning rate that is set here is set there."""
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # noqa: ANN401
        """One step of every part."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The states of the parts, in their order."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore them."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._share()


def rate_factor(config: TrainConfig, step: int) -> float:
    """Learning rate of a step over the highest one."""
    optimiser, images = config.optimiser, (step + 1) * config.batch
    if images < optimiser.warmup:
        return images / optimiser.warmup
    done = (images - optimiser.warmup) / max(config.steps * config.batch - optimiser.warmup, 1)
    if optimiser.restart is not None:
        falls = (images - optimiser.warmup) / optimiser.restart + 1  # 1 to 2 in the first fall, 2 to 4 in the second
        done = falls / 2 ** math.floor(math.log2(falls)) - 1
    if optimiser.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return float((1 - done) ** 0.9) if optimiser.schedule == "poly" else 1.0


def build_optimiser(network: nn.Module, balance: nn.Module, config: TrainConfig) -> Optimizer:
    """The optimiser of the network's weights and of what the balance learns."""
    options = config.optimiser
    shared = Motion(options.kind, 1.0, options.decay)
    kinds: dict[OptimiserKind, Groups] = {shared.kind: []}
    for motion, groups in parameter_groups(network, shared, task_motions(options)):
        kinds.setdefault(motion.kind, []).extend(groups)
    learned = list(balance.parameters())
    if learned:
        kinds[shared.kind].append({"params": learned, "weight_decay": 0.0})
    parts = [_optimiser(kind, groups, options.rate) for kind, groups in kinds.items()]
    return parts[0] if len(parts) == 1 else SeveralOptimisers(parts)


def _optimiser(kind: OptimiserKind, groups: Groups, rate: float) -> Optimizer:
    if kind == "sgd":
        return SGD(groups, rate, momentum=MOMENTUM)
    return (AdamW if kind == "adamw" else Adam)(groups, rate, fused=True)


def task_motions(options: OptimiserConfig) -> dict[str, Motion]:
    """How the encoder and decoder of a task move, for tasks where that differs from the shared part."""
    motions = {task: Motion(options.kind, factor, options.decay) for task, factor in options.rates.items()}
    for task, own in options.tasks.items():
        motions[task] = Motion(
            own.kind or options.kind,
            options.rates.get(task, 1.0) if own.rate is None else own.rate / options.rate,
            options.decay if own.decay is None else own.decay,
        )
    return motions


def parameter_groups(
    network: nn.Module, shared: Motion, tasks: Mapping[str, Motion] | None = None
) -> list[tuple[Motion, Groups]]:
    """Parameters of two or more dimensions with weight decay, the others (norms, biases, scalars) without.

    Args:
        network: whose parameters they are.
        shared: how they move.
        tasks: by task how its encoder and decoder move instead, which have groups of their own then; a group with
            another rate has a ``factor``.
    """
    found: dict[Motion, list[nn.Parameter]] = {shared: []}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            part, task, *_ = (*name.split("."), "")
            motion = (tasks or {}).get(task, shared) if part in TASK_PARTS else shared
            found.setdefault(motion, []).append(parameter)
    return [(motion, _groups(parameters, motion)) for motion, parameters in found.items()]


def _groups(parameters: Sequence[nn.Parameter], motion: Motion) -> Groups:
    own = {} if motion.factor == 1 else {"factor": motion.factor}
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": motion.decay, **own},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0, **own},
    ]
