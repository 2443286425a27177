"""The result of a collapse analysis: numbers by task, place and statistic, with the protocol that made them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from mtlviz.errors import DataError

KIND = "collapse"
"""Kind of these results among the files of ``mtlviz.results``."""

Weighting = Literal["balanced", "pixel"]
WEIGHTINGS: tuple[Weighting, ...] = ("balanced", "pixel")
"""How classes are averaged: ``balanced`` gives every class the same weight, ``pixel`` its share of the positions."""


@dataclass(frozen=True)
class Estimate:
    """One number.

    Attributes:
        value: None where it is not defined, e.g. with fewer than two classes.
        low: lower end of the bootstrap band, None without one.
        high: upper end.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Weighted:
    """One statistic under both weightings."""

    balanced: Estimate
    pixel: Estimate

    def of(self, weighting: Weighting) -> Estimate:
        """The number under one of them."""
        return self.balanced if weighting == "balanced" else self.pixel


@dataclass(frozen=True)
class ClassRow:
    """One class at one place; numbers are None for a class with too few positions.

    Attributes:
        label: of the class.
        name: of the class.
        count: positions of the class.
        share: of all labelled positions.
        norm: distance of the class mean from the mean of the class means, over its average over the classes.
        variance: mean squared distance of the features from their class mean.
        scatter: that variance over the mean squared distance of the class means from their mean.
        vertex_angle: degrees between the centred class mean and its vertex of the nearest simplex frame, fitted to the
            directions of all classes alike (``etf_geometry.fitted_vertices``).
        agreement: share of the class's positions whose nearest class mean is the final prediction.
        recall: share of the class's positions whose nearest class mean is their own.
        accuracy: share of the class's positions whose final prediction is right.
    """

    label: int
    name: str
    count: int
    share: float
    norm: float | None = None
    variance: float | None = None
    scatter: float | None = None
    vertex_angle: float | None = None
    agreement: float | None = None
    recall: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class ClassPlace:
    """A classification task at one place.

    Attributes:
        width: E, of the features.
        grid: (rows, columns) of the positions of one image.
        positions: that have a label, over all images.
        present: labels of the classes with enough positions; only they enter the statistics.
        statistics: by key of ``mtlviz.analysis.collapse.names.STATISTICS``.
        classes: one row a class of the task, absent ones too.
        gram: inner products of the class means centred at their unweighted mean, over their average squared norm,
            in the order of ``present``: the means up to rotation and scale.
    """

    width: int
    grid: tuple[int, int]
    positions: int
    present: tuple[int, ...]
    statistics: Mapping[str, Weighted]
    classes: tuple[ClassRow, ...]
    gram: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class RegressionPlace:
    """A regression task at one place; it has no classes, every position counts once.

    Attributes:
        width: E, of the features.
        grid: (rows, columns) of the positions of one image that are used.
        positions: over all images.
        statistics: ``nrc1`` everywhere, ``nrc2`` and ``nrc3`` at the place ``decoder``.
        spectrum: shares of the variance along the principal axes, largest first, at most 16.
    """

    width: int
    grid: tuple[int, int]
    positions: int
    statistics: Mapping[str, Estimate]
    spectrum: tuple[float, ...] = ()


@dataclass(frozen=True)
class ClassTask:
    """A classification task by place, in the order of ``mtlviz.trace.PLACES``."""

    title: str
    places: Mapping[str, ClassPlace]


@dataclass(frozen=True)
class RegressionTask:
    """A regression task by place; ``dimension`` is n, that of the target."""

    title: str
    dimension: int
    places: Mapping[str, RegressionPlace]


@dataclass(frozen=True)
class Protocol:
    """What the numbers rest on, apart from weights and images.

    Attributes:
        groups: into which images are hashed for the bootstrap.
        resamples: of the groups.
        confidence: of the bands.
        seed: of the resamples.
        least: positions that a class needs in order to count.
        kept: positions kept a class and place for the statistics of nearest class means.
    """

    groups: int = 32
    resamples: int = 200
    confidence: float = 0.95
    seed: int = 0
    least: int = 10
    kept: int = 512


LogStatistics = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float | None]]]]


@dataclass(frozen=True)
class LogEntry:
    """One line of a training's ``collapse.jsonl``.

    Attributes:
        step: steps taken.
        images: images seen by the training so far.
        rooms: held-out images that were looked at.
        statistics: task -> place -> key of the statistic -> weighting (``balanced``, ``pixel``) -> number;
            regression tasks have ``pixel`` alone.
    """

    step: int
    images: int
    rooms: int
    statistics: LogStatistics


@dataclass(frozen=True)
class CollapseResult:
    """Everything that one analysis found.

    Attributes:
        model: name of the checkpoint.
        title: of the checkpoint.
        weights_sha256: of its weights.
        trained: on ``synthetic`` or ``real`` images or not at all (``random``).
        data: what was looked at, e.g. ``"rooms:val"``.
        images: how many.
        input_size: (H, W) in pixels.
        device: that computed.
        processes: that computed.
        versions: of the libraries.
        protocol: of the numbers.
        classes: classification tasks by name.
        regression: regression tasks by name.
        trajectory: lines that the training logged, oldest first; empty where it logged none.
    """

    model: str
    title: str
    weights_sha256: str
    trained: str
    data: str
    images: int
    input_size: tuple[int, int]
    device: str
    processes: int
    versions: Mapping[str, str]
    protocol: Protocol
    classes: Mapping[str, ClassTask]
    regression: Mapping[str, RegressionTask]
    trajectory: tuple[LogEntry, ...] = ()


_RESULT = TypeAdapter(CollapseResult)
_ENTRY = TypeAdapter(LogEntry)


def to_plain(result: CollapseResult) -> dict[str, Any]:
    """The result in the types that JSON knows."""
    plain: dict[str, Any] = _RESULT.dump_python(result, mode="json")
    return plain


def from_plain(content: Mapping[str, Any]) -> CollapseResult:
    """The result that ``to_plain`` wrote; other keys, such as ``kind``, are ignored.

    Raises:
        DataError: if a field is missing or of another type.
    """
    try:
        return _RESULT.validate_python(dict(content))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise DataError(f"The collapse result is damaged at {where!r}; make it again.") from error


def log_line(entry: LogEntry) -> str:
    """One line of ``collapse.jsonl``, without its end."""
    return _ENTRY.dump_json(entry).decode()


def read_log(text: str) -> tuple[LogEntry, ...]:
    """The lines of a ``collapse.jsonl``; a last line that was not finished is left out.

    Raises:
        DataError: if another line is damaged.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    entries: list[LogEntry] = []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(_ENTRY.validate_json(line))
        except ValidationError as error:
            if number == len(lines) and not text.endswith("\n"):
                break
            raise DataError(f"Line {number} of the collapse log is damaged; remove it.") from error
    return tuple(entries)


def with_trajectory(result: CollapseResult, entries: tuple[LogEntry, ...]) -> CollapseResult:
    """The same result with what its training logged."""
    return replace(result, trajectory=entries)
