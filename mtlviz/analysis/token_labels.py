"""Ground truth on the token grid, one class or depth bin a token: the oracle of what is worth reading."""

import numpy as np
from jaxtyping import Bool, Float32, Int16, Shaped, UInt8

from mtlviz.tasks import IGNORE

UNKNOWN = -1
"""Label of a token without one; it enters no statistic."""

DEPTH_RATIO = 1.25
"""Depth bins grow by this factor: two depths in one bin agree in the sense of the metric delta_1."""


def token_classes(
    labels: UInt8[np.ndarray, "H W"], box: tuple[int, int, int, int], grid: tuple[int, int], stride: int
) -> Int16[np.ndarray, " N"]:
    """The most frequent class of each token's cell, ``UNKNOWN`` where no pixel of it has a class.

    Args:
        labels: classes of the source image's pixels, 255 = none.
        box: (top, left, height, width) of the image inside the network's input.
        grid: (rows, columns) of the token grid.
        stride: pixels of the network's input between neighbouring tokens.
    """
    known = labels[labels != IGNORE]
    if not known.size:
        return np.full(grid[0] * grid[1], UNKNOWN, np.int16)
    cells = _cells(labels, np.uint8(IGNORE), box, grid, stride)  # (N, stride * stride)
    counts = np.stack([(cells == label).sum(1) for label in range(int(known.max()) + 1)], 1)
    majority: Int16[np.ndarray, " N"] = np.where(counts.any(1), counts.argmax(1), UNKNOWN).astype(np.int16)
    return majority


def token_depth_bins(
    depth: Float32[np.ndarray, "H W"],
    valid: Bool[np.ndarray, "H W"],
    box: tuple[int, int, int, int],
    grid: tuple[int, int],
    stride: int,
) -> Int16[np.ndarray, " N"]:
    """The bin of each token's median depth, bins growing by 1.25; ``UNKNOWN`` where no pixel has a depth.

    Args:
        depth: metres of the source image's pixels.
        valid: pixels whose depth is known.
        box: (top, left, height, width) of the image inside the network's input.
        grid: (rows, columns) of the token grid.
        stride: pixels of the network's input between neighbouring tokens.
    """
    usable = valid & (depth > 0)
    cells = _cells(np.where(usable, depth, np.nan).astype(np.float32), np.float32(np.nan), box, grid, stride)
    bins = np.full(len(cells), UNKNOWN, np.int16)
    known = ~np.isnan(cells).all(1)
    bins[known] = np.floor(np.log(np.nanmedian(cells[known], 1)) / np.log(DEPTH_RATIO))
    return _shifted(bins, known)


def _shifted(bins: Int16[np.ndarray, " N"], known: Bool[np.ndarray, " N"]) -> Int16[np.ndarray, " N"]:
    """Bins from 0 up: depths under a metre have negative logarithms, which would read as ``UNKNOWN``."""
    if known.any():
        bins[known] -= bins[known].min()
    return bins


def _cells(
    values: Shaped[np.ndarray, "H W"],
    padding: np.generic,
    box: tuple[int, int, int, int],
    grid: tuple[int, int],
    stride: int,
) -> Shaped[np.ndarray, "N cell"]:
    """The source pixels (nearest) under every pixel of each token's cell, ``padding`` outside the image."""
    top, left, height, width = box
    rows = ((np.arange(height) + 0.5) * values.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * values.shape[1] / width).astype(int)
    canvas = np.full((grid[0] * stride, grid[1] * stride), padding, values.dtype)
    canvas[top : top + height, left : left + width] = values[np.ix_(rows, columns)]
    blocks = canvas.reshape(grid[0], stride, grid[1], stride).swapaxes(1, 2)
    return blocks.reshape(grid[0] * grid[1], stride * stride)
