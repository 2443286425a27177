"""Which system leads in a column of a comparison, whether by more than the spread, and how far each is from another."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtlviz.analysis.systems import SINGLE, Comparison, Row, System, Training
from mtlviz.metrics.delta_m import delta_m

FACTOR = 2.0
"""Standard errors of a difference that a lead has to exceed."""


@dataclass(frozen=True)
class Sample:
    """A number of one system, and the parts that its spread is taken from.

    Attributes:
        mean: the number itself.
        parts: one a seed, or one a group of held-out images where there is one seed; NaN where there is none.
        paired: the parts of two systems belong together, since they are of the same images.
    """

    mean: float
    parts: tuple[float, ...]
    paired: bool


@dataclass(frozen=True)
class Lead:
    """The best of a column.

    Attributes:
        best: its name.
        second: name of the next one.
        ahead: by how much the first is better, in the unit of the column.
        within: who is not behind by more than ``FACTOR`` standard errors of the difference, best of them first.
        known: whether the first two have a spread at all.
    """

    best: str
    second: str
    ahead: float
    within: tuple[str, ...]
    known: bool

    @property
    def clear(self) -> bool:
        """Whether the lead is larger than the spread."""
        return self.known and not self.within


def lead(column: Mapping[str, Sample], *, lower_is_better: bool = False) -> Lead | None:
    """Who leads in a column; None where fewer than two systems have a number.

    Args:
        column: by system.
        lower_is_better: direction of the column.
    """
    sign = -1 if lower_is_better else 1
    known = [(name, one) for name, one in column.items() if math.isfinite(one.mean)]
    if len(known) < 2:
        return None
    (best, first), *others = sorted(known, key=lambda item: -sign * item[1].mean)
    errors = {name: difference_error(first, one) for name, one in others}
    within = tuple(
        name for name, one in others if (error := errors[name]) is not None and _near(first, one, FACTOR * error)
    )
    second, next_one = others[0]
    return Lead(best, second, sign * (first.mean - next_one.mean), within, errors[second] is not None)


def difference_error(one: Sample, other: Sample) -> float | None:
    """Standard error of the difference of two systems; None where too few parts are known.

    Groups of the same images are subtracted from one another first, which takes out how hard they are; seeds of two
    systems have nothing in common, and their variances add up.
    """
    if one.paired != other.paired:
        return None
    if one.paired:
        gaps = [a - b for a, b in zip(one.parts, other.parts, strict=False) if math.isfinite(a - b)]
        return statistics.stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else None
    if min(len(one.parts), len(other.parts)) < 2:
        return None
    return math.sqrt(sum(statistics.variance(parts) / len(parts) for parts in (one.parts, other.parts)))


def task_column(comparison: Comparison, regime: str, task: str) -> dict[str, Sample]:
    """By system its headline metric of a task.

    Raises:
        KeyError: if there is no such regime or task.
    """
    metric = comparison.headlines[task]
    column = {}
    for name, system in comparison.regimes[regime].systems.items():
        values = [_number(one.metrics[task][metric]) for one in system.trainings]
        groups = tuple(map(_number, system.trainings[0].groups.get(task, [])))
        column[name] = _sample(values, groups)
    return column


def gain_column(comparison: Comparison, regime: str) -> dict[str, Sample]:
    """By system its Delta_m over each task alone in percent; empty without that baseline."""
    systems = comparison.regimes[regime].systems
    single = systems.get(SINGLE)
    if single is None:
        return {}
    headlines, lower = comparison.headlines, comparison.lower_is_better
    base = {task: _mean_of(single, task, metric) for task, metric in headlines.items()}
    column = {}
    for name, system in systems.items():
        if name != SINGLE:
            seeds = [
                delta_m({task: _number(one.metrics[task][metric]) for task, metric in headlines.items()}, base, lower)
                for one in system.trainings
            ]
            column[name] = _sample(seeds, _gains_by_group(system.trainings[0], single.trainings[0], comparison))
    return column


def relative(row: Row, reference: Row, lower_is_better: Mapping[str, bool]) -> dict[str, float]:
    """By task how much better a system is than another, in percent of the other's metric; worse is negative.

    A task whose number is missing on either side, or 0 on the other, is left out.
    """
    found = {}
    for task, one in row.scores.items():
        base = reference.scores[task].mean
        if math.isfinite(one.mean) and math.isfinite(base) and base != 0:
            found[task] = delta_m({task: one.mean}, {task: base}, {task: lower_is_better[task]})
    return found


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


def _sample(seeds: Sequence[float], groups: tuple[float, ...]) -> Sample:
    one_seed = len(seeds) == 1
    return Sample(sum(seeds) / len(seeds), groups if one_seed else tuple(seeds), one_seed)


def _gains_by_group(training: Training, single: Training, comparison: Comparison) -> tuple[float, ...]:
    """Delta_m on each group of images; NaN where a task has no label in it."""
    tasks = tuple(comparison.headlines)
    found = []
    for group in range(min(len(one.groups[task]) for one in (training, single) for task in tasks)):
        ours, theirs = ({task: _number(one.groups[task][group]) for task in tasks} for one in (training, single))
        found.append(delta_m(ours, theirs, comparison.lower_is_better) if all(theirs.values()) else math.nan)
    return tuple(found)


def _mean_of(system: System, task: str, metric: str) -> float:
    values = [_number(one.metrics[task][metric]) for one in system.trainings]
    return sum(values) / len(values)


def _near(one: Sample, other: Sample, distance: float) -> bool:
    return abs(one.mean - other.mean) <= distance


def _number(value: float | None) -> float:
    return math.nan if value is None else value
