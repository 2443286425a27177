"""Does every class get its share of the picks? Shares of classes and tasks among picks against those among tokens."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int16

from mtlviz.analysis.occupancy import gini
from mtlviz.analysis.stability.selection import Selection

RARE = 0.02
"""A class is rare in an image where it has less than this share of the tokens with a class."""

Counts = Int[np.ndarray, " C"] | Float[np.ndarray, " C"]


@dataclass(frozen=True)
class ShareCounts:
    """Picks and tokens by class and by task; counts of several images add up.

    Attributes:
        tokens: ``(C,)`` positions of each class; a class with at least one is present.
        picks: ``(C,)`` picks of each class, over all slots.
        tasks: ``(T,)`` picks of the tokens of each task.
    """

    tokens: Int[np.ndarray, " C"]
    picks: Int[np.ndarray, " C"]
    tasks: Int[np.ndarray, " T"]


def share_counts(
    chosen: Selection, classes: Int16[np.ndarray, " N"], count: int, tasks: int, per_task: int
) -> ShareCounts:
    """Count picks and tokens.

    Args:
        chosen: of the image as it is.
        classes: of its positions, negative where there is none.
        count: C.
        tasks: T.
        per_task: N.
    """
    return ShareCounts(
        np.bincount(classes[classes >= 0], minlength=count),
        np.bincount(chosen.classes[chosen.classes >= 0], minlength=count),
        np.bincount(chosen.picks[chosen.picks >= 0] // per_task, minlength=tasks),
    )


def equal_access_gini(picks: Counts, tokens: Counts) -> float:
    """Gini coefficient of the picks over the classes that are present: 0 if all have the same number of picks.

    NaN without a pick of a known class.
    """
    present = picks[tokens > 0]
    return gini(present.astype(np.float64)) if present.sum() > 0 else float("nan")


def concentration_curve(picks: Counts, tokens: Counts) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Share of the picks held by the classes with the fewest picks a token, against their share of the tokens.

    The diagonal means that classes are picked as often as they occur (a Lorenz curve of picks a token).

    Returns:
        Shares of tokens and of picks, both from 0 to 1; empty without a pick or token of a known class.
    """
    present = tokens > 0
    picks, tokens = picks[present].astype(np.float64), tokens[present].astype(np.float64)
    if not picks.sum() > 0:
        return np.zeros(0), np.zeros(0)
    order = np.argsort(picks / tokens, kind="stable")
    across, up = (np.concatenate([[0.0], np.cumsum(part[order]) / part.sum()]) for part in (tokens, picks))
    return across, up


def proportional_gini(picks: Counts, tokens: Counts) -> float:
    """Twice the area between ``concentration_curve`` and the diagonal.

    0 if every class is picked as often as it occurs, 1 - q if all picks are of one class with share q of the tokens.
    NaN without a pick of a known class.
    """
    across, up = concentration_curve(picks, tokens)
    if not across.size:
        return float("nan")
    return float(1 - ((up[1:] + up[:-1]) * np.diff(across)).sum())


def rare_recall(picks: Counts, tokens: Counts, rare: float = RARE) -> float:
    """Share of the rare classes of an image that hold at least one pick; NaN where none is rare.

    Args:
        picks: by class.
        tokens: by class.
        rare: classes with less than this share of the tokens.
    """
    present = tokens > 0
    few = present & (tokens < rare * tokens.sum())
    return float((picks[few] > 0).mean()) if few.any() else float("nan")


def task_gini(picks: Counts) -> float:
    """Gini coefficient of the picks over the tasks: 0 for equal shares, 1 - 1/T if one task has all."""
    return gini(picks.astype(np.float64)) if picks.sum() > 0 else float("nan")
