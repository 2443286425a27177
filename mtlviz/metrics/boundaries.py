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
    ours, theirs = np.argwhere(given), np.argwhere(true)
    if not len(ours) or not len(theirs):
        return 0
    pairs = cKDTree(ours).sparse_distance_matrix(cKDTree(theirs), radius, output_type="ndarray")
    partners = maximum_matching(pairs["i"], pairs["j"], pairs["v"], (len(ours), len(theirs)))
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
    before = -1
    for index, step in enumerate(steps):
        above = probability >= step
        count = int(above.sum())
        if count == before:  # the areas of growing thresholds are nested: the same one again
            counts[index] = counts[index - 1]
        elif count > 0:
            lines = thinned(above)
            counts[index] = matched_pixels(lines, true, radius), lines.sum()
        before = count
    return counts[:, 0], counts[:, 1]
