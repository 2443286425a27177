"""Saliency and other areas: one probability a pixel, scored in the two ways that share the name."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mtlviz.metrics.base import Meter
from mtlviz.metrics.options import SaliencyOptions
from mtlviz.metrics.thresholds import STEPS, best_f, counts_above
from mtlviz.tasks import Task

IMAGE_STEPS = 15
"""Thresholds .2, .25, ..., .9 of what is averaged over images."""


class SaliencyMeter(Meter):
    """``max_f`` over the whole set and ``sal_miou``, the best mean over images of the foreground's IoU.

    ``max_f_image`` is the best F, beta^2 = 1, of precision and recall averaged over images (ASTMT).
    ``max_f_second_sigmoid`` is the compatibility form of InvPT, TaskPrompter, MLoRE and CTAL: ``max_f`` of
    sigmoid(p) in place of the probability p, so that thresholds up to .5 call every pixel positive.

    Args:
        task: of kind ``binary``.
        options: what is reported, and beta^2.
    """

    hits: Tensor
    predicted: Tensor
    squashed_hits: Tensor
    squashed_predicted: Tensor
    positive: Tensor
    jaccard: Tensor
    precision: Tensor
    recall: Tensor
    images: Tensor
    options: SaliencyOptions

    def __init__(self, task: Task, options: SaliencyOptions | None = None) -> None:
        super().__init__()
        self.task = task
        self.options = options or SaliencyOptions()
        for name in ("hits", "predicted", "squashed_hits", "squashed_predicted"):
            self.add_sum(name, STEPS)
        for name in ("jaccard", "precision", "recall"):
            self.add_sum(name, IMAGE_STEPS)
        for name in ("positive", "images"):
            self.add_sum(name)

    @property
    def protocol(self) -> str:
        """One line that says exactly what the numbers are."""
        f = f"F (beta^2 = {self.options.beta2})"
        texts = {
            "max_f": f"max {f} over thresholds .05 to .95 from counts of the whole set",
            "sal_miou": "sal_miou: foreground IoU of an image (1 if both are empty), mean over images, "
            "best of thresholds .2 to .9",
            "max_f_image": "max_f_image: F (beta^2 = 1) of precision and recall averaged over images, best of "
            "thresholds .2 to .9",
            "max_f_second_sigmoid": f"max_f_second_sigmoid: compatibility form, max {f} of a second sigmoid of the "
            "probability, over thresholds .05 to .95",
        }
        return "; ".join(texts[name] for name in self.options.metrics)

    def add(self, output: Tensor, label: Tensor, valid: Tensor) -> None:
        """Add a batch of logits and labels ``(B, 1, H, W)``."""
        probability, positive = output[:, 0].sigmoid(), (label[:, 0] > 0) & valid
        self.hits += counts_above(probability[positive])
        self.predicted += counts_above(probability[valid])
        self.positive += positive.sum()
        if "max_f_second_sigmoid" in self.options.metrics:
            self.squashed_hits += counts_above(probability[positive].double().sigmoid())
            self.squashed_predicted += counts_above(probability[valid].double().sigmoid())
        for p, g, v in zip(probability, positive, valid, strict=True):
            if v.any():
                self._add_image(p, g, v)

    def compute(self) -> dict[str, float]:
        """The metrics asked for, in [0, 1]."""
        if self.images == 0:
            return dict.fromkeys(self.options.metrics, float("nan"))
        beta2 = self.options.beta2
        squashed = self.squashed_hits / self.squashed_predicted, self.squashed_hits / self.positive
        values = {
            "max_f": best_f(self.hits / self.predicted, self.hits / self.positive, beta2),
            "sal_miou": float(self.jaccard.max() / self.images),
            "max_f_image": best_f(self.precision / self.images, self.recall / self.images, 1.0),
            "max_f_second_sigmoid": best_f(*squashed, beta2),
        }
        return {name: values[name] for name in self.options.metrics}

    def _add_image(
        self, probability: Float[Tensor, "H W"], positive: Bool[Tensor, "H W"], valid: Bool[Tensor, "H W"]
    ) -> None:
        """Its IoU (1 where prediction and truth are both empty), precision and recall (0 for 0 / 0)."""
        grid = torch.linspace(0.2, 0.9, IMAGE_STEPS, dtype=torch.float64, device=probability.device)
        predicted = (probability.double() > grid[:, None, None]) & valid
        hits = (predicted & positive).sum((1, 2)).double()
        union = (predicted | positive).sum((1, 2))
        self.jaccard += torch.where(union == 0, 1.0, hits / union.clamp(min=1))
        self.precision += hits / predicted.sum((1, 2)).clamp(min=1)
        self.recall += hits / positive.sum().clamp(min=1)
        self.images += 1
