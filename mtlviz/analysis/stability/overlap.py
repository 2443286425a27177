"""How much two selections have in common, slot by slot."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.stability.selection import Selection


@dataclass(frozen=True)
class Overlap:
    """Two selections of one model, compared slot by slot.

    Attributes:
        tokens: ``(L,)`` Jaccard index of the picked tokens: those in both over those in either, 0 to 1.
        classes: ``(L,)`` Jaccard index of the multisets of their classes: tokens of one class may replace another.
        retrieved: ``(L,)`` cosine of what the slots hold, -1 to 1.
        features: ``(L,)`` cosine of the same mixture of the task encoders' tokens.
        compared: ``(L,)`` cosine of the same mixture of the tokens as they are compared.

    NaN where both have nothing to compare.
    """

    tokens: Float[np.ndarray, " L"]
    classes: Float[np.ndarray, " L"]
    retrieved: Float[np.ndarray, " L"]
    features: Float[np.ndarray, " L"]
    compared: Float[np.ndarray, " L"]


def overlap(first: Selection, second: Selection) -> Overlap:
    """Compare two selections of one model; slots answer to each other by number."""
    return Overlap(
        tokens=token_overlap(first.picks, second.picks),
        classes=class_overlap(first.classes, second.classes),
        **{name: cosines(content, second.contents[name]) for name, content in first.contents.items()},
    )


def token_overlap(first: Int[np.ndarray, "L K"], second: Int[np.ndarray, "L M"]) -> Float[np.ndarray, " L"]:
    """Jaccard index of two sets a row; negative entries are empty places, repeated ones count once."""
    first, second = _sets(first), _sets(second)
    common = ((first[:, :, None] == second[:, None]) & (first >= 0)[:, :, None]).sum((1, 2))
    return _ratio(common, (first >= 0).sum(1) + (second >= 0).sum(1) - common)


def class_overlap(first: Int[np.ndarray, "L K"], second: Int[np.ndarray, "L M"]) -> Float[np.ndarray, " L"]:
    """Jaccard index of two multisets a row: sum of the smaller over sum of the larger counts of every class.

    Negative entries are empty places.
    """
    classes = int(max(first.max(initial=-1), second.max(initial=-1))) + 1
    one, other = (_counts(rows, classes) for rows in (first, second))
    return _ratio(np.minimum(one, other).sum(1), np.maximum(one, other).sum(1))


def cosines(first: Float[np.ndarray, "L D"], second: Float[np.ndarray, "L D"]) -> Float[np.ndarray, " L"]:
    """Cosine of every row with its partner; NaN where one is 0."""
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosine: np.ndarray = np.clip(_ratio((first * second).sum(1), lengths), -1, 1)
    return cosine


def _sets(rows: Int[np.ndarray, "L K"]) -> Int[np.ndarray, "L K"]:
    """Every row sorted, with repeated entries replaced by -1."""
    rows = np.sort(rows, axis=1)
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = -1
    return rows


def _counts(rows: Int[np.ndarray, "L K"], classes: int) -> Int[np.ndarray, "L C"]:
    counts: np.ndarray = (rows[:, :, None] == np.arange(classes)).sum(1)
    return counts


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> Float[np.ndarray, " L"]:
    """Their quotient, NaN for a denominator of 0."""
    undefined = np.full(numerator.shape, np.nan)
    quotient: np.ndarray = np.divide(numerator, denominator, out=undefined, where=denominator > 0)
    return quotient
