"""Losses of the tasks: means over the pixels that have a label; 0, with gradient, where none has.

They follow the multi-task literature: cross entropy, L1 on depth, L1 on unit normals (mean over the three
values of a pixel), binary cross entropy with fixed weights for edges, with class-balanced ones for saliency.
A weight w of the positive class would move the log-odds that a network learns by log(w / (1 - w)); the weighted
losses add that to the logits, so that the sigmoid of what the network gives is a probability.
"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float, Num, UInt8
from torch import Tensor
from torch.nn import functional

from mtlviz.models.multitask import INITIAL
from mtlviz.tasks import IGNORE, Task

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


def edge_bce(
    logits: Float[Tensor, "B 1 H W"], labels: Num[Tensor, "B 1 H W"], valid: Bool[Tensor, "B H W"]
) -> Float[Tensor, ""]:
    """Mean binary cross entropy, edge pixels weighted 0.95 and others 0.05."""
    return _weighted_bce(logits, labels, valid, torch.tensor(EDGE_WEIGHT, device=logits.device))


def balanced_bce(
    logits: Float[Tensor, "B 1 H W"], labels: Num[Tensor, "B 1 H W"], valid: Bool[Tensor, "B H W"]
) -> Float[Tensor, ""]:
    """Mean binary cross entropy, either class weighted by the batch's share of the other."""
    negatives = ((labels == 0) & valid[:, None]).sum() / valid.sum().clamp(min=1)
    return _weighted_bce(logits, labels, valid, negatives)


def _weighted_bce(logits: Tensor, labels: Tensor, valid: Tensor, positive: Tensor) -> Tensor:
    targets = labels.to(logits.dtype)
    weights = torch.where(targets > 0, positive, 1 - positive) * valid[:, None]
    shifted = logits + positive.logit(1e-3)
    total = functional.binary_cross_entropy_with_logits(shifted, targets, weights, reduction="sum")
    return total / valid.sum().clamp(min=1)


LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "l1": l1,
    "normal_l1": l1,  # the decoder's output has unit length
    "edge_bce": edge_bce,
    "balanced_bce": balanced_bce,
}
"""By ``Task.loss``; each takes output, labels and valid pixels of a batch."""


def task_losses(
    outputs: Mapping[str, Tensor],
    labels: Mapping[str, Tensor],
    valid: Mapping[str, Tensor],
    tasks: list[Task],
) -> dict[str, Tensor]:
    """The unweighted loss of every task, and of its initial prediction where there is one."""
    return {
        prefix + task.name: LOSSES[task.loss](outputs[prefix + task.name], labels[task.name], valid[task.name])
        for prefix in ("", INITIAL)
        for task in tasks
        if not prefix or prefix + task.name in outputs
    }
