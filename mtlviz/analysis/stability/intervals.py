"""Means over images with their bootstrap interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over images.

    Attributes:
        mean: over the images that have a value; NaN for n = 0.
        low: lower end of the percentile bootstrap interval over images; NaN for n < 2.
        high: upper end.
        count: n.
    """

    mean: float
    low: float
    high: float
    count: int

    def as_dict(self) -> dict[str, float | int | None]:
        """Plain data for JSON, None where there is no number."""
        numbers = {name: None if value != value else value for name, value in
                   (("mean", self.mean), ("low", self.low), ("high", self.high))}  # fmt: skip
        return {**numbers, "n": self.count}


def common_count(counts: Sequence[int]) -> int:
    """The number of images of records that were made over the same ones.

    Raises:
        ValueError: if the numbers differ.
    """
    if len(set(counts)) > 1:
        raise ValueError(f"records of one set hold the same images; these hold {', '.join(map(str, counts))}")
    return counts[0]


def mean_intervals(
    values: Float[np.ndarray, "n M"], seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> list[Interval]:
    """The mean of every column over images, with the interval of its bootstrap: images are drawn with replacement.

    The same draws serve all columns, so that calls with the same n and seed are paired.

    Args:
        values: one row an image; NaN where it has none.
        seed: of the draws.
        resamples: number of draws.
        level: share of the resampled means inside the interval.
    """
    count = len(values)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples) if count else None
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    numbers = known.sum(0)
    found = []
    totals, weights = (None, None) if draws is None else (draws @ filled, draws @ known.astype(np.float64))
    for column, number in enumerate(numbers):
        mean = float(filled[:, column].sum() / number) if number else float("nan")
        low = high = float("nan")
        if number > 1 and totals is not None and weights is not None:
            drawn = weights[:, column] > 0
            tails = (50 * (1 - level), 50 * (1 + level))
            low, high = np.percentile(totals[drawn, column] / weights[drawn, column], tails)
        found.append(Interval(mean, float(low), float(high), int(number)))
    return found
