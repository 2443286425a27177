"""F over thresholds on a probability, from counts that add up over a data set."""

import torch
from jaxtyping import Float
from torch import Tensor

STEPS = 19
"""Thresholds .05, .10, ..., .95."""


def thresholds(steps: int = STEPS) -> Float[Tensor, "steps"]:
    """The probabilities k / (steps + 1) at which F is taken."""
    return torch.arange(1, steps + 1, dtype=torch.float64) / (steps + 1)


def counts_above(values: Float[Tensor, "M"]) -> Float[Tensor, "19"]:
    """How many values are at or above each threshold."""
    bins = torch.bucketize(values.double(), thresholds().to(values.device), right=True)
    per_bin = torch.bincount(bins, minlength=STEPS + 1)
    return (per_bin.sum() - per_bin.cumsum(0)[:-1]).double()


def f_scores(precision: Tensor, recall: Tensor, beta2: float) -> Tensor:
    """(1 + beta2) P R / (beta2 P + R); 0 where nothing is predicted or nothing found."""
    return ((1 + beta2) * precision * recall / (beta2 * precision + recall)).nan_to_num(0)


def best_f(precision: Tensor, recall: Tensor, beta2: float) -> float:
    """The largest F over thresholds; 0 where nothing is predicted."""
    return float(f_scores(precision, recall, beta2).max())
