"""What diffusion along G does to the features of a task: before, after, difference (ctal.md 1.5)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from mtlviz.analysis.affinity.rows import valid_mask
from mtlviz.analysis.projection import pca
from mtlviz.trace import AffinityTrace


@dataclass(frozen=True, eq=False)
class DiffusionEffect:
    """Features of one task before and after the blend; NaN at padding.

    Attributes:
        change: ``(n,)`` |Z - F| / |F|, gamma |Y - F| / |F|.
        before: ``(n, 3)`` colours 0 to 1 of F: its place along three directions.
        after: ``(n, 3)`` colours of Z, along the same three directions with the same ends.
        shown: share of the variance of F and Z together along these directions.
    """

    change: Float[np.ndarray, " n"]
    before: Float32[np.ndarray, "n 3"]
    after: Float32[np.ndarray, "n 3"]
    shown: float


def diffusion_effect(trace: AffinityTrace, task: int, gamma: float | None = None) -> DiffusionEffect:
    """What diffusion changes in a task's features.

    Args:
        trace: of CTAL, as CPU arrays.
        task: its number.
        gamma: share of what is diffused; None takes the one in force.
    """
    valid = valid_mask(trace)
    before = np.asarray(trace.projected)[task][valid]
    moved = np.float32(trace.gamma if gamma is None else gamma) * (np.asarray(trace.attended)[task][valid] - before)
    found = pca(np.concatenate([before, before + moved]), min(3, before.shape[1]))
    low, high = np.percentile(found.coordinates, (1, 99), axis=0)
    colours = np.full((2 * len(before), 3), 0.5, np.float32)
    colours[:, : len(low)] = ((found.coordinates - low) / np.maximum(high - low, 1e-12)).clip(0, 1)
    change = np.linalg.norm(moved, axis=1) / np.maximum(np.linalg.norm(before, axis=1), 1e-12)
    first, second = np.split(colours, 2)
    return DiffusionEffect(_placed(change, valid), _placed(first, valid), _placed(second, valid), found.shown)


def _placed(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Values of the image's positions on the whole grid, NaN at padding."""
    everywhere = np.full((len(valid), *values.shape[1:]), np.nan, np.float32)
    everywhere[valid] = values
    return everywhere
