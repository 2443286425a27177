"""One-to-one matching of predicted and true boundary pixels: what odsF counts."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from mtlviz.metrics.matching import NONE, maximum_matching
from mtlviz.metrics.thinning import thinned


def matched_pixels(given: Bool[np.ndarray, "H W"], true: Bool[np.ndarray, "H W"], radius: float) -> int:
    """The most pairs of a given and a true pixel within the radius, none of them in two pairs.

    The BSDS benchmark's matcher minimises distances as well, which changes which pixels are paired and hardly
    how many.

    Args:
        given: predicted boundary.
        true: labelled boundary.
        radius: in pixels, inclusive.
    """
    return Matcher(true, radius).count(given)


class Matcher:
    """Counts pairs of one true boundary with one prediction after another.

    Each search begins with the pairs of the one before, which saves half of its time where predictions differ by
    little, as those at neighbouring thresholds do.

    Args:
        true: labelled boundary.
        radius: in pixels, inclusive.
    """

    def __init__(self, true: Bool[np.ndarray, "H W"], radius: float) -> None:
        self.radius = radius
        self.theirs = np.argwhere(true)
        self.tree = cKDTree(self.theirs) if len(self.theirs) else None
        self.partners = np.full(true.size, NONE)  # of every pixel of the last prediction

    def count(self, given: Bool[np.ndarray, "H W"]) -> int:
        """Pairs of a prediction, ``matched_pixels``."""
        ours = np.flatnonzero(given)
        if self.tree is None or not len(ours):
            return 0
        places = np.column_stack(np.unravel_index(ours, given.shape))
        pairs = cKDTree(places).sparse_distance_matrix(self.tree, self.radius, output_type="ndarray")
        sizes = len(ours), len(self.theirs)
        partners = maximum_matching(pairs["i"], pairs["j"], pairs["v"], sizes, self.partners[ours])
        self.partners[:] = NONE
        self.partners[ours] = partners
        return int((partners != NONE).sum())


def boundary_counts(
    probability: Float[np.ndarray, "H W"],
    true: Bool[np.ndarray, "H W"],
    radius: float,
    steps: Float[np.ndarray, "T"],
) -> tuple[Float[np.ndarray, "T"], Float[np.ndarray, "T"]]:
    """Matched pixels and predicted pixels of a thinned prediction at every threshold.

    Args:
        probability: of a boundary.
        true: labelled boundary, used as it is.
        radius: largest distance of a pair in pixels.
        steps: thresholds, reached by equality too.
    """
    counts = np.zeros((len(steps), 2))
    matcher, before = Matcher(true, radius), -1
    for index, step in enumerate(steps):
        above = probability >= step
        count = int(above.sum())
        if count == before:  # the areas of growing thresholds are nested: the same one again
            counts[index] = counts[index - 1]
        elif count > 0:
            lines = thinned(above)
            counts[index] = matcher.count(lines), lines.sum()
        before = count
    return counts[:, 0], counts[:, 1]
