"""Edges: the tolerant boundary F, and odsF with its kin by thinning and one-to-one matching."""

import math
from concurrent.futures import Executor
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from mtlviz.metrics.base import Meter, ratio
from mtlviz.metrics.boundaries import boundary_counts
from mtlviz.metrics.options import EdgeOptions
from mtlviz.metrics.thinning import ridges, thinned
from mtlviz.metrics.thresholds import STEPS, best_f, counts_above, f_scores, thresholds
from mtlviz.tasks import Task

ONE_TO_ONE = frozenset({"ods_f", "ois_f", "edge_ap"})
TOLERANT = frozenset({"edge_f", "bf_score"})


class EdgeMeter(Meter):
    """Boundary metrics; only those asked for are worked out.

    ``edge_f`` (the field's ``bf_score``) calls a predicted pixel right if a true one lies within the tolerance,
    and the other way round: matching is not one to one and predictions are not thinned, so that thick predictions
    fare better than under odsF. ``ods_f`` is the best F, at one threshold for the whole set, of thinned predictions
    matched one to one; ``ois_f`` the mean over images of each image's best; ``edge_ap`` the area under the curve of
    precision over recall. ``edge_bce`` is plain binary cross entropy on logits.

    Args:
        task: of kind ``binary``.
        options: tolerance, thresholds and how predictions are reduced to lines.

    Attributes:
        executor: matches the images of a batch one to one, several at once; None matches them here.
    """

    right: Tensor
    predicted: Tensor
    found: Tensor
    positive: Tensor
    entropy: Tensor
    count: Tensor
    matched: Tensor
    drawn: Tensor
    wanted: Tensor
    image_best: Tensor
    images: Tensor
    options: EdgeOptions
    executor: Executor | None = None

    def __init__(self, task: Task, options: EdgeOptions | None = None) -> None:
        super().__init__()
        self.task = task
        self.options = options or EdgeOptions()
        for name in ("right", "predicted", "found"):
            self.add_sum(name, STEPS)
        for name in ("matched", "drawn"):
            self.add_sum(name, self.options.steps)
        for name in ("positive", "entropy", "count", "wanted", "image_best", "images"):
            self.add_sum(name)

    @property
    def one_to_one(self) -> bool:
        """Whether lines are matched one to one, which takes about a second an image."""
        return bool(ONE_TO_ONE & set(self.options.metrics))

    @property
    def protocol(self) -> str:
        """One line that says exactly what the numbers are."""
        names = self.options.metrics
        within = f"within {self.options.tolerance} of the diagonal (at least 1 pixel)"
        tolerant = ", ".join(name for name in names if name in TOLERANT and name != "edge_f")
        matched = ", ".join(name for name in names if name in ONE_TO_ONE)
        texts = []
        if TOLERANT & set(names):
            texts.append(
                f"{tolerant + ': ' if tolerant else ''}tolerant boundary F {within}, best of "
                "thresholds .05 to .95 over the whole set, matching not one to one, no thinning: not odsF"
            )
        if matched:
            texts.append(f"{matched}: predictions {self._reduction}, matched one to one {within}")
        return "; ".join([*texts, *(["edge_bce: plain binary cross entropy"] if "edge_bce" in names else [])])

    def add(self, output: Tensor, label: Tensor, valid: Tensor) -> None:
        """Add a batch of logits and labels ``(B, 1, H, W)``."""
        logits, true = output[:, 0], (label[:, 0] > 0) & valid
        probability = logits.sigmoid().where(valid, 0)
        names = set(self.options.metrics)
        cross_entropy = functional.binary_cross_entropy_with_logits(logits.double(), true.double(), reduction="none")
        self.entropy += cross_entropy[valid].sum()
        self.count += valid.sum()
        if names & TOLERANT:
            self._add_tolerant(probability, true, valid)
        if self.one_to_one:
            self._add_matched(probability.cpu().double().numpy(), true.cpu().numpy())

    def compute(self) -> dict[str, float]:
        """The metrics asked for: F and area in [0, 1], ``edge_bce`` in nats."""
        if self.count == 0:
            return dict.fromkeys(self.options.metrics, float("nan"))
        tolerant = best_f(self.right / self.predicted, self.found / self.positive, 1.0)
        precision, recall = self.matched / self.drawn, self.matched / self.wanted
        exists = self.wanted > 0
        values = {
            "edge_f": tolerant,
            "bf_score": tolerant,
            "edge_bce": ratio(self.entropy, self.count),
            "ods_f": best_f(precision, recall, 1.0) if exists else float("nan"),
            "ois_f": ratio(self.image_best, self.images),
            "edge_ap": area_under(precision, recall) if exists else float("nan"),
        }
        return {name: values[name] for name in self.options.metrics}

    @property
    def _reduction(self) -> str:
        options = self.options
        return (
            f"{'in steps of 1/255, ' if options.eight_bit else ''}"
            f"{'after non-maximum suppression ' if options.suppress else ''}"
            f"at {options.steps} thresholds k/{options.steps + 1} of the whole set thinned, "
            f"true edges {'thinned too' if options.thin_truth else 'as labelled'}"
        )

    def _radius(self, shape: tuple[int, ...]) -> float:
        return max(1.0, self.options.tolerance * math.hypot(*shape))

    def _add_tolerant(
        self, probability: Float[Tensor, "B H W"], true: Bool[Tensor, "B H W"], valid: Bool[Tensor, "B H W"]
    ) -> None:
        radius = self._radius(true.shape[-2:])
        near_true = widest(true.float(), radius) > 0
        self.predicted += counts_above(probability[valid])
        self.right += counts_above(probability[valid & near_true])
        self.found += counts_above(widest(probability, radius)[true])
        self.positive += true.sum()

    def _add_matched(self, probability: Float[np.ndarray, "B H W"], true: Bool[np.ndarray, "B H W"]) -> None:
        counted = partial(line_counts, options=self.options, radius=self._radius(true.shape[-2:]))
        spread = map if self.executor is None else self.executor.map
        for matched, drawn, wanted in spread(counted, probability, true):
            found, given = (torch.from_numpy(part).to(self.matched) for part in (matched, drawn))
            self.matched += found
            self.drawn += given
            self.wanted += wanted
            if wanted > 0:  # an image without edges has no recall
                self.image_best += float(f_scores(found / given, found / wanted, 1.0).max())
                self.images += 1


def line_counts(
    probability: Float[np.ndarray, "H W"], true: Bool[np.ndarray, "H W"], options: EdgeOptions, radius: float
) -> tuple[Float[np.ndarray, "T"], Float[np.ndarray, "T"], int]:
    """Of one image the matched and the predicted pixels of lines at every threshold, and the true ones."""
    lines = thinned(true) if options.thin_truth else true
    given = ridges(probability) if options.suppress else probability
    grid = thresholds(options.steps).numpy()
    if options.eight_bit:
        given, grid = np.floor(given * 255), grid * 255
    return *boundary_counts(given, lines, radius, grid), int(lines.sum())


def area_under(precision: Float[Tensor, "T"], recall: Float[Tensor, "T"]) -> float:
    """Area under precision over recall by trapezoids, level from the smallest recall reached down to 0."""
    reached = ~precision.isnan()
    if not reached.any():
        return 0.0
    order = recall[reached].argsort(stable=True)
    precision, recall = precision[reached][order], recall[reached][order]
    return float(precision[0] * recall[0] + torch.trapezoid(precision, recall))


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
