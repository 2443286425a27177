"""A collapse result as a person reads it: by task one table a weighting, then the classifier, then the classes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table

from mtlviz.cli.answers import table

if TYPE_CHECKING:
    from mtlviz.analysis.collapse.record import ClassPlace, ClassTask, CollapseResult, Estimate, RegressionTask

COLUMNS = ("nc1_pinv", "nc1_quotient", "nc1_cdnv", "nc2_equinorm", "nc2_equiangular", "nc2_etf_error", "agreement")
"""Statistics of the tables by place; the others are in the JSON."""

WORDS = {
    "balanced": "balanced: every class counts once",
    "pixel": "pixel-weighted: every position counts once",
}


def collapse_texts(result: "CollapseResult") -> list[RenderableType]:
    """Tables and sentences of a result."""
    protocol = result.protocol
    texts: list[RenderableType] = [
        f"{result.model} on {result.data} ({result.images} images); {protocol.confidence:.0%} bands from "
        f"{protocol.resamples} resamples of {protocol.groups} groups of images."
    ]
    for name, task in result.classes.items():
        for weighting, words in WORDS.items():
            texts += ["", f"{name}, {words}", _by_place(task, weighting)]
        last = list(task.places.values())[-1]
        texts += ["", _classifier(name, last), "", _classes(name, last)]
    for name, regression in result.regression.items():
        texts += ["", _regression(name, regression)]
    return texts


def _by_place(task: "ClassTask", weighting: str) -> Table:
    rows = []
    for place, found in task.places.items():
        estimates = (getattr(found.statistics[key], weighting) for key in COLUMNS)
        rows.append((place, *(_banded(one) for one in estimates)))
    return table(("place", *COLUMNS), rows)


def _classifier(task: str, place: "ClassPlace") -> Table:
    """The statistics of the last linear layer and its input."""
    keys = [key for key in place.statistics if key.startswith(("nc3", "nc4", "w_"))]
    rows = [(key, _banded(place.statistics[key].balanced), _banded(place.statistics[key].pixel)) for key in keys]
    return table((f"{task}, last linear layer", "balanced", "pixel"), rows)


def _classes(task: str, place: "ClassPlace") -> Table:
    """The classes at the last place, the ones that lag most first."""
    columns = ("share", "scatter", "vertex_angle", "agreement", "recall", "accuracy")
    there = sorted(place.classes, key=lambda row: -1.0 if row.scatter is None else row.scatter, reverse=True)
    rows = [(row.name, *(getattr(row, column) for column in columns)) for row in there]
    return table((f"class of {task}, decoder", *columns), rows)


def _regression(name: str, task: "RegressionTask") -> Table:
    keys = list(dict.fromkeys(key for place in task.places.values() for key in place.statistics))
    rows = [(place, *(_value(found.statistics, key) for key in keys)) for place, found in task.places.items()]
    return table((f"{name} (n = {task.dimension})", *keys), rows)


def _value(statistics: "Mapping[str, Estimate]", key: str) -> float | None:
    return statistics[key].value if key in statistics else None


def _banded(estimate: "Estimate") -> str:
    """The value with three digits and its band, if it has one, with two."""
    if estimate.value is None:
        return ""
    value = _rounded(estimate.value, 3)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{_rounded(estimate.low, 2)}, {_rounded(estimate.high, 2)}]"


def _rounded(value: float, digits: int) -> str:
    """Significant digits without an exponent."""
    return f"{float(f'{value:.{digits}g}'):g}"
