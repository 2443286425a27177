"""Saliency and edges: two tasks of one probability a pixel with metrics of their own."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from mtlviz.metrics.base import Meter, ratio
from mtlviz.tasks import Task

STEPS = 19
"""Thresholds .05, .10, ..., .95."""
BETA2 = 0.3
"""Weight of recall in the saliency F; 1 in the edge F."""
TOLERANCE = 0.0075
"""Of the image diagonal, within which a predicted edge pixel and a true one match."""


def thresholds() -> Float[Tensor, "19"]:
    """The probabilities at which F is taken."""
    return torch.arange(1, STEPS + 1, dtype=torch.float64) / (STEPS + 1)


def counts_above(values: Float[Tensor, "M"]) -> Float[Tensor, "19"]:
    """How many values are at or above each threshold."""
    bins = torch.bucketize(values.double(), thresholds().to(values.device), right=True)
    per_bin = torch.bincount(bins, minlength=STEPS + 1)
    return (per_bin.sum() - per_bin.cumsum(0)[:-1]).double()


def best_f(precision: Tensor, recall: Tensor, beta2: float) -> float:
    """The largest F over thresholds; 0 where nothing is predicted."""
    f = (1 + beta2) * precision * recall / (beta2 * precision + recall)
    return float(f.nan_to_num(0).max())


class SaliencyMeter(Meter):
    """``max_f`` over the whole set, and ``sal_miou``, the best mean over images of the foreground's IoU."""

    hits: Tensor
    predicted: Tensor
    positive: Tensor
    jaccard: Tensor
    images: Tensor

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task
        self.add_sum("hits", STEPS)
        self.add_sum("predicted", STEPS)
        self.add_sum("positive")
        self.add_sum("jaccard", 15)
        self.add_sum("images")

    @property
    def protocol(self) -> str:
        """One line that says exactly what the numbers are."""
        return (
            f"max F (beta^2 = {BETA2}) over thresholds .05 to .95 from counts of the whole set; sal_miou: "
            "foreground IoU of an image (1 if both are empty), mean over images, best of thresholds .2 to .9"
        )

    def update(self, output: Tensor, label: Tensor, valid: Tensor) -> None:
        """Add a batch of logits and labels ``(B, 1, H, W)``."""
        probability, positive = output[:, 0].sigmoid(), (label[:, 0] > 0) & valid
        self.hits += counts_above(probability[positive])
        self.predicted += counts_above(probability[valid])
        self.positive += positive.sum()
        for p, g, v in zip(probability, positive, valid, strict=True):
            if v.any():
                self.jaccard += _jaccard(p, g, v)
                self.images += 1

    def compute(self) -> dict[str, float]:
        """Both metrics, in [0, 1]."""
        if self.images == 0:
            return {"max_f": float("nan"), "sal_miou": float("nan")}
        f = best_f(self.hits / self.predicted, self.hits / self.positive, BETA2)
        return {"max_f": f, "sal_miou": float(self.jaccard.max() / self.images)}


def _jaccard(probability: Tensor, positive: Tensor, valid: Tensor) -> Float[Tensor, "15"]:
    """Foreground IoU of one image at thresholds .2 to .9, 1 where prediction and truth are both empty."""
    grid = torch.linspace(0.2, 0.9, 15, dtype=torch.float64, device=probability.device)
    predicted = (probability.double() > grid[:, None, None]) & valid
    union = (predicted | positive).sum((1, 2))
    return torch.where(union == 0, 1.0, (predicted & positive).sum((1, 2)) / union.clamp(min=1)).double()


class EdgeMeter(Meter):
    """``edge_f``, the best F of boundary matching within a tolerance, and ``edge_bce``.

    A predicted edge pixel is right if a true one lies within the tolerance, and the other way round. This is
    like the boundary F ``bf_score``, not odsF: matching is not one to one and predictions are not thinned.
    """

    right: Tensor
    predicted: Tensor
    found: Tensor
    positive: Tensor
    entropy: Tensor
    count: Tensor

    def __init__(self, task: Task, tolerance: float = TOLERANCE) -> None:
        super().__init__()
        self.task = task
        self.tolerance = tolerance
        for name in ("right", "predicted", "found"):
            self.add_sum(name, STEPS)
        for name in ("positive", "entropy", "count"):
            self.add_sum(name)

    @property
    def protocol(self) -> str:
        """One line that says exactly what the numbers are."""
        return (
            f"tolerant boundary F within {self.tolerance} of the diagonal (at least 1 pixel), best of "
            "thresholds .05 to .95 over the whole set, matching not one to one, no thinning: not odsF; "
            "edge_bce: plain binary cross entropy"
        )

    def update(self, output: Tensor, label: Tensor, valid: Tensor) -> None:
        """Add a batch of logits and labels ``(B, 1, H, W)``."""
        logits, true = output[:, 0], (label[:, 0] > 0) & valid
        probability = logits.sigmoid() * valid
        radius = max(1.0, self.tolerance * math.hypot(*true.shape[-2:]))
        near_true = widest(true.float(), radius) > 0
        self.predicted += counts_above(probability[valid])
        self.right += counts_above(probability[valid & near_true])
        self.found += counts_above(widest(probability, radius)[true])
        self.positive += true.sum()
        cross_entropy = functional.binary_cross_entropy_with_logits(logits.double(), true.double(), reduction="none")
        self.entropy += cross_entropy[valid].sum()
        self.count += valid.sum()

    def compute(self) -> dict[str, float]:
        """``edge_f`` in [0, 1] and ``edge_bce`` in nats."""
        if self.count == 0:
            return {"edge_f": float("nan"), "edge_bce": float("nan")}
        f = best_f(self.right / self.predicted, self.found / self.positive, 1.0)
        return {"edge_f": f, "edge_bce": ratio(self.entropy, self.count)}


def widest(values: Float[Tensor, "B H W"], radius: float) -> Float[Tensor, "B H W"]:
    """Largest value within a disc around every pixel: the dilation of a map."""
    reach = int(radius)
    height, width = values.shape[-2:]
    padded = functional.pad(values, (reach,) * 4)
    result = values
    for row in range(-reach, reach + 1):
        for column in range(-reach, reach + 1):
            if 0 < row**2 + column**2 <= radius**2:
                top, left = reach + row, reach + column
                result = torch.maximum(result, padded[:, top : top + height, left : left + width])
    return result


def edge_or_saliency(task: Task) -> Meter:
    """The meter that knows the task's headline metric."""
    return EdgeMeter(task) if task.metric == "edge_f" else SaliencyMeter(task)
