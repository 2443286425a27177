"""Ground truth on the token grid, one class or depth bin a token: the oracle of what is worth reading."""

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int16, Shaped, UInt8

from mtlviz.models.token_classes import majority
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
    canvas = _canvas(labels, np.uint8(IGNORE), box, grid, stride)
    voted = majority(torch.from_numpy(canvas)[None], int(known.max()) + 1, grid)[0].numpy()
    return np.where(voted == IGNORE, UNKNOWN, voted).astype(np.int16)


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
    depths = token_depths(depth, valid, box, grid, stride)
    bins = np.full(len(depths), UNKNOWN, np.int16)
    known = ~np.isnan(depths)
    if known.any():  # from 0 up: depths under a metre have negative powers, which would read as UNKNOWN
        powers = depth_powers(depths[known])
        bins[known] = powers - powers.min()
    return bins


def depth_powers(depths: Float32[np.ndarray, " k"]) -> Int16[np.ndarray, " k"]:
    """The largest power of ``DEPTH_RATIO`` metres that is at most each depth: its bin, alike in all images."""
    powers: Int16[np.ndarray, " k"] = np.floor(np.log(depths) / np.log(DEPTH_RATIO)).astype(np.int16)
    return powers


def token_depths(
    depth: Float32[np.ndarray, "H W"],
    valid: Bool[np.ndarray, "H W"],
    box: tuple[int, int, int, int],
    grid: tuple[int, int],
    stride: int,
) -> Float32[np.ndarray, " N"]:
    """Median depth of each token's cell in metres, NaN where no pixel has one; arguments as ``token_depth_bins``."""
    usable = valid & (depth > 0)
    canvas = _canvas(np.where(usable, depth, np.nan).astype(np.float32), np.float32(np.nan), box, grid, stride)
    blocks = canvas.reshape(grid[0], stride, grid[1], stride).swapaxes(1, 2)
    cells = blocks.reshape(grid[0] * grid[1], stride * stride)
    known = ~np.isnan(cells).all(1)
    depths = np.full(len(cells), np.nan, np.float32)
    depths[known] = np.nanmedian(cells[known], 1)
    return depths


def _canvas(
    values: Shaped[np.ndarray, "H W"],
    padding: np.generic,
    box: tuple[int, int, int, int],
    grid: tuple[int, int],
    stride: int,
) -> Shaped[np.ndarray, "h w"]:
    """The source pixels (nearest) under every pixel of the network's input, ``padding`` outside the image."""
    top, left, height, width = box
    rows = ((np.arange(height) + 0.5) * values.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * values.shape[1] / width).astype(int)
    canvas = np.full((grid[0] * stride, grid[1] * stride), padding, values.dtype)
    canvas[top : top + height, left : left + width] = values[np.ix_(rows, columns)]
    return canvas
