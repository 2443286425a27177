"""Closed formulas of NC1 and NC2 (kem.md 2.4), on class means and their weights.

One rule makes every statistic class-balanced or pixel-weighted: each average over classes is taken with the weights
w of the classes, each average over pairs of classes c != c' with w_c w_c', and each Frobenius norm over classes with
w_c or w_c w_c'. Vectors whose lengths and angles are looked at (NC2, NC3) are centred at the plain mean of the classes
whatever the weights, so that an exact frame has error 0 under both. Uniform weights give the statistics as they are
published. A class of weight 0 does not exist. Standard deviations are those of the whole population (no n - 1).

Most of them depend on the inner products of the class means alone. Arrays may have leading axes, one set of classes
each; a statistic that is not defined is NaN.
"""

import numpy as np
from jaxtyping import Float

Array = np.ndarray


def balanced_weights(counts: Float[Array, "... K"], least: float) -> Float[Array, "... K"]:
    """The same weight for every class with at least ``least`` positions; all 0 where no class has."""
    return _shares((counts >= least).astype(float))


def pixel_weights(counts: Float[Array, "... K"], least: float) -> Float[Array, "... K"]:
    """Weights in proportion to the positions, of classes with at least ``least``; all 0 where no class has."""
    return _shares(np.where(counts >= least, counts, 0.0))


def centred(means: Float[Array, "... K E"], weights: Float[Array, "... K"]) -> Float[Array, "... K E"]:
    """Class means minus their weighted mean."""
    return np.asarray(means - np.einsum("...k,...ke->...e", weights, means)[..., None, :])


def evenly(weights: Float[Array, "... K"]) -> Float[Array, "... K"]:
    """The same weight for every class that exists."""
    return _shares((weights > 0).astype(float))


def products(means: Float[Array, "... K E"]) -> Float[Array, "... K K"]:
    """Inner products of the class means about their middle, which keeps digits where means are far from 0."""
    offset = means - means.mean(-2, keepdims=True)
    return np.asarray(offset @ np.swapaxes(offset, -1, -2))


def centred_products(gram: Float[Array, "... K K"], weights: Float[Array, "... K"]) -> Float[Array, "... K K"]:
    """Inner products about the weighted mean, from those about any other point."""
    towards = np.einsum("...kj,...j->...k", gram, weights)
    middle = np.einsum("...k,...k->...", weights, towards)[..., None, None]
    return np.asarray(gram - towards[..., :, None] - towards[..., None, :] + middle)


def pinv_ratio(means: Float[Array, "K E"], covariances: Float[Array, "K E E"], weights: Float[Array, " K"]) -> float:
    """NC1 as tr(S_W S_B^+) / K (Papyan et al., 2020).

    The pseudo-inverse keeps the K - 1 largest eigenvalues of S_B, which cannot have more; the variant that truncates
    a singular value decomposition at K - 1 is the same number.

    Args:
        means: of the classes.
        covariances: of the classes about their own means.
        weights: of the classes.
    """
    number = int((weights > 0).sum())
    if number < 2:
        return float("nan")
    offset = centred(means, weights)
    values, vectors = np.linalg.eigh((offset * weights[:, None]).T @ offset)
    used = values > max(values[-1], 0) * 1e-12
    used[: max(0, len(values) - (number - 1))] = False
    axes = vectors[:, used]
    within = np.tensordot(weights, covariances, 1)
    return float(((axes * (within @ axes)).sum(0) / values[used]).sum() / number) if used.any() else float("nan")


def trace_quotient(
    gram: Float[Array, "... K K"], variances: Float[Array, "... K"], weights: Float[Array, "... K"]
) -> Float[Array, "..."]:
    """NC1 as tr S_W / tr S_B.

    Args:
        gram: inner products of the means about their weighted mean.
        variances: mean squared distances from the means, the traces of the covariances.
        weights: of the classes.
    """
    between = (weights * _diagonal(gram)).sum(-1)
    return over((weights * variances).sum(-1), between)


def cdnv(
    gram: Float[Array, "... K K"], variances: Float[Array, "... K"], weights: Float[Array, "... K"]
) -> Float[Array, "..."]:
    """NC1 as class-distance normalised variance (Galanti et al., 2021).

    (v_i + v_j) / (2 |mu_i - mu_j|^2), averaged over pairs.

    Args:
        gram: inner products of the means about any point.
        variances: mean squared distances from the means.
        weights: of the classes.
    """
    both = variances[..., :, None] + variances[..., None, :]
    return _over_pairs(over(both, 2 * squared_distances(gram)), weights)


