"""What the fusion learned: how much it listens to each source task at every query position (ctal.md 1.4)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mtlviz.trace import AffinityTrace


@dataclass(frozen=True, eq=False)
class FusionWeights:
    """The kernels of one G, summed up; they belong to the model and are the same for every image.

    Attributes:
        centre: ``(T, n)`` weight of the source's affinity at the key itself, w[i, t, 0, 0].
        total: ``(T, n)`` sum of the kernel: what the source's row counts where it is smooth.
        share: ``(T, n)`` sum of the kernel's sizes |w| over that of all sources, 0 to 1; 0 for a kernel of zeros.
        bias: ``(n,)``.
    """

    centre: Float[np.ndarray, "T n"]
    total: Float[np.ndarray, "T n"]
    share: Float[np.ndarray, "T n"]
    bias: Float[np.ndarray, " n"]


def fusion_weights(trace: AffinityTrace, group: int = 0) -> FusionWeights:
    """The weights of one G.

    In a fusion that is not interleaved a kernel belongs to a slot of its group, and slots to other rows than i: the
    numbers are then those of the slots.
    """
    kernels = np.moveaxis(np.asarray(trace.weights)[group], 1, 0)  # (T, n, 3, 3)
    sizes = np.abs(kernels).sum((2, 3))
    everything = sizes.sum(0)
    return FusionWeights(
        centre=kernels[:, :, 1, 1],
        total=kernels.sum((2, 3)),
        share=np.divide(sizes, everything, out=np.zeros_like(sizes), where=everything > 0),
        bias=np.asarray(trace.bias)[group],
    )


def neighbour_correlation(values: Float[np.ndarray, "T n"], grid: tuple[int, int]) -> float:
    """Correlation between the values of query positions that lie side by side or one above the other.

    Taken over all sources, each less its mean: 1 for one value everywhere around, 0 without relation, -1 for a
    chequerboard; NaN where nothing varies. What an untied fusion learned for a position need not resemble its
    neighbours.

    Args:
        values: of every source and position, e.g. ``FusionWeights.total``.
        grid: (rows, columns).
    """
    maps = values.reshape(-1, *grid).astype(np.float64)
    maps = maps - maps.mean((1, 2), keepdims=True)
    first = np.concatenate([maps[:, :, :-1].ravel(), maps[:, :-1].ravel()])
    second = np.concatenate([maps[:, :, 1:].ravel(), maps[:, 1:].ravel()])
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / scale) if scale > 1e-12 * np.abs(values).max() ** 2 else float("nan")


def part_shares(parts: Float[np.ndarray, "T n"]) -> Float[np.ndarray, " T"]:
    """How much of the variation of a row of G comes from each source, for one image.

    The variance over the keys of what a source adds, over the sum of these variances; what sources do against one
    another is left out. NaN columns are padding; 0 where nothing varies.
    """
    spread = np.nanvar(parts.astype(np.float64), axis=1)
    total = spread.sum()
    shares: Float[np.ndarray, " T"] = spread / total if total > 0 else np.zeros(len(parts))
    return shares


def positive_share(row: Float[np.ndarray, " n"]) -> float:
    """Share of the sizes |g| of a signed row that is positive, 0 to 1; 0.5 where it cancels out. NaN is padding."""
    sizes = float(np.nansum(np.abs(row), dtype=np.float64))
    return float(np.nansum(np.maximum(row, 0), dtype=np.float64)) / sizes if sizes > 0 else 0.0


def size_participation(row: Float[np.ndarray, " n"]) -> float:
    """(sum |g|)^2 / sum g^2: the number of positions that equal sizes would need to be as spread; NaN is padding."""
    squares = float(np.nansum(row.astype(np.float64) ** 2))
    return float(np.nansum(np.abs(row), dtype=np.float64)) ** 2 / squares if squares > 0 else 0.0
