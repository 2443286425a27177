"""Losses of the tasks: means over the pixels that have a label; 0, with gradient, where none has.

They follow the multi-task literature: cross entropy, L1 on depth, L1 on unit normals (mean over the three
values of a pixel), binary cross entropy with fixed weights for edges, with class-balanced ones for saliency.
A weight w of the positive class would move the log-odds that a network learns by log(w / (1 - w)); the weighted
losses add that to the logits, so that the sigmoid of what the network gives is a probability.
``LossOptions`` says where a training differs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float, Num, UInt8
from torch import Tensor
from torch.nn import functional

from mtlviz.errors import OptionError
from mtlviz.models.initial import INITIAL, initial_predictions
from mtlviz.tasks import IGNORE, Task
from mtlviz.training.options import LossOptions

EDGE_WEIGHT = 0.95
"""Weight of edge pixels in the edge loss; other pixels weigh the rest."""

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def cross_entropy(
    logits: Float[Tensor, "B C H W"], labels: UInt8[Tensor, "B 1 H W"], valid: Bool[Tensor, "B H W"]
) -> Float[Tensor, ""]:
    """Mean cross entropy; pixels labelled 255 do not count."""
    targets = labels[:, 0].long().masked_fill(~valid, IGNORE)
    count = (targets != IGNORE).sum().clamp(min=1)
    rows = logits.permute(0, 2, 3, 1).flatten(0, 2)  # (B H W, C): three times faster on a processor than (B, C, H, W)
    return functional.cross_entropy(rows, targets.flatten(), ignore_index=IGNORE, reduction="sum") / count


def l1(
    output: Float[Tensor, "B C H W"], labels: Float[Tensor, "B C H W"], valid: Bool[Tensor, "B H W"]
) -> Float[Tensor, ""]:
    """Mean absolute difference, over channels too."""
    mask = valid[:, None]
    return ((output - labels).abs() * mask).sum() / (mask.sum() * output.shape[1]).clamp(min=1)


def l1_sum(
    output: Float[Tensor, "B C H W"], labels: Float[Tensor, "B C H W"], valid: Bool[Tensor, "B H W"]
) -> Float[Tensor, ""]:
    """Absolute difference summed over channels, mean over pixels."""
    return l1(output, labels, valid) * output.shape[1]


def cosine(
    output: Float[Tensor, "B C H W"], labels: Float[Tensor, "B C H W"], valid: Bool[Tensor, "B H W"]
) -> Float[Tensor, ""]:
    """Mean of 1 - cosine between unit vectors."""
    return ((1 - (output * labels).sum(1)) * valid).sum() / valid.sum().clamp(min=1)


def edge_bce(
    logits: Float[Tensor, "B 1 H W"],
    labels: Num[Tensor, "B 1 H W"],
    valid: Bool[Tensor, "B H W"],
    positive: float = EDGE_WEIGHT,
    calibrated: bool = True,
) -> Float[Tensor, ""]:
    """Mean binary cross entropy, edge pixels weighted by ``positive`` and others by the rest."""
    return _weighted_bce(logits, labels, valid, torch.tensor(positive, device=logits.device), calibrated)


def balanced_bce(
    logits: Float[Tensor, "B 1 H W"],
    labels: Num[Tensor, "B 1 H W"],
    valid: Bool[Tensor, "B H W"],
    calibrated: bool = True,
) -> Float[Tensor, ""]:
    """Mean binary cross entropy, either class weighted by the batch's share of the other."""
    negatives = ((labels == 0) & valid[:, None]).sum() / valid.sum().clamp(min=1)
    return _weighted_bce(logits, labels, valid, negatives, calibrated)


def _weighted_bce(logits: Tensor, labels: Tensor, valid: Tensor, positive: Tensor, calibrated: bool) -> Tensor:
    targets = labels.to(logits.dtype)
    weights = torch.where(targets > 0, positive, 1 - positive) * valid[:, None]
    shifted = logits + positive.logit(1e-3) if calibrated else logits
    total = functional.binary_cross_entropy_with_logits(shifted, targets, weights, reduction="sum")
    return total / valid.sum().clamp(min=1)


LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "l1": l1,
    "normal_l1": l1,  # the decoder's output has unit length
    "normal_l1_sum": l1_sum,
    "normal_cosine": cosine,
    "edge_bce": edge_bce,
    "balanced_bce": balanced_bce,
}
"""By ``Task.loss`` or ``LossOptions.form``; each takes output, labels and valid pixels of a batch."""
FORMS = {
    "classes": ("cross_entropy",),
    "depth": ("l1",),
    "normals": ("normal_l1", "normal_l1_sum", "normal_cosine"),
    "binary": ("edge_bce", "balanced_bce"),
}
"""Those that a kind of task can have."""


@dataclass(frozen=True)
class Capped:
    """A loss on what is nearer than ``cap``."""

    loss: Loss
    cap: float

    def __call__(self, output: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        """The loss."""
        return self.loss(output, labels, valid & (labels[:, 0] < self.cap))


def task_loss(task: Task, options: LossOptions | None = None) -> Loss:
    """The loss of a task.

    Raises:
        OptionError: if an option is not for its kind.
    """
    chosen = options or LossOptions()
    form = chosen.form or task.loss
    if form not in FORMS[task.kind]:
        known = ", ".join(FORMS[task.kind])
        raise OptionError(f"losses.{task.name}.form is {form!r}; a task of kind {task.kind!r} has {known}.")
    if chosen.positive is not None and form != "edge_bce":
        raise OptionError(f"losses.{task.name}.positive is for form 'edge_bce', not {form!r}; leave it out.")
    if chosen.cap is not None and task.kind != "depth":
        raise OptionError(f"losses.{task.name}.cap is for depth, not for kind {task.kind!r}; leave it out.")
    loss = LOSSES[form]
    if form == "edge_bce":
        loss = partial(edge_bce, positive=chosen.positive or EDGE_WEIGHT, calibrated=chosen.calibrated)
    elif form == "balanced_bce":
        loss = partial(balanced_bce, calibrated=chosen.calibrated)
    return loss if chosen.cap is None else Capped(loss, chosen.cap)


def task_losses(
    outputs: Mapping[str, Tensor],
    labels: Mapping[str, Tensor],
    valid: Mapping[str, Tensor],
    tasks: list[Task],
    options: Mapping[str, LossOptions] | None = None,
) -> dict[str, Tensor]:
    """The unweighted loss of every task, and of its initial predictions, meaned over scales, where there are any."""
    losses = {task.name: task_loss(task, (options or {}).get(task.name)) for task in tasks}
    final = {name: loss(outputs[name], labels[name], valid[name]) for name, loss in losses.items()}
    initial = {
        INITIAL + name: torch.stack([loss(output, labels[name], valid[name]) for output in found]).mean()
        for name, loss in losses.items()
        if (found := initial_predictions(outputs, name))
    }
    return final | initial
