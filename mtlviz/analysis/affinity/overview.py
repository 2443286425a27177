"""The whole affinity at a readable size: means over blocks of positions that lie together or show the same thing."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.affinity.rows import fused_rows, position_blocks, task_rows, valid_mask
from mtlviz.trace import AffinityTrace

MOST = 64
"""Blocks of an overview, a side."""
NOWHERE = -1
"""Block of a position that is padding, and segment of a block ordered by position."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Positions of the image in blocks, in the order in which an overview shows them.

    Attributes:
        member: ``(n,)`` block of every position, ``NOWHERE`` at padding.
        segments: ``(k,)`` label that all positions of a block have; ``NOWHERE`` where blocks go by position.
    """

    member: Int[np.ndarray, " n"]
    segments: Int[np.ndarray, " k"]

    @property
    def sizes(self) -> Int[np.ndarray, " k"]:
        """Positions of every block."""
        counts: Int[np.ndarray, " k"] = np.bincount(self.member[self.member >= 0], minlength=len(self.segments))
        return counts

    @property
    def averaging(self) -> Float[np.ndarray, "n k"]:
        """Matrix that takes means over blocks: columns sum to 1."""
        matrix = (self.member[:, None] == np.arange(len(self.segments))).astype(np.float32)
        means: Float[np.ndarray, "n k"] = matrix / np.maximum(self.sizes, 1).astype(np.float32)
        return means

    def weighted_mean(self, pooled: Float[np.ndarray, "k k"]) -> float:
        """Mean of the whole matrix, from its pooled form."""
        sizes = self.sizes.astype(np.float64)
        return float(sizes @ pooled @ sizes / sizes.sum() ** 2)


def blocks_by_position(trace: AffinityTrace, most: int = MOST) -> Blocks:
    """Rectangles of the grid, row by row, as square and as equal as they can be.

    Args:
        trace: gives the grid and its padding.
        most: at most so many.
    """
    rows, columns = trace.layout.grid
    down = min(rows, max(1, int((most * rows / columns) ** 0.5 + 1e-9)))
    across = min(columns, most // down)
    down = min(rows, most // across)
    where = (np.arange(rows) * down // rows)[:, None] * across + np.arange(columns) * across // columns
    member = np.where(valid_mask(trace), where.ravel(), NOWHERE)
    kept = np.unique(member[member >= 0])
    renamed = np.full(down * across + 1, NOWHERE)
    renamed[kept] = np.arange(len(kept))
    return Blocks(renamed[member], np.full(len(kept), NOWHERE))


def blocks_by_segment(trace: AffinityTrace, labels: Int[np.ndarray, " n"], most: int = MOST) -> Blocks:
    """Parts of segments, segment after segment; a larger segment has more parts, in the order of their positions.

    Args:
        trace: gives the padding.
        labels: of every position; a negative one is a segment like the others, the last one.
        most: about so many; no segment is left out.
    """
    valid = valid_mask(trace)
    known = np.unique(labels[valid])
    segments = np.concatenate([known[known >= 0], known[known < 0]])
    places = [np.flatnonzero(valid & (labels == segment)) for segment in segments]
    sizes = np.array([len(place) for place in places])
    parts = np.ones(len(places), int)
    for _ in range(min(most, int(sizes.sum())) - len(places)):  # the next part goes where parts are largest
        parts[np.argmax(sizes / parts)] += 1
    member = np.full(len(labels), NOWHERE)
    owners: list[int] = []
    for segment, place, count in zip(segments, places, parts, strict=True):
        for part in np.array_split(place, count):
            member[part] = len(owners)
            owners.append(int(segment))
    return Blocks(member, np.array(owners))


def pooled_affinity(trace: AffinityTrace, task: int, blocks: Blocks) -> Float[np.ndarray, "k k"]:
    """Mean affinity of a task between every two blocks.

    For plain cosines it is the inner product of the blocks' mean unit features; other similarities are streamed.
    """
    averaging = blocks.averaging
    if trace.similarity == "cosine" and trace.top is None:
        means = averaging.T @ np.asarray(trace.units)[task]  # (k, C)
        cosines: Float[np.ndarray, "k k"] = means @ means.T
        return cosines
    pooled = np.zeros((averaging.shape[1], averaging.shape[1]), np.float32)
    for positions in position_blocks(trace):
        pooled += averaging[positions].T @ (task_rows(trace, task, positions) @ averaging)
    return pooled


def pooled_fused(trace: AffinityTrace, group: int, blocks: Blocks) -> Float[np.ndarray, "k k"]:
    """Mean of G between every two blocks: queries in rows, keys in columns; streamed."""
    averaging = blocks.averaging
    pooled = np.zeros((averaging.shape[1], averaging.shape[1]), np.float32)
    for positions in position_blocks(trace):
        pooled += averaging[positions].T @ (fused_rows(trace, positions, group) @ averaging)
    return pooled
