"""Boundaries reduced to lines one pixel wide: thinning of masks and ridges of probability maps."""

from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter, map_coordinates

SLACK = 1.01
"""A pixel gives way to a neighbour across the ridge that is larger by more than this factor."""


@cache
def _removable() -> Bool[np.ndarray, "2 256"]:
    """Whether a set pixel goes, by half-step and by its eight neighbours as bits from east, counter-clockwise.

    The conditions of Guo & Hall (1989, algorithm A1): one run of set neighbours, neither an end nor inside, and
    on the side whose turn it is.
    """
    bit = (np.arange(256)[:, None] >> np.arange(8)) & 1  # (256, 8)
    x = {number + 1: bit[:, number % 8] for number in range(9)}  # x[1] east, x[2] north-east, ..., x[9] = x[1]
    runs = np.sum([(1 - x[2 * i - 1]) & (x[2 * i] | x[2 * i + 1]) for i in range(1, 5)], axis=0)
    pairs = [np.sum([x[2 * k - odd] | x[2 * k + 1 - odd] for k in range(1, 5)], axis=0) for odd in (1, 0)]
    inside = np.minimum(pairs[0], pairs[1])
    shared = (runs == 1) & (inside >= 2) & (inside <= 3)
    sides = [(x[2] | x[3] | (1 - x[8])) & x[1], (x[6] | x[7] | (1 - x[4])) & x[5]]
    return np.stack([shared & (side == 0) for side in sides])


def thinned(mask: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """The mask's lines one pixel wide, as ``skimage.morphology.thin`` without a limit.

    After the first pass only pixels beside a removed one can change, so that a pass looks at those alone.
    """
    padded = np.pad(np.asarray(mask, np.uint8), 1)
    flat, width = padded.ravel(), padded.shape[1]
    around = (1, 1 - width, -width, -width - 1, -1, width - 1, width, width + 1)
    table = _removable()
    dirty = np.ones((2, flat.size), bool)  # by half-step: pixels to look at, again
    turn, idle = 0, 0
    while idle < 2:
        candidates = np.flatnonzero(dirty[turn] & flat.view(bool))
        dirty[turn] = False
        code = np.zeros(len(candidates), np.uint8)
        for bit, offset in enumerate(around):
            code |= flat[candidates + offset] << np.uint8(bit)
        gone = candidates[table[turn][code]]
        flat[gone] = 0
        for offset in around:
            dirty[:, gone + offset] = True
        idle = 0 if len(gone) else idle + 1
        turn = 1 - turn
    return padded[1:-1, 1:-1].astype(bool)


def ridges(probability: Float[np.ndarray, "H W"], scale: float = 2.0) -> Float[np.ndarray, "H W"]:
    """The map where it is largest across its ridge, 0 elsewhere: non-maximum suppression.

    Args:
        probability: of an edge.
        scale: standard deviation in pixels of the Gaussian window in which the direction of ridges is measured.
    """
    dy, dx = np.gradient(gaussian_filter(np.asarray(probability, float), 1, mode="nearest"))
    xx, yy, xy = (gaussian_filter(part, scale, mode="nearest") for part in (dx * dx, dy * dy, dx * dy))
    normal = 0.5 * np.arctan2(2 * xy, xx - yy)  # direction of most change: the structure tensor's first axis
    rows, columns = np.indices(probability.shape)
    beside = [
        map_coordinates(
            probability,
            [rows + sign * np.sin(normal), columns + sign * np.cos(normal)],
            order=1, mode="nearest", output=float,
        )
        for sign in (1, -1)
    ]  # fmt: skip
    return np.where(probability * SLACK >= np.maximum(*beside), probability, 0.0)
