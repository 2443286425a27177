"""Labels and masks at another size: the nearest pixel, or for thin lines the largest of those that are covered."""

import numpy as np

Size = tuple[int, int]
"""(height, width)."""


def nearest(array: np.ndarray, size: Size) -> np.ndarray:
    """The pixel whose area holds the centre of each new one; the first two axes are rows and columns."""
    for axis, new in enumerate(size):
        array = array.take(_nearest(array.shape[axis], new), axis)
    return array


def largest(array: np.ndarray, size: Size) -> np.ndarray:
    """The largest of the pixels that each new one covers, so that a line stays whole; ``nearest`` where it grows."""
    for axis, new in enumerate(size):
        old = array.shape[axis]
        if new < old:
            array = np.maximum.reduceat(array, np.arange(new) * old // new, axis)
        else:
            array = array.take(_nearest(old, new), axis)
    return array


def _nearest(old: int, new: int) -> np.ndarray:
    return ((np.arange(new) + 0.5) * old / new).astype(np.intp)
