"""The routing over a set of images: mean and spread of every number, one image at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.routing import SlotRouting, slot_routing
from mtlviz.analysis.routing_numbers import IMAGE_NUMBERS
from mtlviz.trace import SlotTrace


@dataclass(frozen=True)
class Moments:
    """Mean and spread of an array over images, accumulated without keeping the images (Chan et al., 1979).

    Attributes:
        count: n, images so far.
        mean: mean over images.
        squares: sum over images of squared distances to the mean.
    """

    count: int
    mean: Float[np.ndarray, "..."]
    squares: Float[np.ndarray, "..."]

    @property
    def spread(self) -> Float[np.ndarray, "..."]:
        """Standard deviation between images (n - 1 in the denominator); NaN for a single image."""
        if self.count < 2:
            return np.full_like(self.mean, np.nan)
        return np.asarray(np.sqrt(self.squares / (self.count - 1)))

    def merge(self, other: "Moments") -> "Moments":
        """Moments of both sets together."""
        count = self.count + other.count
        shift = other.mean - self.mean
        mean = self.mean + shift * (other.count / count)
        squares = self.squares + other.squares + shift**2 * (self.count * other.count / count)
        return Moments(count, np.asarray(mean), np.asarray(squares))


@dataclass(frozen=True)
class RoutingSummary:
    """Routing over a set of images; every image weighs the same.

    Attributes:
        tasks: names in token order.
        numbers: by key of ``IMAGE_NUMBERS``.
        occupancy: ``(L,)``.
        won: ``(L,)``.
        dead: ``(L,)``; its mean is the share of images in which the slot is dead.
        twins: ``(L, L)``; its mean is the share of images in which two slots are twins.
        writers: ``(L, T)``.
        readers: ``(L, T)``.
    """

    tasks: tuple[str, ...]
    numbers: Mapping[str, Moments]
    occupancy: Moments
    won: Moments
    dead: Moments
    twins: Moments
    writers: Moments
    readers: Moments

    @property
    def count(self) -> int:
        """n, the number of images."""
        return self.occupancy.count

    @property
    def slots(self) -> int:
        """L."""
        return len(self.occupancy.mean)

    def merge(self, other: "RoutingSummary") -> "RoutingSummary":
        """The summary of both sets.

        Raises:
            ValueError: if the two are of models with other tasks or another number of slots.
        """
        if (self.tasks, self.slots) != (other.tasks, other.slots):
            raise ValueError(
                f"cannot pool {self.slots} slots of tasks {', '.join(self.tasks)} with {other.slots} "
                f"slots of tasks {', '.join(other.tasks)}; pool images of one model only"
            )
        return RoutingSummary(
            self.tasks,
            {key: moments.merge(other.numbers[key]) for key, moments in self.numbers.items()},
            self.occupancy.merge(other.occupancy),
            self.won.merge(other.won),
            self.dead.merge(other.dead),
            self.twins.merge(other.twins),
            self.writers.merge(other.writers),
            self.readers.merge(other.readers),
        )


def summary_of_one(routing: SlotRouting) -> RoutingSummary:
    """The summary of a set that holds one image; merge these to pool more."""
    return RoutingSummary(
        routing.exchange.tasks,
        {key: _one(value) for key, value in routing.numbers.items()},
        _one(routing.occupancy),
        _one(routing.won),
        _one(routing.dead),
        _one(routing.likeness.twins),
        _one(routing.exchange.writers),
        _one(routing.exchange.readers),
    )


def routing_summary(traces: Iterable[SlotTrace]) -> RoutingSummary:
    """Pool a set of images of one model, one at a time.

    Raises:
        ValueError: if the set is empty or mixes models.
    """
    ones = (summary_of_one(slot_routing(trace)) for trace in traces)
    first = next(ones, None)
    if first is None:
        raise ValueError("the set is empty; a summary needs at least one image")
    return reduce(RoutingSummary.merge, ones, first)


def summary_statistics(summary: RoutingSummary) -> dict[str, object]:
    """The summary as plain JSON; a spread is null where n is 1."""
    return {
        "images": summary.count,
        "tasks": list(summary.tasks),
        "slots": summary.slots,
        "numbers": {
            key: {
                "mean": float(moments.mean),
                "spread": None if moments.count < 2 else float(moments.spread),
                "definition": IMAGE_NUMBERS[key].definition,
            }
            for key, moments in summary.numbers.items()
        },
        "per_slot": [
            {
                "slot": slot,
                "occupancy": float(summary.occupancy.mean[slot]),
                "occupancy_spread": None if summary.count < 2 else float(summary.occupancy.spread[slot]),
                "dead_share": float(summary.dead.mean[slot]),
                "won": float(summary.won.mean[slot]),
                "writers": dict(zip(summary.tasks, summary.writers.mean[slot].tolist(), strict=True)),
                "readers": dict(zip(summary.tasks, summary.readers.mean[slot].tolist(), strict=True)),
            }
            for slot in range(summary.slots)
        ],
    }


def _one(value: object) -> Moments:
    mean = np.asarray(value, np.float64)
    return Moments(1, mean, np.zeros_like(mean))
