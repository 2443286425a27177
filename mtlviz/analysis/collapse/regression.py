"""Neural regression collapse (Andriopoulos et al., 2024), from the covariance of features and of targets.

The original projects features of unit length; here shares of the variance are taken, which one pass can give.
"""

import numpy as np
from jaxtyping import Float

Array = np.ndarray


def variance_shares(covariance: Float[Array, "E E"]) -> Float[Array, " E"]:
    """Shares of the variance along the principal axes, largest first; NaN where there is no variance."""
    values = np.linalg.eigvalsh(covariance)[::-1].clip(0)
    total = values.sum()
    shares: Array = values / total if total > 0 else np.full_like(values, np.nan)
    return shares


def outside_principal(covariance: Float[Array, "E E"], dimension: int) -> float:
    """NRC1: the share of the variance outside the first ``dimension`` principal axes."""
    return float(variance_shares(covariance)[dimension:].sum())


def outside_span(covariance: Float[Array, "E E"], weight: Float[Array, "n E"]) -> float:
    """NRC2: the share of the variance outside the span of the rows of ``weight``."""
    _, sizes, axes = np.linalg.svd(weight, full_matrices=False)
    axes = axes[sizes > sizes[0] * 1e-10]
    total = np.trace(covariance)
    inside = np.einsum("ae,ef,af->", axes, covariance, axes)
    return float(1 - inside / total) if total > 0 else float("nan")


def form_error(weight: Float[Array, "n E"], targets: Float[Array, "n n"]) -> float:
    """NRC3: distance of W W^T from the form that the covariance of the targets sets, at the best gamma.

    min over 0 <= gamma < smallest eigenvalue of | W W^T/|.| - (targets^(1/2) - gamma^(1/2) I)/|.| |^2. It is the
    same for every scale of the weights; where the network normalises its output, that scale means nothing.

    Returns:
        NaN with fewer than two target values, for which it is always 0.
    """
    number = len(weight)
    if number < 2:
        return float("nan")
    gram = weight @ weight.T
    values, vectors = np.linalg.eigh(targets)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    product, trace, total = (gram * root).sum(), np.trace(gram), np.trace(root)
    # Stationary point in s = gamma^(1/2) of the cosine between the two matrices.
    below = trace * total - number * product
    best = (trace * np.square(root).sum() - product * total) / below if below else 0.0
    largest = np.sqrt(values.clip(0).min())
    shapes = [root - s * np.eye(number) for s in (0.0, best, largest) if 0 <= s <= largest]
    cosines = [(gram * one).sum() / (np.linalg.norm(gram) * np.linalg.norm(one)) for one in shapes if one.any()]
    return float(2 - 2 * max(cosines)) if cosines else float("nan")
