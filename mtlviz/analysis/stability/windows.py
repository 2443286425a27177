"""Which part of an image a changed copy of it shows, and which token of the copy lies on which of the original."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from mtlviz.data.letterbox import Letterbox, Size

OUTSIDE = -1
"""Where a token of the copy shows nothing of the original."""


@dataclass(frozen=True)
class Window:
    """The part of an image that a copy of the same size shows, enlarged; pixels of the image, y down.

    Attributes:
        top: upper edge; negative where the copy begins outside the image.
        left: left edge.
        height: of the part; that of the image where the copy is only moved.
        width: of the part.
    """

    top: float
    left: float
    height: float
    width: float

    @classmethod
    def whole(cls, size: Size) -> "Window":
        """The copy shows the image as it is."""
        return cls(0.0, 0.0, float(size[0]), float(size[1]))


@dataclass(frozen=True)
class TokenMap:
    """Tokens of a changed copy on those of the original, for the positions of one task.

    Attributes:
        original: ``(N,)`` by token of the copy, the token of the original under its centre; ``OUTSIDE`` where that
            is not on both images.
        common: ``(N,)`` by token of the original, whether the copy shows it. Other tokens enter no comparison.
    """

    original: Int[np.ndarray, " N"]
    common: Bool[np.ndarray, " N"]


def token_map(window: Window, letterbox: Letterbox, grid: tuple[int, int]) -> TokenMap:
    """Follow the centre of every token; of tokens at the border, the centre of the part on the image.

    Args:
        window: what the copy shows, in pixels of the image inside the letterbox.
        letterbox: of the original and, since it has the same size, of the copy.
        grid: (rows, columns).
    """
    starts, sides = (window.top, window.left), (window.height, window.width)
    along = [_along(axis, starts[axis], sides[axis], letterbox, grid[axis]) for axis in (0, 1)]
    (rows, rows_kept), (columns, columns_kept) = along
    common = rows_kept[:, None] & columns_kept[None]
    known = (rows >= 0)[:, None] & (columns >= 0)[None]
    original = np.where(known, rows[:, None] * grid[1] + columns[None], OUTSIDE).ravel()
    common = common.ravel()
    original[~common[original] | (original < 0)] = OUTSIDE
    return TokenMap(original, common)


def pixel_map(window: Window, size: Size) -> tuple[Int[np.ndarray, " h"], Int[np.ndarray, " w"]]:
    """(row, column) of the original under the centre of every row and column of the copy; ``OUTSIDE`` off the image."""
    found = []
    for start, side, count in ((window.top, window.height, size[0]), (window.left, window.width, size[1])):
        place = np.floor(start + (np.arange(count) + 0.5) * side / count).astype(np.int64)
        found.append(np.where((place >= 0) & (place < count), place, OUTSIDE))
    return found[0], found[1]


def _along(
    axis: int, start: float, side: float, letterbox: Letterbox, count: int
) -> tuple[Int[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """One axis of a token map: the original's index for every token of the copy, and which of the original it shows."""
    offset, length = letterbox.box[axis], letterbox.box[axis + 2]
    cell = letterbox.target[axis] / count
    edges = np.arange(count + 1) * cell - offset  # in pixels of the image
    low, high = np.clip(edges[:-1], 0, length), np.clip(edges[1:], 0, length)
    centre, on_image = (low + high) / 2, high > low
    moved = start + centre * side / length
    shown = on_image & (moved >= 0) & (moved < length)
    index = np.where(shown, np.floor((moved + offset) / cell).astype(np.int64), OUTSIDE)
    return index, on_image & (centre >= start) & (centre < start + side)
