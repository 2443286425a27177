"""Bootstrap bands: images are hashed into groups, groups are drawn with replacement, statistics are taken again.

Images of one group stay together, so the band tells how much the numbers would differ on other images, not on other
positions of the same images, which resemble one another.
"""

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.collapse.moments import Moments
from mtlviz.analysis.collapse.record import Estimate

Array = np.ndarray


def group_draws(groups: int, resamples: int, seed: int) -> Int[Array, "R G"]:
    """How often each group is drawn in each resample."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(groups, np.full(groups, 1 / groups), size=resamples)


def resampled(
    grouped: Moments, draws: Int[Array, "R G"]
) -> tuple[Float[Array, "R C"], Float[Array, "R C E"], Float[Array, "R C"]]:
    """Counts, class means and mean squared distances from them in every resample.

    Sums are taken about the means of all images, so that small spreads do not cancel.

    Args:
        grouped: of every group and class ``(G, C)``, with traces.
        draws: of the groups.

    Returns:
        Means and variances are 0 for a class that a resample does not hold.
    """
    count, mean, spread = (one.numpy() for one in grouped.tensors())
    centre = (count[..., None] * mean).sum(0) / count.sum(0).clip(1)[:, None]  # (C, E)
    offset = (mean - centre) * (count > 0)[..., None]
    sums = count[..., None] * offset
    squares = spread + (sums * offset).sum(-1)
    drawn = draws.astype(float)
    counts = drawn @ count
    safe = counts.clip(1)
    shift = (drawn @ sums.reshape(len(sums), -1)).reshape(len(drawn), *centre.shape) / safe[..., None]
    variances = (drawn @ squares) / safe - np.square(shift).sum(-1)
    there = counts > 0
    return counts, (centre + shift) * there[..., None], variances.clip(0) * there


def estimate(
    value: float, resamples: Float[Array, " R"] | None = None, confidence: float = 0.95, largest: float = np.inf
) -> Estimate:
    """A value with its band; None for what is not finite.

    The band has the width of the resamples' quantiles and lies about the value. Resamples hold fewer different
    images, whose class means are noisier, so that their own middle is shifted; that shift is not spread.

    Args:
        value: over all images, not negative.
        resamples: the same statistic in every resample; those that are not defined are left out. None without band.
        confidence: share of the resamples that the band holds.
        largest: value that the statistic can have.
    """
    number = float(value) if np.isfinite(value) else None
    known = np.zeros(0) if resamples is None else resamples[np.isfinite(resamples)]
    if number is None or not len(known):
        return Estimate(number)
    low, middle, high = np.quantile(known, [(1 - confidence) / 2, 0.5, (1 + confidence) / 2])
    return Estimate(number, max(number - float(middle - low), 0.0), min(number + float(high - middle), largest))
