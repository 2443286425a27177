"""NC3 (kem.md 2.4): whether the classifier's rows and the class means are the same up to scale."""

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.collapse.statistics import centred, evenly, over, spread_over_pairs, structure_error, unit

Array = np.ndarray


def duality(
    means: Float[Array, "K E"],
    classifier: Float[Array, "K E"],
    bias: Float[Array, " K"],
    weights: Float[Array, " K"],
) -> dict[str, float]:
    """How far a classifier is from the class means, weighted as in ``statistics``.

    A vector added to all rows of a classifier changes no softmax, so the rows are centred like the means.

    Args:
        means: of the classes.
        classifier: its rows, of the same classes.
        bias: of the same classes.
        weights: of the classes.

    Returns:
        ``self_duality`` (Papyan et al., 2020), ``structure`` (Zhu et al., 2021), ``cosine`` and ``cosine_spread`` of
        a class's row with its mean, ``uniform``, the spread of its cosines with other means, and ``bias``, how unequal
        the logits of the centre are over the size of those of the class means.
    """
    offset, rows = centred(means, evenly(weights)), centred(classifier, evenly(weights))
    difference = unit(rows, weights[:, None]) - unit(offset, weights[:, None])
    across = rows @ offset.T
    cosines = over(across, np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(offset, axis=1))
    present = weights > 0
    own = np.where(present, np.diagonal(cosines), 0.0)
    mean = over((weights * own).sum(), weights.sum())
    centre = classifier @ (evenly(weights) @ means) + bias
    uneven = np.sqrt((weights * np.square(centre - weights @ centre)).sum())
    size = np.sqrt((weights[:, None] * weights * np.square(across)).sum())
    return {
        "self_duality": float((weights * np.square(difference).sum(-1)).sum()),
        "structure": float(structure_error(across, weights)),
        "cosine": float(mean),
        "cosine_spread": float(np.sqrt((weights * np.square(own - mean)).sum())),
        "uniform": float(spread_over_pairs(cosines, weights)),
        "bias": float(over(uneven, size)),
    }
