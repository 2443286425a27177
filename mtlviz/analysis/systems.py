"""What do systems reach that were trained alike? Scores, their spread, and the gain over each task alone."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mtlviz.metrics.delta_m import delta_m
from mtlviz.results import read_form

KIND = "comparison"
SINGLE = "single"
"""Name of the system in which every task has a network of its own; the baseline of Delta_m."""


@dataclass(frozen=True)
class Curve:
    """Losses of a training.

    Attributes:
        images: seen so far, one entry a line of the log.
        losses: by task the unweighted loss, as many entries.
    """

    images: list[int]
    losses: dict[str, list[float]]


@dataclass(frozen=True)
class Training:
    """One training of a system.

    Attributes:
        seed: it started from.
        weights_sha256: of its weights, by network: ``""``, or by task where every task has its own.
        metrics: by task all metrics on the held-out images.
        off: the same with the interaction switched off; None without an interaction.
        groups: by task the headline metric on each group of the held-out images; None where a group has no label.
        curves: by network, named as in ``weights_sha256``.
    """

    seed: int
    weights_sha256: dict[str, str]
    metrics: dict[str, dict[str, float | None]]
    off: dict[str, dict[str, float | None]] | None
    groups: dict[str, list[float | None]]
    curves: dict[str, Curve]


@dataclass(frozen=True)
class Cost:
    """What a system costs for one image.

    Attributes:
        parameters: by part, and ``total``; every network of the system counts.
        operations: multiply-accumulates, alike.
        milliseconds: median time of a forward pass, systems taking turns.
        over_none: median ratio of that time to ``none``'s in the same round.
        peak_bytes: of live tensors above weights and image.
    """

    parameters: dict[str, int]
    operations: dict[str, int]
    milliseconds: float
    over_none: float
    peak_bytes: int


@dataclass(frozen=True)
class System:
    """A way to let tasks meet.

    Attributes:
        title: for tables.
        summary: one sentence.
        trainings: one a seed.
        cost: None until it has been measured.
    """

    title: str
    summary: str
    trainings: list[Training]
    cost: Cost | None = None


@dataclass(frozen=True)
class Regime:
    """What all systems were trained and scored on.

    Attributes:
        summary: one phrase.
        images: of the training.
        scored: held-out images.
        protocols: by task how it is scored.
        systems: by name, in the order of the configuration.
    """

    summary: str
    images: int
    scored: int
    protocols: dict[str, str]
    systems: dict[str, System]


@dataclass(frozen=True)
class Comparison:
    """Systems trained alike.

    Attributes:
        tier: how much training each of them got, in a phrase.
        command: that makes the result.
        headlines: by task its headline metric.
        lower_is_better: by task whether a smaller headline metric is better.
        regimes: by name.
        versions: of the libraries.
        kind: ``comparison``.
        device: on which times were taken, and its threads; empty until they were.
    """

    tier: str
    command: str
    headlines: dict[str, str]
    lower_is_better: dict[str, bool]
    regimes: dict[str, Regime]
    versions: dict[str, str]
    kind: str = KIND
    device: str = ""


@dataclass(frozen=True)
class Spread:
    """A value, and how far it may be off.

    Attributes:
        mean: over seeds.
        deviation: standard deviation over seeds, or the standard error over groups of images where there is one
            seed only; None where neither exists.
        over: ``seeds``, ``images`` or empty: what the deviation is over.
    """

    mean: float
    deviation: float | None = None
    over: str = ""


@dataclass(frozen=True)
class Row:
    """A system in the table of a regime.

    Attributes:
        name: of the system.
        title: for readers.
        scores: by task its headline metric.
        off: the same with the interaction switched off; empty without one.
        gain: Delta_m over every task alone, in percent; None without that baseline.
        gain_off: the same with the interaction switched off.
        seeds: number of trainings.
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
        DataError: naming the first value that does not fit.
    """
    return read_form(Comparison, content, KIND)


def table(comparison: Comparison, regime: str) -> list[Row]:
    """The systems of a regime, in their order.

    Raises:
        KeyError: if there is no such regime.
    """
    systems = comparison.regimes[regime].systems
    return [_row(name, system, systems.get(SINGLE), comparison) for name, system in systems.items()]


def _row(name: str, system: System, single: System | None, comparison: Comparison) -> Row:
    headlines = comparison.headlines
    scores = {task: _score(system, task, metric) for task, metric in headlines.items()}
    off = [_headline(one.off, headlines) for one in system.trainings if one.off is not None]
    base = {} if single is None or name == SINGLE else _means(single, headlines)
    gain = gain_off = None
    if single is not None and base and 0 not in base.values():
        gain = _gain(system, single, comparison)
        gain_off = _mean([delta_m(one, base, comparison.lower_is_better) for one in off]) if off else None
    return Row(
        name,
        system.title,
        scores,
        {task: _mean([one[task] for one in off]) for task in headlines} if off else {},
        gain,
        gain_off,
        len(system.trainings),
        system.cost,
    )


def _score(system: System, task: str, metric: str) -> Spread:
    values = [_number(one.metrics[task][metric]) for one in system.trainings]
    if len(values) > 1:
        return Spread(_mean(values), statistics.stdev(values), "seeds")
    groups = [value for value in system.trainings[0].groups.get(task, []) if value is not None]
    return _over_images(values[0], groups)


def _gain(system: System, single: System, comparison: Comparison) -> Spread:
    """Delta_m by seed over the mean of the baseline's seeds; with one seed its spread over groups of images."""
    lower, headlines = comparison.lower_is_better, comparison.headlines
    base = _means(single, headlines)
    gains = [delta_m(_headline(one.metrics, headlines), base, lower) for one in system.trainings]
    if len(gains) > 1:
        return Spread(_mean(gains), statistics.stdev(gains), "seeds")
    pairs = zip(_by_group(system, headlines), _by_group(single, headlines), strict=False)
    known = [(one, other) for one, other in pairs if one and other and 0 not in other.values()]
    return _over_images(gains[0], [delta_m(one, other, lower) for one, other in known])


def _by_group(system: System, headlines: Mapping[str, str]) -> list[dict[str, float]]:
    """The headlines of the first training by group of images; empty where a task has none there."""
    groups = system.trainings[0].groups
    rows = zip(*(groups[task] for task in headlines), strict=True)
    return [{} if None in row else dict(zip(headlines, row, strict=True)) for row in rows]


def _means(system: System, headlines: Mapping[str, str]) -> dict[str, float]:
    return {task: _score(system, task, metric).mean for task, metric in headlines.items()}


def _over_images(value: float, groups: Sequence[float]) -> Spread:
    """The value with the standard error of a mean over groups of equally many images."""
    if len(groups) < 2:
        return Spread(value)
    return Spread(value, statistics.stdev(groups) / math.sqrt(len(groups)), "images")


def _headline(metrics: Mapping[str, Mapping[str, float | None]], headlines: Mapping[str, str]) -> dict[str, float]:
    return {task: _number(metrics[task][metric]) for task, metric in headlines.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
