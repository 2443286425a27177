"""Results of ``stability`` read back from their files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtlviz.results import read_form


@dataclass(frozen=True)
class StoredInterval:
    """A mean over n images with its bootstrap interval; None where there is no number."""

    mean: float | None
    low: float | None
    high: float | None
    n: int


Intervals = Mapping[str, StoredInterval]
"""By measure."""


@dataclass(frozen=True)
class StoredClass:
    """One class over the set.

    Attributes:
        name: of the class.
        token_share: of all tokens with a class.
        pick_share: of all picks with a class.
        present: images in which a token has the class.
        picked: images in which a slot picked one.
    """

    name: str
    token_share: float | None
    pick_share: float | None
    present: int
    picked: int


@dataclass(frozen=True)
class StoredScore:
    """The score of a task over the whole set, beside that of a predictor that never looks."""

    headline: str
    metrics: Mapping[str, float | None]
    constant: Mapping[str, float | None]
    protocol: str


@dataclass(frozen=True)
class StoredModel:
    """One model.

    Attributes:
        name: of the checkpoint.
        title: for a person.
        weights_sha256: of its weights.
        classes_from: ``labels``, ``prediction`` or ``none``.
        stability: by change, then by measure.
        clean: by measure, of the images as they are.
        classes: one row a class.
        tasks: share of the picks by task.
        scores: by task, of the whole set.
    """

    name: str
    title: str
    weights_sha256: str
    classes_from: str
    stability: Mapping[str, Intervals]
    clean: Intervals
    classes: tuple[StoredClass, ...]
    tasks: Mapping[str, float | None]
    scores: Mapping[str, StoredScore]


@dataclass(frozen=True)
class StoredDifference:
    """``model`` less ``minus``, image by image."""

    model: str
    minus: str
    stability: Mapping[str, Intervals]
    clean: Intervals


@dataclass(frozen=True)
class StoredChange:
    """What was done to the images."""

    title: str
    explanation: str
    kind: str = ""
    strength: float | None = None
    quantity: str = ""


@dataclass(frozen=True)
class StoredStability:
    """A result over a set.

    Attributes:
        images: n.
        data: what was looked at, e.g. ``rooms:val``.
        seed: of the draws.
        protocol: one paragraph on what the numbers are.
        perturbations: by key, in order.
        models: in order.
        differences: of every other model to the first.
        device: that computed.
        versions: of the libraries.
    """

    images: int
    data: str
    seed: int
    protocol: str
    perturbations: Mapping[str, StoredChange]
    models: tuple[StoredModel, ...]
    differences: tuple[StoredDifference, ...]
    device: str
    versions: Mapping[str, str]

    def model(self, weights_sha256: str) -> StoredModel | None:
        """The model with these weights; None if it was not measured."""
        return next((model for model in self.models if model.weights_sha256 == weights_sha256), None)

    def difference(self, model: str, minus: str) -> StoredDifference | None:
        """What was measured of ``model`` less ``minus``, with the signs turned if it is stored the other way round."""
        for one in self.differences:
            if (one.model, one.minus) == (model, minus):
                return one
            if (one.model, one.minus) == (minus, model):
                turned = {change: _turned(intervals) for change, intervals in one.stability.items()}
                return StoredDifference(model, minus, turned, _turned(one.clean))
        return None


def from_plain(content: Mapping[str, Any]) -> StoredStability:
    """A result from what its JSON holds.

    Raises:
        DataError: if it is not one.
    """
    return read_form(StoredStability, content, "stability")


def _turned(intervals: Intervals) -> Intervals:
    return {
        key: StoredInterval(_minus(one.mean), _minus(one.high), _minus(one.low), one.n)
        for key, one in intervals.items()
    }


def _minus(value: float | None) -> float | None:
    return None if value is None else -value
