"""What a predictor that never looks at the image would score, through the same meters."""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from mtlviz.metrics.base import Meter
from mtlviz.metrics.options import DepthOptions, MeterOptions
from mtlviz.tasks import IGNORE, Task

CERTAIN = 30.0
"""Logit of a pixel that is called positive at every threshold."""


@dataclass
class ConstantFit:
    """Sums of one task's training labels, from which its best constant follows.

    Attributes:
        task: the task.
        options: conventions, which say what depth counts; None counts all that is labelled.
        sums: pixels by class, else sums of the label's channels.
        count: labelled pixels.
    """

    task: Task
    options: MeterOptions | None = None
    sums: Tensor = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        self.sums = torch.zeros(self.task.channels, dtype=torch.float64)

    def update(self, label: Tensor, valid: Bool[Tensor, "B H W"]) -> None:
        """Add labels ``(B, c, H, W)``."""
        if self.task.kind == "classes":
            valid = valid & (label[:, 0] != IGNORE)
            self.sums += torch.bincount(label[:, 0][valid].long(), minlength=self.task.channels)
        else:
            if isinstance(self.options, DepthOptions):
                valid = valid & self.options.counts(label[:, 0].double())
            self.sums += label.double().movedim(1, -1)[valid].sum(0)
        self.count += int(valid.sum())

    def output(self) -> Float[Tensor, "C"]:
        """The constant as a network would give it.

        The most frequent class, the mean depth (which minimises RMSE), the direction of the mean normal, or
        the prior probability.
        """
        mean = self.sums / max(self.count, 1)
        if self.task.kind == "classes":
            return functional.one_hot(mean.argmax(), self.task.channels).float()
        if self.task.kind == "normals":
            return functional.normalize(mean, dim=0).float()
        if self.task.kind == "depth":
            return mean.float()
        prior = min(max(float(mean[0]), 1e-6), 1 - 1e-6)
        return torch.tensor([math.log(prior / (1 - prior))])


class ConstantMeter:
    """A meter fed with a constant in place of the network's output.

    Args:
        fit: the constant.
        meter: a fresh meter of the task.
        positive: another one; for binary tasks it is fed with "positive everywhere", the constant
            with the best F, since the prior lies below most thresholds.
    """

    def __init__(self, fit: ConstantFit, meter: Meter, positive: Meter) -> None:
        self.task = fit.task
        self.value = fit.output()
        self.meter = meter
        self.positive = positive

    def update(self, label: Tensor, valid: Bool[Tensor, "B H W"]) -> None:
        """Add a batch of labels."""
        shape = (len(valid), self.task.channels, *valid.shape[1:])
        self.meter.update(self.value.view(-1, 1, 1).to(label.device).expand(shape), label, valid)
        if self.task.kind == "binary":
            self.positive.update(torch.full(shape, CERTAIN, device=label.device), label, valid)

    def compute(self) -> dict[str, float]:
        """The constant's metrics, under the meter's names."""
        scores = self.meter.compute()
        if self.task.kind != "binary":
            return scores
        others = self.positive.compute()
        return {name: value if name == "edge_bce" else max(value, others[name]) for name, value in scores.items()}
