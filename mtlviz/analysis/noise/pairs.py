"""Between which tasks does noise pass? Sums over the rows of a map by the reader's task and the task that is read."""

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.trace import RowTrace, TokenLayout

Tokens = Int[np.ndarray, " rows"]
Rows = Float[np.ndarray, "rows S"]
Square = Float[np.ndarray, "T T"]


class PairNoise:
    """Noise mass of readers by pairs of tasks, row block by row block.

    Args:
        trace: of the map.
        labels: of each place on the token grid.
    """

    def __init__(self, trace: RowTrace, labels: Int[np.ndarray, " N"]) -> None:
        self._layout, self._labels = trace.layout, np.tile(labels, len(trace.layout.tasks))
        self._noisy, self._labelled = (np.zeros((len(trace.layout.tasks),) * 2) for _ in range(2))

    def add(self, tokens: Tokens, rows: Rows) -> None:
        """One more block."""
        known = self._labels != UNKNOWN
        has = known[tokens]
        own = self._labels[tokens[has], None]
        add_by_pair(self._noisy, self._layout, tokens[has], rows[has] * (known & (self._labels != own)))
        add_by_pair(self._labelled, self._layout, tokens[has], rows[has] * known)

    @property
    def shares(self) -> Square:
        """Of what the readers of each task (rows) read from each task (columns) the share on other labels; else NaN."""
        return quotient(self._noisy, self._labelled)


def add_by_pair(into: Square, layout: TokenLayout, tokens: Tokens, rows: Rows) -> None:
    """Add the mass of rows to the pairs of the reader's task and the task that is read."""
    sources = rows.reshape(len(rows), len(layout.tasks), layout.tokens_per_task).sum(2, dtype=np.float64)
    np.add.at(into, tokens // layout.tokens_per_task, sources)


def quotient(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part over whole; NaN where the whole is 0."""
    found: np.ndarray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return found