def squared_distances(gram: Float[Array, "... K K"]) -> Float[Array, "... K K"]:
    """|mu_i - mu_j|^2 from the inner products of the means."""
    squares = _diagonal(gram)
    return np.asarray((squares[..., :, None] + squares[..., None, :] - 2 * gram).clip(0))


def frame_statistics(gram: Float[Array, "... K K"], weights: Float[Array, "... K"]) -> dict[str, Array]:
    """NC2: how far vectors are from a simplex frame.

    Args:
        gram: inner products of the vectors, as centred as they are to be.
        weights: of the classes.

    Returns:
        ``equinorm``, ``equiangular``, ``max_angle`` and ``etf_error``.
    """
    norms = np.sqrt(_diagonal(gram).clip(0))
    mean = (weights * norms).sum(-1)
    spread = np.sqrt((weights * np.square(norms - mean[..., None])).sum(-1))
    cosines = over(gram, norms[..., :, None] * norms[..., None, :])
    number = (weights > 0).sum(-1)
    widest = over(-1.0, number - 1.0)[..., None, None]
    return {
        "equinorm": np.where(number > 1, over(spread, mean), np.nan),
        "equiangular": spread_over_pairs(cosines, weights),
        "max_angle": _over_pairs(np.abs(cosines - widest), weights),
        "etf_error": structure_error(gram, weights),
    }


def structure_error(across: Float[Array, "... K K"], weights: Float[Array, "... K"]) -> Float[Array, "..."]:
    """Distance between normalised inner products and those of a simplex frame.

    | G / |G| - (I - 11^T/K) / sqrt(K-1) |.

    Args:
        across: G, inner products of the vectors of one set with those of another or, for the distance of a set from
            the frame, with themselves.
        weights: of the classes.
    """
    pairs = weights[..., :, None] * weights[..., None, :]
    number = (weights > 0).sum(-1)[..., None, None]
    ideal = np.eye(weights.shape[-1]) - over(1.0, number)
    difference = unit(across, pairs) - unit(np.where(pairs > 0, ideal, 0.0), pairs)
    return np.where(number[..., 0, 0] > 1, np.sqrt((pairs * np.square(difference)).sum((-1, -2))), np.nan)


def distance_variation(gram: Float[Array, "... K K"], weights: Float[Array, "... K"]) -> Float[Array, "..."]:
    """NC2: standard deviation over mean of the distances between class means."""
    distances = np.sqrt(squared_distances(gram))
    return over(spread_over_pairs(distances, weights), _over_pairs(distances, weights))


def over(value: Array | float, by: Array | float) -> Array:
    """Quotient, NaN where the divisor is 0."""
    by = np.asarray(by, float)
    return np.asarray(value / np.where(by == 0, np.nan, by))


def unit(values: Array, weights: Array) -> Array:
    """Values over their weighted norm, over the last two axes."""
    return over(values, np.sqrt((weights * np.square(values)).sum((-1, -2), keepdims=True)))


def spread_over_pairs(values: Float[Array, "... K K"], weights: Float[Array, "... K"]) -> Float[Array, "..."]:
    """Standard deviation over pairs of different classes."""
    mean = _over_pairs(values, weights)
    return np.asarray(np.sqrt(_over_pairs(np.square(values - mean[..., None, None]), weights)))


def _over_pairs(values: Float[Array, "... K K"], weights: Float[Array, "... K"]) -> Float[Array, "..."]:
    """Mean over pairs of different classes."""
    pairs = weights[..., :, None] * weights[..., None, :] * (1 - np.eye(weights.shape[-1]))
    total = pairs.sum((-1, -2))
    return over((pairs * np.where(pairs == 0, 0.0, values)).sum((-1, -2)), total)


def _diagonal(gram: Float[Array, "... K K"]) -> Float[Array, "... K"]:
    return np.diagonal(gram, axis1=-2, axis2=-1)


def _shares(values: Float[Array, "... K"]) -> Float[Array, "... K"]:
    total = values.sum(-1, keepdims=True)
    return np.asarray(values / np.where(total > 0, total, 1.0))
