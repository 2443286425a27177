"""Nearest class means, on the positions kept of every class."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mtlviz.analysis.collapse.kept import EMPTY, Kept

Array = np.ndarray


@dataclass(frozen=True)
class Answers:
    """What is said about the positions kept, class by class; a row that is not ``held`` says nothing.

    Attributes:
        held: ``(C, k)`` whether a slot holds a position.
        groups: ``(C, k)`` of the position's image.
        agreement: ``(C, k)`` whether the nearest class mean is the final prediction.
        recall: ``(C, k)`` whether the nearest class mean is the label's.
        accuracy: ``(C, k)`` whether the final prediction is the label.
        without_bias: ``(C, k)`` whether the nearest class mean is what the classifier says without biases; None
            where there is no classifier.
    """

    held: Bool[Array, "C k"]
    groups: Int[Array, "C k"]
    agreement: Bool[Array, "C k"]
    recall: Bool[Array, "C k"]
    accuracy: Bool[Array, "C k"]
    without_bias: Bool[Array, "C k"] | None = None


def answers(
    kept: Kept,
    place: str,
    means: Float[Array, "C E"],
    present: Int[Array, " K"],
    classifier: Float[Array, "C E"] | None = None,
) -> Answers:
    """Compare the nearest class mean of every position kept with its prediction and its label.

    Args:
        kept: the positions.
        place: where features are looked at.
        means: of the classes, over all positions and not only those kept.
        present: classes that have a mean worth the name.
        classifier: rows of the last linear layer, which sees the features of this place.
    """
    features = kept.features[place].numpy().astype(float)  # (C, k, E)
    centres = means[present]
    scores = features @ centres.T - np.square(centres).sum(1) / 2  # |h - mu|^2 up to |h|^2 and a factor
    nearest = present[scores.argmax(-1)]
    predictions = kept.predictions.numpy()
    labels = np.arange(len(nearest))[:, None]
    unbiased = None if classifier is None else (features @ classifier.T).argmax(-1) == nearest
    return Answers(
        held=(kept.hashes != EMPTY).numpy(),
        groups=kept.groups.numpy(),
        agreement=nearest == predictions,
        recall=nearest == labels,
        accuracy=predictions == labels,
        without_bias=unbiased,
    )


def class_shares(right: Bool[Array, "C k"], answers: Answers) -> Float[Array, " C"]:
    """Of every class the share of its positions kept for which something is right; NaN where none are kept."""
    held = answers.held.sum(1)
    return np.asarray((right & answers.held).sum(1) / np.where(held > 0, held, np.nan))


def resampled_shares(right: Bool[Array, "C k"], answers: Answers, draws: Int[Array, "R G"]) -> Float[Array, "R C"]:
    """The same in every resample of the groups, the class means staying what they are."""
    number = draws.shape[1]
    held, hits = (_by_group(one, answers.groups, number) @ draws.T for one in (answers.held, right & answers.held))
    return np.asarray((hits / np.where(held > 0, held, np.nan)).T)


def _by_group(chosen: Bool[Array, "C k"], groups: Int[Array, "C k"], number: int) -> Float[Array, "C G"]:
    """How many positions are chosen, by class and group."""
    keys = np.arange(len(chosen))[:, None] * number + groups
    counts = np.bincount(keys[chosen], minlength=len(chosen) * number)
    return counts.reshape(-1, number).astype(float)


def weighted_share(shares: Float[Array, "... C"], weights: Float[Array, "... C"]) -> Float[Array, "..."]:
    """Mean of the classes' shares; classes whose share is not known are left out."""
    known = np.where(np.isfinite(shares), weights, 0.0)
    total = known.sum(-1)
    return np.asarray((known * np.nan_to_num(shares)).sum(-1) / np.where(total > 0, total, np.nan))
