"""What do systems reach that were trained alike? Scores, their spread, and the gain over each task alone."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mtlviz.analysis.system_record import KIND, SINGLE, Comparison, Cost, Regime, System, Training
from mtlviz.errors import DataError
from mtlviz.metrics.delta_m import delta_m
from mtlviz.results import read_form


@dataclass(frozen=True)
class Spread:
    """A value, and how far it may be off.

    Attributes:
        mean: over seeds.
        deviation: sample standard deviation over seeds, or the standard error over groups of images where there is
            one seed only; None where neither exists.
        over: ``seeds``, ``images`` or empty: what the deviation is over.
        count: of the seeds, or of the groups, that it is taken from; 0 without a deviation.
    """

    mean: float
    deviation: float | None = None
    over: str = ""
    count: int = 0


@dataclass(frozen=True)
class Row:
    """A system in the table of a regime.

    Attributes:
        name: of the system.
        title: for readers.
        scores: by task its headline metric.
        off: the same with the interaction switched off; empty without one.
        gain: Delta_m over every task alone, in percent, seed by seed over the networks from the same seed; None
            without that baseline.
        gain_off: the same with the interaction switched off.
        seeds: number of trainings that are counted.
        cost: see ``Cost``.
    """

    name: str
    title: str
    scores: dict[str, Spread]
    off: dict[str, float]
    gain: Spread | None
    gain_off: float | None
    seeds: int
    cost: Cost | None = field(default=None)


def read_comparison(content: Mapping[str, Any]) -> Comparison:
    """What ``comparison`` wrote.

    Raises:
        DataError: naming the first value that does not fit, or what a system lacks.
    """
    found = read_form(Comparison, content, KIND)
    try:
        for task in found.headlines:
            found.lower_is_better[task]
        for name in found.regimes:
            table(found, name)
    except (KeyError, IndexError, ValueError) as error:
        raise DataError(
            f"This comparison names systems that lack scores ({type(error).__name__}: {error}); make it again with "
            "the command."
        ) from error
    return found


def shared_seeds(regime: Regime) -> list[int]:
    """Seeds from which every system of a regime has been trained, in the order of the first system."""
    held = [{training.seed for training in system.trainings} for system in regime.systems.values()]
    first = next(iter(regime.systems.values())).trainings if held else []
    return list(dict.fromkeys(one.seed for one in first if all(one.seed in seeds for seeds in held)))


def counted(regime: Regime) -> dict[str, System]:
    """The systems with the trainings that are counted: one a seed that all of them have.

    The seed decides which images and labels a training sees and in which order, so that systems are compared from
    the same seeds only. Where they have none in common, every training is counted.
    """
    seeds = shared_seeds(regime)
    found = {}
    for name, system in regime.systems.items():
        by_seed = {training.seed: training for training in system.trainings}
        trainings = [by_seed[seed] for seed in seeds] if seeds else list(by_seed.values())
        found[name] = replace(system, trainings=trainings)
    return found


def table(comparison: Comparison, regime: str) -> list[Row]:
    """The systems of a regime, in their order.

    Raises:
        KeyError: if there is no such regime.
    """
    systems = counted(comparison.regimes[regime])
    return [_row(name, system, systems.get(SINGLE), comparison) for name, system in systems.items()]


def gain(system: System, base: System, comparison: Comparison, task: str | None = None) -> Spread | None:
    """How much better a system is than another, seed by seed, in percent; with one seed its spread is over images.

    Args:
        system: with the trainings that are counted.
        base: alike; what the gain is over.
        comparison: names the metrics.
        task: the gain in this one; None takes the mean over all of them, Delta_m.

    Returns:
        None where the two have no seed in common, or a metric of ``base`` is 0.
    """
    headlines = comparison.headlines if task is None else {task: comparison.headlines[task]}
    gains = gains_by_seed(system, base, headlines, comparison.lower_is_better)
    if not gains:
        return None
    by_group = gains_by_group(system.trainings[0], base.trainings[0], headlines, comparison.lower_is_better)
    return _spread(list(gains.values()), by_group)


def relative(comparison: Comparison, regime: str, reference: str) -> dict[str, dict[str, Spread]]:
    """By system and task the gain over one of the systems; a task without a number on either side is left out.

    Raises:
        KeyError: if there is no such regime or reference.
    """
    systems = counted(comparison.regimes[regime])
    found: dict[str, dict[str, Spread]] = {name: {} for name in systems}
    for name, system in systems.items():
        for task in comparison.headlines:
            one = gain(system, systems[reference], comparison, task)
            if one is not None and math.isfinite(one.mean):
                found[name][task] = one
    return found


def gains_by_seed(
    system: System, base: System, headlines: Mapping[str, str], lower: Mapping[str, bool], *, off: bool = False
) -> dict[int, float]:
    """By seed the gain over the networks from the same seed, in percent; empty where a metric of those is 0.

    Args:
        system: whose gain is asked for.
        base: what it is over.
        headlines: by task its metric.
        lower: by task whether less is better.
        off: take the system with its interaction switched off.
    """
    bases = {one.seed: headline(one.metrics, headlines) for one in base.trainings}
    if any(0 in one.values() for one in bases.values()):
        return {}
    held = ((one.seed, one.off if off else one.metrics) for one in system.trainings)
    return {
        seed: delta_m(headline(metrics, headlines), bases[seed], lower)
        for seed, metrics in held
        if metrics is not None and seed in bases
    }


def gains_by_group(
    one: Training, base: Training, headlines: Mapping[str, str], lower: Mapping[str, bool]
) -> list[float]:
    """The gain on each group of held-out images, in percent; NaN where a task has no label in it."""
    found = []
    for group in range(min(len(side.groups.get(task, ())) for side in (one, base) for task in headlines)):
        ours, theirs = ({task: number(side.groups[task][group]) for task in headlines} for side in (one, base))
        found.append(delta_m(ours, theirs, lower) if all(theirs.values()) else math.nan)
    return found


def headline(metrics: Mapping[str, Mapping[str, float | None]], headlines: Mapping[str, str]) -> dict[str, float]:
    """By task its headline metric."""
    return {task: number(metrics[task][metric]) for task, metric in headlines.items()}


def number(value: float | None) -> float:
    """A metric; NaN where it has no value."""
    return value if value is not None and math.isfinite(value) else math.nan


def _row(name: str, system: System, single: System | None, comparison: Comparison) -> Row:
    headlines, lower = comparison.headlines, comparison.lower_is_better
    off = [headline(one.off, headlines) for one in system.trainings if one.off is not None]
    over = single if name != SINGLE else None
    gains_off = [] if over is None else list(gains_by_seed(system, over, headlines, lower, off=True).values())
    return Row(
        name,
        system.title,
        {task: _score(system, task, metric) for task, metric in headlines.items()},
        {task: _mean([one[task] for one in off]) for task in headlines} if off else {},
        None if over is None else gain(system, over, comparison),
        _mean(gains_off) if gains_off else None,
        len(system.trainings),
        system.cost,
    )


def _score(system: System, task: str, metric: str) -> Spread:
    values = [number(one.metrics[task][metric]) for one in system.trainings]
    return _spread(values, [number(value) for value in system.trainings[0].groups.get(task, [])])


def _spread(seeds: Sequence[float], groups: Sequence[float]) -> Spread:
    """The mean over seeds with their deviation; of one seed with the standard error over equally large groups."""
    mean = _mean(seeds)
    if not math.isfinite(mean):
        return Spread(mean)
    if len(seeds) > 1:
        return Spread(mean, statistics.stdev(seeds), "seeds", len(seeds))
    known = [value for value in groups if math.isfinite(value)]
    if len(known) < 2:
        return Spread(mean)
    return Spread(mean, statistics.stdev(known) / math.sqrt(len(known)), "images", len(known))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
