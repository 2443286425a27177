"""Costs of a model."""

from types import SimpleNamespace

import numpy as np
import pytest

from mtlviz.analysis.cost import PARTS, measure_latency, part_costs
from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine
from mtlviz.models.multitask import NetworkConfig
from mtlviz.tasks import TASKS

SAMPLE = Sample(np.zeros((8, 8, 3), np.uint8), "black")


class Stopwatch(Engine):
    """An engine whose first run is slow and whose others take what they are told."""

    def __init__(self, *seconds: float) -> None:
        self.device = "cpu"
        self.seconds = [100.0, *seconds]
        self.captures: list[object] = []

    def run(self, sample: Sample, *, capture: object) -> SimpleNamespace:  # type: ignore[override]
        self.captures.append(capture)
        return SimpleNamespace(seconds=self.seconds[len(self.captures) - 1])


def test_latency_is_the_median_of_bare_runs_without_the_first() -> None:
    first, second = Stopwatch(1, 9, 2), Stopwatch(4, 4, 4)
    latencies = measure_latency([first, second], SAMPLE, runs=3)
    assert [latency.median for latency in latencies] == [2, 4]
    assert (latencies[0].low, latencies[0].high, latencies[0].runs) == (1.5, 5.5, 3)
    assert first.captures == [None] * 4
    with pytest.raises(ValueError, match="at least 1"):
        measure_latency([first], SAMPLE, runs=0)


def test_part_costs_come_from_the_card_and_may_be_unknown() -> None:
    card = ModelCard(
        name="x", title="x", summary="x", trained="random", architecture=NetworkConfig(), input_size=(32, 32),
        token_grid=(4, 4), tasks=(TASKS["semseg"], TASKS["depth"]),
        parameters={"encoder": 3, "total": 3}, operations={"total": 5},
    )  # fmt: skip
    costs = {cost.part: cost for cost in part_costs(card)}
    assert tuple(costs) == PARTS
    assert (costs["total"].parameters, costs["total"].operations) == (3, 5)
    assert costs["interaction"].parameters is None
