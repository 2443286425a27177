"""Which systems may be the best in a column of a comparison, and which nobody beats in gain and cost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from mtlviz.analysis.system_record import SINGLE, Comparison
from mtlviz.analysis.systems import counted, gains_by_group, gains_by_seed, number, shared_seeds

LEVEL = 0.05
"""How often a column in which all are alike may be said to have a leader."""


@dataclass(frozen=True)
class Column:
    """A number of every system, and the parts that its chance is taken from.

    Attributes:
        means: by system the number itself; NaN where there is none.
        parts: by system one a seed, or one a group of held-out images where there is one seed, the same ones for all
            systems; NaN where there is none.
        over: ``seeds``, ``images``, or empty where systems have no seed in common.
    """

    means: Mapping[str, float]
    parts: Mapping[str, tuple[float, ...]]
    over: str


@dataclass(frozen=True)
class Lead:
    """The best of a column.

    Attributes:
        best: its name.
        second: name of the next one.
        ahead: by how much the first is better, in the unit of the column.
        within: who may be as good: not behind by more than chance, best of them first.
        known: whether chance is known at all.
    """

    best: str
    second: str
    ahead: float
    within: tuple[str, ...]
    known: bool

    @property
    def clear(self) -> bool:
        """Whether the best is ahead of every other by more than chance."""
        return self.known and not self.within


def lead(column: Column, *, lower_is_better: bool = False) -> Lead | None:
    """Who leads in a column; None where fewer than two systems have a number.

    The best is compared with every other by a one-sided t-test of their difference, at ``LEVEL`` divided by the number
    of the others. If the truly best one is not the one that is best here, it is among those ``within`` all the same,
    but for ``LEVEL`` of all columns (Hsu's comparison with the best, with Bonferroni's bound).

    Args:
        column: its numbers.
        lower_is_better: direction of the column.
    """
    sign = -1 if lower_is_better else 1
    means = {name: mean for name, mean in column.means.items() if math.isfinite(mean)}
    if len(means) < 2:
        return None
    best, *others = sorted(means, key=lambda name: -sign * means[name])
    margins = {name: margin(column, best, name, LEVEL / len(others)) for name in others}
    known = [name for name, one in margins.items() if one is not None]
    within = tuple(name for name in known if abs(means[best] - means[name]) <= (margins[name] or 0))
    return Lead(best, others[0], sign * (means[best] - means[others[0]]), within, len(known) == len(others))


def margin(column: Column, one: str, other: str, level: float) -> float | None:
    """How far two systems may lie apart by chance; None where too few parts are known.

    Args:
        column: its numbers.
        one: name of a system.
        other: of another.
        level: how often two systems that are alike lie farther apart, the first ahead.
    """
    error, freedom = (_error_over_seeds if column.over == "seeds" else _error_over_images)(column, one, other)
    return float(student.ppf(1 - level, freedom)) * error if freedom else None


def _error_over_images(column: Column, one: str, other: str) -> tuple[float, int]:
    """Standard error of a difference and its degrees of freedom.

    The same images are subtracted from one another first, which takes out how hard they are.
    """
    gaps = np.array([a - b for a, b in zip(column.parts[one], column.parts[other], strict=False)])
    gaps = gaps[np.isfinite(gaps)]
    return (float(gaps.std(ddof=1)) / math.sqrt(len(gaps)), len(gaps) - 1) if len(gaps) > 1 else (0.0, 0)


def _error_over_seeds(column: Column, _one: str, _other: str) -> tuple[float, int]:
    """The same of seeds, which are too few for each pair of systems: one variance for all of them.

    It is what remains when every system's mean and every seed's are taken out (randomised blocks): systems from one
    seed have seen the same images with the same labels in the same order.
    """
    values = np.array([parts for parts in column.parts.values() if all(map(math.isfinite, parts))])
    systems, seeds = values.shape
    rest = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    freedom = (systems - 1) * (seeds - 1)
    return math.sqrt(2 * float((rest**2).sum()) / freedom / seeds), freedom


def task_column(comparison: Comparison, regime: str, task: str) -> Column:
    """The headline metric of a task.

    Raises:
        KeyError: if there is no such regime or task.
    """
    metric = comparison.headlines[task]
    systems = counted(comparison.regimes[regime])
    seeds = {name: [number(one.metrics[task][metric]) for one in system.trainings] for name, system in systems.items()}
    groups = {name: system.trainings[0].groups.get(task, []) for name, system in systems.items()}
    return _column(comparison, regime, seeds, {name: list(map(number, values)) for name, values in groups.items()})


def gain_column(comparison: Comparison, regime: str) -> Column:
    """Delta_m over each task alone in percent; without systems where that baseline is missing."""
    systems = counted(comparison.regimes[regime])
    single = systems.pop(SINGLE, None)
    headlines, lower = comparison.headlines, comparison.lower_is_better
    if single is None:
        return Column({}, {}, "")
    seeds = {name: list(gains_by_seed(one, single, headlines, lower).values()) for name, one in systems.items()}
    groups = {
        name: gains_by_group(one.trainings[0], single.trainings[0], headlines, lower) for name, one in systems.items()
    }
    return _column(comparison, regime, {name: values for name, values in seeds.items() if values}, groups)


def front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Names of the (cost, gain) that nobody beats: no other point gains as much for less, or more for as much.

    Returns:
        From the cheapest to the dearest.
    """
    kept: list[str] = []
    highest = -math.inf
    for name, (_, gain) in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1])):
        if gain > highest:
            kept.append(name)
            highest = gain
    return kept


def _column(
    comparison: Comparison, regime: str, seeds: Mapping[str, list[float]], groups: Mapping[str, list[float]]
) -> Column:
    """A column whose chance is over seeds where systems share several, over groups of images where they share one."""
    means = {name: sum(values) / len(values) for name, values in seeds.items()}
    shared = len(shared_seeds(comparison.regimes[regime]))
    over = {0: "", 1: "images"}.get(shared, "seeds")
    parts = {"": {}, "images": groups, "seeds": seeds}[over]
    return Column(means, {name: tuple(parts.get(name, ())) for name in means}, over)
