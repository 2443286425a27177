"""How the losses of several tasks make one step: fixed or learned weights, or one gradient found among several."""

from collections.abc import Callable
from importlib import import_module
from typing import cast

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn

from mtlviz.errors import OptionError
from mtlviz.models.initial import INITIAL
from mtlviz.training.config import TrainConfig

Losses = dict[str, Tensor]
Aggregator = Callable[[Float[Tensor, "T P"]], Float[Tensor, " P"]]

AGGREGATORS = {
    "upgrad": "UPGrad",
    "pcgrad": "PCGrad",
    "cagrad": "CAGrad",
    "mgda": "MGDA",
    "imtl_g": "IMTLG",
    "aligned_mtl": "AlignedMTL",
    "dualproj": "DualProj",
}
"""Classes of ``torchjd.aggregation`` by method."""
EXTRAS = {"cagrad": "cagrad", "upgrad": "quadprog_projector", "dualproj": "quadprog_projector"}
"""What torchjd needs besides, as an extra of its own, by method."""
CAGRAD_C = 0.4
"""How far CAGrad may leave the mean gradient, as its authors have it on NYUv2."""
TASK_PARTS = ("decoders.", "initial.")
"""Beginnings of the names of parameters that one task alone depends on."""


class Balance(nn.Module):
    """Fixed weights; what it learns or remembers is kept with the state of a training."""

    synchronises = True
    """Whether several devices share gradients on their own in the backward pass."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.weights = config.loss_weights()

    def total(self, losses: Losses) -> Tensor:
        """What is minimised."""
        return cast(Tensor, sum(self.weights.get(name, 1.0) * loss for name, loss in losses.items()))

    def backward(self, fabric: Fabric, losses: Losses, parts: int) -> None:
        """Add the gradients of one of ``parts`` parts of a step."""
        total = self.total(losses)
        fabric.backward(total if parts == 1 else total / parts)

    def finish(self, fabric: Fabric, step: int) -> None:
        """Complete the gradients after the last part of a step; all devices hold the same then."""
        for parameter in self.parameters():
            if parameter.grad is not None and fabric.world_size > 1:
                parameter.grad = cast(Tensor, fabric.all_reduce(parameter.grad, reduce_op="mean"))

    def observe(self, fabric: Fabric, losses: Losses) -> None:
        """Take note of the mean losses of a step that was taken."""


class Uncertainty(Balance):
    """Sum of scale w exp(-s) L + penalty s with a learned s a task (Kendall et al., CVPR 2018).

    An initial prediction shares the s of its task and pays for it again, as in EMA-Net; an auxiliary loss has none.
    A step without labels of a task leaves its s alone.
    """

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        options = config.balancing
        self.scale, self.penalty = options.scale, options.penalty
        start = torch.tensor(options.start)
        self.s = nn.ParameterDict({task.name: nn.Parameter(start.clone()) for task in config.task_list()})

    def total(self, losses: Losses) -> Tensor:
        """What is minimised."""
        terms = []
        for name, loss in losses.items():
            weighted = self.weights.get(name, 1.0) * loss
            task = name.removeprefix(INITIAL)
            if task in self.s:
                penalty = self.penalty * self.s[task] * (loss.detach() > 0)  # without labels there is nothing to learn
                weighted = self.scale * torch.exp(-self.s[task]) * weighted + penalty
            terms.append(weighted)
        return cast(Tensor, sum(terms))


class DynamicAverage(Balance):
    """Dynamic weight average of MTAN: w times T softmax(L(e - 1) / L(e - 2) / temperature) in pass e over the data.

    The first two passes have fixed weights. An initial prediction has the factor of its task.

    Args:
        config: the training.
        steps: in a pass over the data.
    """

    means: Tensor
    sums: Tensor
    taken: Tensor
    passes: Tensor

    def __init__(self, config: TrainConfig, steps: int) -> None:
        super().__init__(config)
        self.names = [task.name for task in config.task_list()]
        self.temperature, self.steps = config.balancing.temperature, max(steps, 1)
        self.register_buffer("means", torch.ones(2, len(self.names), dtype=torch.float64))  # last pass, the one before
        self.register_buffer("sums", torch.zeros(len(self.names), dtype=torch.float64))
        self.register_buffer("taken", torch.zeros((), dtype=torch.int64))
        self.register_buffer("passes", torch.zeros((), dtype=torch.int64))

    def factors(self) -> dict[str, float]:
        """By task, T in sum."""
        if self.passes < 2:
            return dict.fromkeys(self.names, 1.0)
        last, before = self.means
        ratios = torch.where(before > 0, last / before.clamp(min=1e-12), 1.0)
        shares = torch.softmax(ratios / self.temperature, 0) * len(self.names)
        return dict(zip(self.names, shares.tolist(), strict=True))

    def total(self, losses: Losses) -> Tensor:
        """What is minimised."""
        factors = self.factors()
        weights = {name: factors.get(name.removeprefix(INITIAL), 1.0) * self.weights.get(name, 1.0) for name in losses}
        return cast(Tensor, sum(weights[name] * loss for name, loss in losses.items()))

    def observe(self, fabric: Fabric, losses: Losses) -> None:
        """Count a step; a pass that ends becomes the last one."""
        found = torch.stack([losses[name].double() for name in self.names])
        if fabric.world_size > 1:  # at every step, so that the state of one process is that of all
            found = cast(Tensor, fabric.all_reduce(found, reduce_op="mean"))
        self.sums += found
        self.taken += 1
        if self.taken < self.steps:
            return
        mean = self.sums / self.taken
        self.means.copy_(torch.stack([mean, self.means[0]]))
        self.sums.zero_()
        self.taken.zero_()
        self.passes += 1


class Aggregated(Balance):
    """One gradient of the shared part, found from the tasks' own ones; decoders follow their own task's.

    Shared is all that lies before the decoders, the tasks' encoders too, since an interaction lets every task
    depend on them. An auxiliary loss counts as a task.
    """

    synchronises = False

    def __init__(self, config: TrainConfig, network: nn.Module, aggregator: Aggregator) -> None:
        super().__init__(config)
        self.aggregate, self.seed = aggregator, config.seed
        named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        self._shared = [p for name, p in named if not name.startswith(TASK_PARTS)]
        self._own = [p for name, p in named if name.startswith(TASK_PARTS)]
        self._rows: dict[str, Tensor] = {}

    def backward(self, fabric: Fabric, losses: Losses, parts: int) -> None:
        """Add the gradient of every task."""
        grouped: dict[str, Tensor] = {}
        for name, loss in losses.items():
            task, weighted = name.removeprefix(INITIAL), self.weights.get(name, 1.0) * loss / parts
            grouped[task] = grouped[task] + weighted if task in grouped else weighted
        everything = (*self._shared, *self._own)
        for task, total in grouped.items():
            found = torch.autograd.grad(total, everything, retain_graph=True, allow_unused=True)
            shared = zip(self._shared, found, strict=False)
            row = torch.cat([(torch.zeros_like(p) if g is None else g).flatten().float() for p, g in shared])
            self._rows[task] = self._rows[task] + row if task in self._rows else row
            for parameter, gradient in zip(self._own, found[len(self._shared) :], strict=True):
                if gradient is not None:
                    parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient

    def finish(self, fabric: Fabric, step: int) -> None:
        """Aggregate; what is random in it depends on the seed and the step alone."""
        jacobian = torch.stack(list(self._rows.values()))
        self._rows = {}
        if fabric.world_size > 1:
            jacobian = cast(Tensor, fabric.all_reduce(jacobian, reduce_op="mean"))
            for parameter in self._own:
                if parameter.grad is not None:
                    parameter.grad = cast(Tensor, fabric.all_reduce(parameter.grad, reduce_op="mean"))
        labelled = jacobian[jacobian.any(1)]  # a task without labels in this step has no say; some would take its 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed * 1_000_003 + step)
            usable = len(labelled) and bool(jacobian.isfinite().all())
            vector = self.aggregate(labelled) if usable else jacobian.sum(0)  # of zeros, or refused by the caller
        sizes = [parameter.numel() for parameter in self._shared]
        for parameter, part in zip(self._shared, vector.split(sizes), strict=True):
            parameter.grad = part.view_as(parameter).to(parameter.dtype)


def build_balance(config: TrainConfig, network: nn.Module, images: int) -> Balance:
    """What a configuration asks for.

    Args:
        config: the training.
        network: that is trained.
        images: in the training set.

    Raises:
        OptionError: if it needs a library that is not installed.
    """
    method = config.balancing.method
    if method == "fixed":
        return Balance(config)
    if method == "uncertainty":
        return Uncertainty(config)
    if method == "dwa":
        return DynamicAverage(config, images // config.batch)
    return Aggregated(config, network, torchjd_aggregator(method))


def torchjd_aggregator(method: str) -> Aggregator:
    """An aggregator of torchjd, which is looked for when it is asked for.

    Raises:
        OptionError: if torchjd, or what it needs for this method, is not installed.
    """
    try:
        made = getattr(import_module("torchjd.aggregation"), AGGREGATORS[method])
        return cast(Aggregator, made(c=CAGRAD_C) if method == "cagrad" else made())
    except ImportError as error:
        extra = f"torchjd[{EXTRAS[method]}]" if method in EXTRAS else "torchjd"
        raise OptionError(
            f"balancing.method {method!r} needs a library that is not installed ({error.name or 'torchjd'}); run "
            f"pip install '{extra}', or choose fixed, uncertainty or dwa."
        ) from error
