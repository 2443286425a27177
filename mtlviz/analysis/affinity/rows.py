"""Rows of the affinities and of the fused matrix G, made when they are asked for (ctal.md 1.2-1.4).

Nothing here holds an n x n matrix. Affinities are cosines, -1 to 1, unless the model has another similarity; G is
signed and unbounded and has no unit. Neither is a probability. Axes beside the package's: ``n`` positions of the grid,
``m`` of them asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.trace import AffinityTrace

BLOCK_ENTRIES = 4_000_000
"""Affinities that are held at once when all rows are streamed (16 MB)."""

Positions = Int[np.ndarray, " m"]


@dataclass(frozen=True, eq=False)
class PixelRows:
    """What every task and the fused matrix say about one position; NaN at padding.

    Attributes:
        position: i, row by row on the grid.
        group: which G, the target task where every task has its own, else 0.
        tasks: ``(T, n)`` row i of every task's affinity.
        fused: ``(n,)`` row i of G.
        parts: ``(T, n)`` what each source adds to row i of G, before its bias (and softmax).
        bias: of row i.
        disagreement: ``(n,)`` standard deviation over the tasks of their affinity to i.
    """

    position: int
    group: int
    tasks: Float[np.ndarray, "T n"]
    fused: Float[np.ndarray, " n"]
    parts: Float[np.ndarray, "T n"]
    bias: float
    disagreement: Float[np.ndarray, " n"]


def pixel_rows(trace: AffinityTrace, position: int, group: int = 0) -> PixelRows:
    """All rows of one position.

    Args:
        trace: of CTAL, as CPU arrays.
        position: i.
        group: which G.
    """
    asked = np.array([position])
    tasks, parts = affinity_rows(trace, asked)[:, 0], fused_parts(trace, asked, group)[:, 0]
    fused = _joined(trace, parts[:, None], asked, group)[0]
    padding = ~valid_mask(trace)
    for rows in (tasks, parts, fused):
        rows[..., padding] = np.nan
    bias = float(np.asarray(trace.bias)[group, position])
    return PixelRows(position, group, tasks, fused, parts, bias, disagreement(tasks))


def affinity_rows(trace: AffinityTrace, positions: Positions) -> Float[np.ndarray, "T m n"]:
    """Rows of every task's affinity."""
    return np.stack([task_rows(trace, task, positions) for task in range(len(trace.layout.tasks))])


def task_rows(trace: AffinityTrace, task: int, positions: Positions) -> Float[np.ndarray, "m n"]:
    """Rows of one task's affinity.

    Args:
        trace: of CTAL, as CPU arrays.
        task: its number.
        positions: whose rows.
    """
    units = np.asarray(trace.units)[task]
    rows: Float[np.ndarray, "m n"] = units[positions] @ units.T
    if trace.similarity == "rbf":
        rows = np.exp((rows - 1) / np.float32(trace.bandwidth**2))
        valid = valid_mask(trace)
        rows *= valid[positions][:, None] & valid
    if trace.top is not None and trace.top < rows.shape[1]:
        kept = np.argpartition(rows, -trace.top, axis=1)[:, -trace.top :]
        sparse = np.zeros_like(rows)
        np.put_along_axis(sparse, kept, np.take_along_axis(rows, kept, 1), 1)
        return sparse
    return rows


def fused_parts(trace: AffinityTrace, positions: Positions, group: int = 0) -> Float[np.ndarray, "T m n"]:
    """What each source task adds to rows of G: its row as an image, through the kernel of the query position."""
    weights = np.asarray(trace.weights)[group]  # (n, T, 3, 3)
    count, sources = weights.shape[:2]
    parts = np.zeros((sources, len(positions), count), np.float32)
    for slot in range(sources):
        source, row = np.full_like(positions, slot), positions
        if not trace.interleaved:  # the group holds rows of all tasks' affinities laid end to end
            source, row = np.divmod(positions * sources + slot, count)
        for task in np.unique(source):
            here = source == task
            kernels = weights[positions[here], slot]
            parts[task, here] += _correlated(task_rows(trace, int(task), row[here]), kernels, trace.layout.grid)
    return parts


def fused_rows(trace: AffinityTrace, positions: Positions, group: int = 0) -> Float[np.ndarray, "m n"]:
    """Rows of G.

    Args:
        trace: of CTAL, as CPU arrays.
        positions: whose rows.
        group: which G; see ``group_of``.
    """
    return _joined(trace, fused_parts(trace, positions, group), positions, group)


def group_of(trace: AffinityTrace, task: str) -> int:
    """Which G spreads the values of a task: its own, or 0, the one that all tasks share."""
    return trace.layout.tasks.index(task) if len(np.asarray(trace.weights)) > 1 else 0


def disagreement(rows: Float[np.ndarray, "T *places"]) -> Float[np.ndarray, "*places"]:
    """Standard deviation over the tasks, 0 where all say the same; at most 1 for cosines."""
    spread: Float[np.ndarray, "*places"] = rows.std(0)
    return spread


def valid_mask(trace: AffinityTrace) -> np.ndarray:
    """``(n,)`` bool, positions that cover a part of the image."""
    return np.ones(trace.layout.tokens_per_task, bool) if trace.layout.valid is None else np.asarray(trace.layout.valid)


def position_blocks(trace: AffinityTrace, entries: int = BLOCK_ENTRIES) -> Iterator[Positions]:
    """All positions of the image in blocks, so that the rows of all tasks for one block fit ``entries`` numbers."""
    positions = np.flatnonzero(valid_mask(trace))
    step = max(1, entries // (trace.layout.tokens_per_task * (len(trace.layout.tasks) + 1)))
    for start in range(0, len(positions), step):
        yield positions[start : start + step]


def _joined(
    trace: AffinityTrace, parts: Float[np.ndarray, "T m n"], positions: Positions, group: int
) -> Float[np.ndarray, "m n"]:
    rows: Float[np.ndarray, "m n"] = parts.sum(0) + np.asarray(trace.bias)[group, positions][:, None]
    if trace.softmax:
        rows[:, ~valid_mask(trace)] = -np.inf
        rows = np.exp(rows - rows.max(1, keepdims=True))
        rows /= rows.sum(1, keepdims=True)
    return rows


def _correlated(
    rows: Float[np.ndarray, "m n"], kernels: Float[np.ndarray, "m 3 3"], grid: tuple[int, int]
) -> Float[np.ndarray, "m n"]:
    """Every row as an image, cross-correlated with its own kernel; zero outside the grid."""
    height, width = grid
    padded = np.pad(rows.reshape(-1, height, width), ((0, 0), (1, 1), (1, 1)))
    total = np.zeros((len(rows), height, width), np.float32)
    for down in range(3):
        for right in range(3):
            total += kernels[:, down, right, None, None] * padded[:, down : down + height, right : right + width]
    return total.reshape(len(rows), -1)
