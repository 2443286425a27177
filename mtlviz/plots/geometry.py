"""Where an image and its tokens lie: everything is placed in source pixels, x to the right and y down."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from mtlviz.data.letterbox import Letterbox

Place = tuple[int, int]
"""(row, column) of a token."""


@dataclass(frozen=True)
class Geometry:
    """Where an image and its tokens lie, in source pixels.

    Attributes:
        size: (height, width) of the image.
        grid: (rows, columns) of the tokens of one task.
        origin: (top, left) of the token grid; negative where padding surrounds the image.
        cell: (height, width) of one token.
    """

    size: tuple[int, int]
    grid: tuple[int, int]
    origin: tuple[float, float]
    cell: tuple[float, float]

    @classmethod
    def of(cls, letterbox: Letterbox, grid: tuple[int, int]) -> "Geometry":
        """The geometry of an image fitted into a model's input."""
        top, left, height, width = letterbox.box
        down, right = letterbox.source[0] / height, letterbox.source[1] / width
        cell = (letterbox.target[0] / grid[0] * down, letterbox.target[1] / grid[1] * right)
        return cls(letterbox.source, grid, (-top * down, -left * right), cell)

    def centre(self, row: Any, column: Any) -> tuple[Any, Any]:  # noqa: ANN401
        """(x, y) of one token or of arrays of tokens; at the border, the centre of the part on the image."""
        edges = []
        for index, axis in ((np.asarray(column), 1), (np.asarray(row), 0)):
            low = self.origin[axis] + index * self.cell[axis]
            low, high = (np.clip(edge, 0, self.size[axis]) for edge in (low, low + self.cell[axis]))
            edges.append((low + high) / 2)
        return edges[0], edges[1]

    @property
    def visible(self) -> Bool[np.ndarray, "rows columns"]:
        """Tokens that cover a part of the image."""
        seen = []
        for axis in (0, 1):
            low = self.origin[axis] + np.arange(self.grid[axis]) * self.cell[axis]
            seen.append((low + self.cell[axis] > 1e-6) & (low < self.size[axis] - 1e-6))
        return seen[0][:, None] & seen[1][None]

    def token_at(self, x: float, y: float) -> Place:
        """The token that covers a point."""
        return self.clip(int((y - self.origin[0]) // self.cell[0]), int((x - self.origin[1]) // self.cell[1]))

    def clip(self, row: int, column: int) -> Place:
        """The nearest token that covers a part of the image."""
        rows, columns = (np.flatnonzero(self.visible.any(axis)) for axis in (1, 0))
        return int(np.clip(row, rows[0], rows[-1])), int(np.clip(column, columns[0], columns[-1]))
