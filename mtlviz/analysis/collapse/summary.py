"""From what a pass kept to numbers with bands."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.collapse.accumulators import FINAL, THINNED, ClassAccumulator, RegressionAccumulator
from mtlviz.analysis.collapse.bands import estimate, group_draws, resampled
from mtlviz.analysis.collapse.duality import duality
from mtlviz.analysis.collapse.names import STATISTICS
from mtlviz.analysis.collapse.nearest import Answers, answers, class_shares, resampled_shares, weighted_share
from mtlviz.analysis.collapse.record import (
    ClassPlace,
    ClassRow,
    Estimate,
    Protocol,
    RegressionPlace,
    Weighted,
)
from mtlviz.analysis.collapse.regression import form_error, outside_principal, outside_span, variance_shares
from mtlviz.analysis.collapse.statistics import (
    balanced_weights,
    cdnv,
    centred_products,
    distance_variation,
    evenly,
    frame_statistics,
    pinv_ratio,
    pixel_weights,
    products,
    trace_quotient,
)
from mtlviz.analysis.etf_geometry import fitted_vertices

Array = np.ndarray
NEAREST = ("agreement", "recall", "accuracy")
NC4 = ("nc4", "nc4_without_bias")
SPECTRUM = 16
"""Shares of the variance that a result holds."""
Weights = Callable[[Float[Array, "... C"], float], Float[Array, "... C"]]
_WEIGHTS: tuple[Weights, ...] = (balanced_weights, pixel_weights)
"""In the order of ``WEIGHTINGS``."""
Resampled = tuple[Array, Array, Array]
"""Of every resample counts ``(R, C)``, inner products of the means ``(R, C, C)`` and variances ``(R, C)``."""


def class_place(accumulator: ClassAccumulator, place: str, names: tuple[str, ...], protocol: Protocol) -> ClassPlace:
    """Everything about a classification task at one place.

    Args:
        accumulator: of the task.
        place: one of its places.
        names: of the classes.
        protocol: of the numbers; without resamples they have no bands.
    """
    shape = accumulator.shapes[place]
    count, mean, _ = (one.numpy() for one in accumulator.moments[place].tensors())
    present = np.flatnonzero(count >= protocol.least)
    classifier = accumulator.weight.cpu().double().numpy() if place == FINAL else None
    said = answers(accumulator.kept[shape.grid], place, mean, present, classifier) if len(present) else None
    draws = group_draws(protocol.groups, protocol.resamples, protocol.seed)
    again = _resampled(accumulator, place, draws) if len(draws) else None
    found = [_statistics(accumulator, place, protocol, weights_of, said, draws, again) for weights_of in _WEIGHTS]
    return ClassPlace(
        width=shape.width,
        grid=shape.grid,
        positions=int(count.sum()),
        present=tuple(present.tolist()),
        statistics={key: Weighted(*(one[key] for one in found)) for key in STATISTICS if key in found[0]},
        classes=_class_rows(accumulator, place, names, present, said),
        gram=_gram(mean[present]),
    )


def _statistics(
    accumulator: ClassAccumulator,
    place: str,
    protocol: Protocol,
    weights_of: Weights,
    said: Answers | None,
    draws: Int[Array, "R G"],
    again: Resampled | None,
) -> dict[str, Estimate]:
    """All statistics under one weighting."""
    count, mean, spread = (one.numpy() for one in accumulator.moments[place].tensors())
    covariances, gram = spread / count.clip(1)[:, None, None], products(mean)
    weights = weights_of(count, protocol.least)
    once: dict[str, float | Array] = {
        "nc1_pinv": pinv_ratio(mean, covariances, weights),
        "nc2_distances": distance_variation(gram, weights),
    }
    if place == FINAL:
        once |= _classifier(accumulator, mean, weights)
    shares, bands = None, dict[str, Array]()
    if again is not None:
        shares = weights_of(again[0], protocol.least)
        bands = _geometry(again[1], again[2], shares)
    estimates = {key: estimate(float(value)) for key, value in once.items()}
    for key, value in _geometry(gram, np.trace(covariances, axis1=1, axis2=2), weights).items():
        estimates[key] = estimate(float(value), bands.get(key), protocol.confidence)
    return estimates | _nearest(said, weights, shares, draws, protocol, place == FINAL)


def _resampled(accumulator: ClassAccumulator, place: str, draws: Int[Array, "R G"]) -> Resampled:
    counts, means, variances = resampled(accumulator.grouped[place], draws)
    return counts, products(means), variances


def _geometry(
    gram: Float[Array, "... K K"], variances: Float[Array, "... K"], weights: Float[Array, "... K"]
) -> dict[str, Array]:
    """The statistics that have bands, from inner products of the means and variances alone."""
    frame = frame_statistics(centred_products(gram, evenly(weights)), weights)
    return {
        "nc1_quotient": trace_quotient(centred_products(gram, weights), variances, weights),
        "nc1_cdnv": cdnv(gram, variances, weights),
        **{f"nc2_{name}": value for name, value in frame.items()},
    }


def _classifier(
    accumulator: ClassAccumulator, mean: Float[Array, "C E"], weights: Float[Array, " C"]
) -> dict[str, float]:
    rows, bias = accumulator.weight.cpu().double().numpy(), accumulator.bias.cpu().double().numpy()
    frame = frame_statistics(centred_products(products(rows), evenly(weights)), weights)
    return {
        **{f"nc3_{name}": value for name, value in duality(mean, rows, bias, weights).items()},
        **{f"w_{name}": float(value) for name, value in frame.items()},
    }


def _nearest(
    said: Answers | None,
    weights: Float[Array, " C"],
    shares: Float[Array, "R C"] | None,
    draws: Int[Array, "R G"],
    protocol: Protocol,
    final: bool,
) -> dict[str, Estimate]:
    if said is None:
        return {key: Estimate(None) for key in (*NEAREST, *(NC4 if final else ()))}

    def of(right: Array) -> Estimate:
        value = weighted_share(class_shares(right, said), weights)
        band = None if shares is None else weighted_share(resampled_shares(right, said, draws), shares)
        return estimate(float(value), band, protocol.confidence, 1.0)

    found = {key: of(getattr(said, key)) for key in NEAREST}
    if said.without_bias is not None:
        found |= dict(zip(NC4, (of(~said.agreement), of(~said.without_bias)), strict=True))
    return found


def _class_rows(
    accumulator: ClassAccumulator, place: str, names: tuple[str, ...], present: Int[Array, " K"], said: Answers | None
) -> tuple[ClassRow, ...]:
    count, mean, spread = (one.numpy() for one in accumulator.moments[place].tensors())
    total = max(count.sum(), 1.0)
    columns = _class_columns(count, mean, spread, present)
    if said is not None:
        columns |= {key: class_shares(getattr(said, key), said) for key in NEAREST}
    there = set(present.tolist())
    rows = []
    for label, name in enumerate(names):
        values = {key: float(column[label]) for key, column in columns.items()} if label in there else {}
        known = {key: value for key, value in values.items() if np.isfinite(value)}
        rows.append(ClassRow(label, name, int(count[label]), float(count[label] / total), **known))
    return tuple(rows)


def _class_columns(
    count: Float[Array, " C"], mean: Float[Array, "C E"], spread: Float[Array, "C E E"], present: Int[Array, " K"]
) -> dict[str, Float[Array, " C"]]:
    """By name of a field of ``ClassRow`` its value for every class, NaN for absent ones."""
    columns = {key: np.full(len(count), np.nan) for key in ("norm", "variance", "scatter", "vertex_angle")}
    if not len(present):
        return columns
    offset = mean[present] - mean[present].mean(0)
    norms = np.linalg.norm(offset, axis=1)
    columns["variance"][present] = np.trace(spread[present], axis1=1, axis2=2) / count[present]
    if norms.any():
        columns["norm"][present] = norms / norms.mean()
        columns["scatter"][present] = columns["variance"][present] / np.square(norms).mean()
    if len(present) > 1 and (vertices := fitted_vertices(offset)) is not None:
        columns["vertex_angle"][present] = vertices.angles(offset)
    return columns


def _gram(means: Float[Array, "K E"]) -> tuple[tuple[float, ...], ...]:
    if len(means) < 2:
        return ()
    gram = products(means)
    size = np.trace(gram) / len(means)
    return tuple(map(tuple, (gram / size).tolist())) if size > 0 else ()


def regression_place(
    accumulator: RegressionAccumulator, task: str, place: str, weight: Float[Array, "n E"]
) -> RegressionPlace:
    """Everything about a regression task at one place.

    Args:
        accumulator: of all regression tasks.
        task: one of them.
        place: one of its places.
        weight: of the task's last linear layer.
    """
    shape = accumulator.shapes[place]
    positions, spread = accumulator.covariance(task, place)
    covariance = spread.numpy()
    found = {"nrc1": outside_principal(covariance, len(weight))}
    if place == FINAL:
        found["nrc2"] = outside_span(covariance, weight)
    if place == FINAL and len(weight) > 1:
        seen, _, squares = (one.numpy()[0] for one in accumulator.targets[task].tensors())
        found["nrc3"] = form_error(weight, squares / seen) if seen > 0 else float("nan")
    rows, columns = (-(-side // THINNED) for side in shape.grid)
    shares = variance_shares(covariance)[:SPECTRUM]
    return RegressionPlace(
        width=shape.width,
        grid=(rows, columns),
        positions=positions,
        statistics={key: estimate(value) for key, value in found.items()},
        spectrum=tuple(shares.tolist()) if np.isfinite(shares).all() else (),
    )
