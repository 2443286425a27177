"""What does a model cost: parameters, multiply-accumulates, and seconds on the machine at hand?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine

PARTS = ("encoder", "task_encoders", "interaction", "decoders", "initial", "total")
"""Parts of a network as its card counts them, in the order of the data's way; ``initial`` works in training."""


@dataclass(frozen=True)
class PartCost:
    """What one part of a network costs; None where the card does not say.

    Attributes:
        part: one of ``PARTS``.
        parameters: how many.
        operations: multiply-accumulates for one image at the model's input size.
    """

    part: str
    parameters: int | None
    operations: int | None


@dataclass(frozen=True)
class Latency:
    """Seconds of a forward pass, without decoding the image, on this machine.

    Attributes:
        median: of all runs.
        low: 25th percentile.
        high: 75th percentile.
        runs: n, the warm-up not counted.
        device: it ran on.
    """

    median: float
    low: float
    high: float
    runs: int
    device: str


def part_costs(card: ModelCard) -> tuple[PartCost, ...]:
    """Cost of every part of a network, as counted when its card was written."""
    return tuple(PartCost(part, card.parameters.get(part), card.operations.get(part)) for part in PARTS)


def measure_latency(engines: Sequence[Engine], sample: Sample, runs: int = 9) -> tuple[Latency, ...]:
    """Latency of each engine; they take turns, so that a busy machine slows them alike.

    Args:
        engines: the models.
        sample: the image.
        runs: of each engine, after one to warm up.

    Raises:
        ValueError: for less than one run.
    """
    if runs < 1:
        raise ValueError(f"{runs} runs; at least 1 is needed")
    seconds = np.array([[engine.run(sample, capture=None).seconds for engine in engines] for _ in range(runs + 1)])
    low, median, high = np.percentile(seconds[1:], (25, 50, 75), axis=0)
    return tuple(
        Latency(float(median[i]), float(low[i]), float(high[i]), runs, engine.device)
        for i, engine in enumerate(engines)
    )
