"""Where does a walker go who steps to places that look alike? A random walk on one task's affinity."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.affinity.rows import task_rows, valid_mask
from mtlviz.errors import OptionError
from mtlviz.trace import AffinityTrace

LARGEST = 4096
"""Most positions for which the walk, which holds an n x n matrix, is computed."""


@dataclass(frozen=True, eq=False)
class Walk:
    """A random walk over the ``v`` positions of the image.

    Attributes:
        valid: ``(n,)`` bool, which positions these are.
        transition: ``(v, v)`` rows of max(A, 0), the diagonal included, divided by their sum.
        rest: ``(v,)`` row sums over their total, which the walk keeps where A is symmetric.
    """

    valid: np.ndarray
    transition: Float[np.ndarray, "v v"]
    rest: Float[np.ndarray, " v"]

    def spread(self, position: int, steps: int) -> Float[np.ndarray, " n"]:
        """Probability to be at every position after some steps; sums to 1, NaN at padding.

        Args:
            position: where the walk starts.
            steps: 0 stays there.

        Raises:
            ValueError: if it starts on padding.
        """
        if not self.valid[position]:
            raise ValueError(f"position {position} is padding")
        here = np.zeros(len(self.transition), np.float32)
        here[np.flatnonzero(self.valid).searchsorted(position)] = 1
        for _ in range(steps):
            here = here @ self.transition
        everywhere = np.full(len(self.valid), np.nan, np.float32)
        everywhere[self.valid] = here
        return everywhere

    def left(self, spread: Float[np.ndarray, " n"]) -> float:
        """How far a spread is from rest: half the sum of absolute differences, 0 (at rest) to 1."""
        return float(np.abs(spread[self.valid] - self.rest).sum() / 2)


def random_walk(trace: AffinityTrace, task: int) -> Walk:
    """The walk on a task's affinity: negative affinities are no steps, and nobody is ever stuck.

    Never on G, which is signed and unbounded.

    Raises:
        OptionError: if there are more than ``LARGEST`` positions.
    """
    valid = valid_mask(trace)
    positions = np.flatnonzero(valid)
    if len(positions) > LARGEST:
        raise OptionError(
            f"A random walk over {len(positions):,} positions needs a matrix of {len(positions):,} squared; it is left "
            f"out above {LARGEST:,} positions. The maps of the rows above need none."
        )
    steps = np.maximum(task_rows(trace, task, positions)[:, positions], 0)
    degree = steps.sum(1)
    stuck = degree <= 0  # features of zero: alike to nothing, not even to themselves
    steps[stuck, stuck.nonzero()[0]] = degree[stuck] = 1
    return Walk(valid, steps / degree[:, None], degree / degree.sum())


def participation(spread: Float[np.ndarray, " n"]) -> float:
    """1 / sum p^2: the number of positions that equal probabilities would need to be as spread."""
    return float(1 / np.nansum(spread.astype(np.float64) ** 2))
