"""Maximum matching of a sparse bipartite graph, in array operations.

``scipy.sparse.csgraph.maximum_bipartite_matching`` gives the same number but can take minutes on the long chains that
two nearby boundaries form; here nearest pairs come first and what is left is augmented from all free ends at once.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

NONE = -1


def maximum_matching(
    left: Int[np.ndarray, "E"],
    right: Int[np.ndarray, "E"],
    length: Float[np.ndarray, "E"],
    size: tuple[int, int],
    known: Int[np.ndarray, "L"] | None = None,
) -> Int[np.ndarray, "L"]:
    """For every left vertex its partner or -1, as many partners as there can be.

    Args:
        left: left end of every edge.
        right: right end of every edge.
        length: short edges are preferred where the choice is free; changes which are matched, never how many.
        size: numbers of left and right vertices.
        known: for every left vertex a partner to begin with or -1, along edges and none in two pairs; a matching of
            nearly the same graph saves time, and changes the number of pairs no more than lengths do.
    """
    partner = np.full(size[0], NONE) if known is None else known.copy()
    holder = np.full(size[1], NONE)
    held = np.flatnonzero(partner != NONE)
    holder[partner[held]] = held
    _nearest_first(left, right, length, partner, holder)
    if (holder == NONE).sum() < (partner == NONE).sum():  # search from the side with fewer free vertices
        _augment(_Neighbours.of(right, left, size[1]), holder, partner)
    else:
        _augment(_Neighbours.of(left, right, size[0]), partner, holder)
    return partner


def _nearest_first(
    left: Int[np.ndarray, "E"],
    right: Int[np.ndarray, "E"],
    length: Float[np.ndarray, "E"],
    partner: Int[np.ndarray, "L"],
    holder: Int[np.ndarray, "R"],
) -> None:
    """Pair free vertices in place until no edge joins two of them."""
    free = (partner[left] == NONE) & (holder[right] == NONE)
    left, right, length = left[free], right[free], length[free]
    order = np.argsort(length, kind="stable")
    left, right = left[order], right[order]
    size = len(partner), len(holder)
    while len(left):
        position = np.arange(len(left))
        first_left, first_right = np.empty(size[0], int), np.empty(size[1], int)
        first_left[left[::-1]] = position[::-1]  # the shortest edge is written last
        first_right[right[::-1]] = position[::-1]
        chosen = (first_left[left] == position) & (first_right[right] == position)
        partner[left[chosen]], holder[right[chosen]] = right[chosen], left[chosen]
        rest = (partner[left] == NONE) & (holder[right] == NONE)
        left, right = left[rest], right[rest]


@dataclass(frozen=True)
class _Neighbours:
    """The right ends of every left vertex, one after another."""

    ends: Int[np.ndarray, "E"]
    start: Int[np.ndarray, "L1"]

    @classmethod
    def of(cls, left: Int[np.ndarray, "E"], right: Int[np.ndarray, "E"], count: int) -> "_Neighbours":
        start = np.concatenate([[0], np.cumsum(np.bincount(left, minlength=count))])
        small = left.astype(np.min_scalar_type(count))  # numpy sorts 16 bits by radix, seven times as fast as more
        return cls(right[np.argsort(small, kind="stable")], start)

    def edges_from(self, vertices: Int[np.ndarray, "V"]) -> tuple[Int[np.ndarray, "F"], Int[np.ndarray, "F"]]:
        """Both ends of all edges that leave the vertices."""
        counts = self.start[vertices + 1] - self.start[vertices]
        before = np.cumsum(counts) - counts
        place = np.arange(counts.sum()) + np.repeat(self.start[vertices] - before, counts)
        return np.repeat(vertices, counts), self.ends[place]


def _augment(graph: _Neighbours, partner: Int[np.ndarray, "L"], holder: Int[np.ndarray, "R"]) -> None:
    """Lengthen a matching in place until no augmenting path is left (Berge): then it is the largest."""
    ends, parent = _paths(graph, partner, holder)
    while len(ends):
        while len(ends):  # back along all paths together
            vertices = parent[ends]
            earlier = partner[vertices]
            partner[vertices], holder[ends] = ends, vertices
            ends = earlier[earlier != NONE]
        ends, parent = _paths(graph, partner, holder)


def _paths(
    graph: _Neighbours, partner: Int[np.ndarray, "L"], holder: Int[np.ndarray, "R"]
) -> tuple[Int[np.ndarray, "P"], Int[np.ndarray, "R"]]:
    """Trees of alternating paths from all free left vertices at once, each until it meets a free right vertex.

    Returns:
        Right ends of augmenting paths that share no vertex, and of every right vertex the left one before it.
    """
    parent = np.full(len(holder), NONE)
    root = np.arange(len(partner))
    done = np.zeros(len(partner), bool)
    frontier, found = np.flatnonzero(partner == NONE), []
    while len(frontier):
        source, reached = graph.edges_from(frontier)
        new = np.flatnonzero(parent[reached] == NONE)
        new = new[_once(reached[new], len(holder))]  # from one of those that reach it
        source, reached = source[new], reached[new]
        parent[reached] = source
        trees, free = root[parent[reached]], holder[reached] == NONE
        first = _once(trees[free], len(partner))
        done[trees[free][first]] = True
        found.append(reached[free][first])
        following = holder[reached[~free]]
        root[following] = trees[~free]
        frontier = following[~done[root[following]]]
    return (np.concatenate(found) if found else np.empty(0, int)), parent


def _once(values: Int[np.ndarray, "V"], limit: int) -> Int[np.ndarray, "U"]:
    """One position of every value, all of which are below the limit."""
    position = np.arange(len(values))
    last = np.empty(limit, int)
    last[values] = position
    return np.flatnonzero(last[values] == position)
