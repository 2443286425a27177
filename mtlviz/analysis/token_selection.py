"""Tokens that were chosen by hand, found again at another place, in another sample or on the image."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Int64

from mtlviz.analysis.token_cloud import SHARED, TokenCloud


@dataclass(frozen=True, eq=False)
class TokenSelection:
    """Tokens by where they lie, whatever the place they were chosen at.

    Attributes:
        of: names the images that they were chosen from.
        tasks: names.
        grid: (rows, columns) that ``row`` and ``column`` count in.
        image: ``(m,)`` index of the image.
        task: ``(m,)`` index into ``tasks``; of ``SHARED`` tokens those of all tasks are meant.
        row: ``(m,)``.
        column: ``(m,)``.
    """

    of: str
    tasks: tuple[str, ...]
    grid: tuple[int, int]
    image: Int64[np.ndarray, " m"]
    task: Int64[np.ndarray, " m"]
    row: Int64[np.ndarray, " m"]
    column: Int64[np.ndarray, " m"]

    @classmethod
    def of_rows(
        cls, of: str, tasks: tuple[str, ...], grid: tuple[int, int], rows: Int[np.ndarray, "m 4"]
    ) -> "TokenSelection":
        """From (task, row, column, image) a token."""
        task, row, column, image = np.asarray(rows, np.int64).reshape(-1, 4).T
        return cls(of, tasks, grid, image, task, row, column)

    def __len__(self) -> int:
        """Number of tokens that were chosen."""
        return len(self.image)

    def mask(self, cloud: TokenCloud) -> Bool[np.ndarray, " n"]:
        """Which tokens of a cloud are meant.

        Between grids of different size a token stands for those that share its area.

        Args:
            cloud: of the same images.
        """
        grid = min(self.grid[0], cloud.grid[0]), min(self.grid[1], cloud.grid[1])
        names = list(dict.fromkeys((*self.tasks, *cloud.groups)))
        anyone = cloud.shared or SHARED in self.tasks

        def codes(image: np.ndarray, task: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
            owner = 0 if anyone else task
            code: np.ndarray = ((image.astype(np.int64) * len(names) + owner) * grid[0] + row) * grid[1] + column
            return code

        def scaled(values: np.ndarray, axis: int, own: tuple[int, int]) -> np.ndarray:
            return values.astype(np.int64) * grid[axis] // own[axis]

        mine = np.array([names.index(name) for name in self.tasks], np.int64)[self.task]
        theirs = np.array([names.index(name) for name in cloud.groups], np.int64)[cloud["group"]]
        wanted = codes(self.image, mine, scaled(self.row, 0, self.grid), scaled(self.column, 1, self.grid))
        there = codes(
            cloud["image"], theirs, scaled(cloud["row"], 0, cloud.grid), scaled(cloud["column"], 1, cloud.grid)
        )
        found: Bool[np.ndarray, " n"] = np.isin(there, wanted)
        return found
