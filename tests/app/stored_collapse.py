"""Collapse results with numbers made up by a rule, so that a test knows what a page must show."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from mtlviz.analysis.collapse.names import STATISTICS
from mtlviz.analysis.collapse.record import (
    KIND,
    ClassPlace,
    ClassRow,
    ClassTask,
    CollapseResult,
    Estimate,
    LogEntry,
    Protocol,
    RegressionPlace,
    RegressionTask,
    Weighted,
    to_plain,
)
from mtlviz.checkpoints import ModelCard
from mtlviz.results import write_result
from mtlviz.tasks import Task
from mtlviz.trace import PLACES
from tests.app.conftest import spec

PAGE = "pages/5_collapse.py"
PANELS = ("nc1_quotient", "nc1_cdnv", "nc2_etf_error", "agreement")
DIMENSIONS = {"depth": 1, "normals": 3}
SHARES = (0.5, 0.25, 0.15, 0.09)
"""Of the first classes; the next one has too few positions, others none."""
COUNT = 10_000


def stored(card: ModelCard, folder: Path, *, factor: float = 1.0, steps: tuple[int, ...] = ()) -> CollapseResult:
    """Write a result for a model, and give it.

    Args:
        card: of the model.
        folder: of the results.
        factor: of all numbers that shrink as classes collapse.
        steps: that the training logged.
    """
    result = made(card, factor=factor, steps=steps)
    write_result(folder / f"collapse-{card.name}.json", KIND, to_plain(result))
    return result


def made(card: ModelCard, *, factor: float = 1.0, steps: tuple[int, ...] = ()) -> CollapseResult:
    """A result for a model; arguments are those of ``stored``."""
    classes = {
        task.name: ClassTask(task.title, {place: class_place(task, place, factor) for place in PLACES})
        for task in card.tasks if task.kind == "classes"
    }  # fmt: skip
    regression = {
        task.name: RegressionTask(
            task.title, DIMENSIONS[task.name],
            {place: regression_place(DIMENSIONS[task.name], place, factor) for place in PLACES},
        )
        for task in card.tasks if task.name in DIMENSIONS
    }  # fmt: skip
    return CollapseResult(
        model=card.name, title=card.title, weights_sha256=card.weights_sha256, trained=card.trained, data="rooms:val",
        images=300, input_size=card.input_size, device="cpu", processes=1, versions={"mtlviz": "1", "torch": "2"},
        protocol=Protocol(), classes=classes, regression=regression,
        trajectory=tuple(logged(step, classes) for step in steps),
    )  # fmt: skip


def class_place(task: Task, place: str, factor: float) -> ClassPlace:
    """Class-balanced NC1 is 5 at the encoder and 1 at the decoder, pixel-weighted numbers are half as large."""
    size = factor * (len(PLACES) - PLACES.index(place))
    statistics = {}
    for key, one in STATISTICS.items():
        if one.family != "nrc" and (not one.places or place in one.places):
            value = 1 / (1 + size) if one.collapsed == 1 else size
            statistics[key] = Weighted(estimate(value, one.banded), estimate(value / 2, one.banded))
    return ClassPlace(
        width=8, grid=(16, 20), positions=COUNT, present=tuple(range(len(SHARES))), statistics=statistics,
        classes=tuple(class_row(label, name, factor) for label, name in enumerate(task.class_names)),
        gram=tuple(tuple(1.0 if i == j else -1 / 3 for j in range(4)) for i in range(4)),
    )  # fmt: skip


def class_row(label: int, name: str, factor: float) -> ClassRow:
    """The rarer a class, the wider; variances are 1, 2, 3, 4."""
    if label >= len(SHARES):
        count = 100 if label == len(SHARES) else 0
        return ClassRow(label, name, count // 20, count / 20 / COUNT)
    variance = factor * (label + 1)
    return ClassRow(
        label, name, int(COUNT * SHARES[label]), SHARES[label], 1.0, variance, variance / 2, 10.0 * (label + 1),
        0.9 - 0.1 * label, 0.8 - 0.1 * label, 0.7 - 0.1 * label,
    )  # fmt: skip


def regression_place(dimension: int, place: str, factor: float) -> RegressionPlace:
    """NRC1 is 0.5 at the encoder and 0.1 at the decoder."""
    statistics = {"nrc1": Estimate(factor * 0.1 * (len(PLACES) - PLACES.index(place)))}
    if place == "decoder":
        statistics |= {"nrc2": Estimate(0.2 * factor)} | ({"nrc3": Estimate(0.3 * factor)} if dimension > 1 else {})
    return RegressionPlace(8, (16, 20), COUNT, statistics, (0.5, 0.25, 0.125, 0.0625))


def logged(step: int, classes: dict[str, ClassTask]) -> LogEntry:
    """What a training logs; numbers are those of the result, over the step counted from 1."""
    statistics = {
        task: {
            place: {
                key: {"balanced": (one.balanced.value or 0) / (1 + step), "pixel": (one.pixel.value or 0) / (1 + step)}
                for key, one in there.statistics.items()
            }
            for place, there in found.places.items()
        }
        for task, found in classes.items()
    }
    return LogEntry(step, step * 16, 50, statistics)


def estimate(value: float, banded: bool) -> Estimate:
    """A number with a band of a tenth on either side."""
    return Estimate(value, 0.9 * value, 1.1 * value) if banded else Estimate(value)


def chart(at: AppTest, key: str) -> dict:
    """The figure of a key."""
    index = next(i for i, one in enumerate(at.get("plotly_chart")) if one.proto.id.endswith(f"-{key}"))
    return spec(at, index)


def keys(at: AppTest) -> list[str]:
    """Keys of all figures."""
    return [one.proto.id.rsplit("-", 1)[-1] for one in at.get("plotly_chart")]


def heights(at: AppTest, key: str) -> list[list[float]]:
    """What a figure shows on its y axis, a list a model."""
    return [trace["y"] for trace in chart(at, key)["data"]]
