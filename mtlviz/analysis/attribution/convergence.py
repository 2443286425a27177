"""Do the contributions of Integrated Gradients add up, on many images and with picks held and free?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mtlviz.analysis.attribution.explain import Attribution, check_method, explain
from mtlviz.analysis.attribution.request import INTEGRATED, Request
from mtlviz.analysis.attribution.targets import Target
from mtlviz.analysis.noise.record import Samples
from mtlviz.checkpoints import ModelCard
from mtlviz.engine import Engine
from mtlviz.errors import DataError
from mtlviz.results import read_form

KIND = "attribution"
"""Kind of these results among the files of ``mtlviz.results``, and the command's name."""
GOOD = 0.05
"""Relative convergence delta up to which the contributions count as adding up."""
PLACES = {"image": "a task over the image", "pixel": "a task at the middle pixel"}
"""Kinds of targets with what they are."""


@dataclass(frozen=True)
class Gap:
    """How far the contributions of one target miss f(x) - f(b).

    Attributes:
        image: number of the image in the set.
        task: of the target.
        where: of ``PLACES``.
        delta: size of what is missing over the size of f(x) - f(b), with the picks held; None where both are equal.
        free: the same with picks that may change; None also where nothing is picked.
        missing: size of what is missing over the sizes of all contributions, with the picks held: where f(x) and f(b)
            are nearly equal, ``delta`` may be large although next to nothing is missing.
        steps: gradients on the path.
    """

    image: int
    task: str
    where: str
    delta: float | None
    free: float | None
    missing: float | None
    steps: int


@dataclass(frozen=True)
class StoredModel:
    """One model; its card's name, title and weights, and every target."""

    name: str
    title: str
    weights_sha256: str
    gaps: tuple[Gap, ...]

    def of(self, where: str) -> tuple[Gap, ...]:
        """The targets of one kind."""
        return tuple(gap for gap in self.gaps if gap.where == where)


@dataclass(frozen=True)
class StoredConvergence:
    """A result of the command.

    Attributes:
        images: n.
        data: which images.
        protocol: what the numbers are.
        device: that it ran on.
        versions: of the libraries.
        models: in the order of the command.
    """

    images: int
    data: str
    protocol: str
    device: str
    versions: Mapping[str, str]
    models: tuple[StoredModel, ...]


@dataclass(frozen=True)
class Spread:
    """Deltas of several targets: how many there are, how many add up, their median and their largest."""

    count: int
    good: int
    median: float
    largest: float


def convergence(engine: Engine, samples: Samples, *, progress: Callable[[int], None] | None = None) -> tuple[Gap, ...]:
    """Explain every task over the image, and one task in turn at the middle pixel, by the default request.

    Args:
        engine: of the model.
        samples: the images; their labels are not looked at.
        progress: called with the number of images done.

    Raises:
        CapabilityError: if gradients do not reach the image.
        DataError: if the set is empty.
    """
    check_method(engine.card, INTEGRATED)
    if not len(samples):
        raise DataError("The set holds no image; give one with at least one.")
    found: list[Gap] = []
    for number in range(len(samples)):
        for target in _targets(engine.card, number):
            found += _gaps(number, target, explain(engine, samples[number], Request(target, INTEGRATED), tested=False))
        if progress:
            progress(number + 1)
    return tuple(found)


def spread(deltas: Sequence[float | None]) -> Spread | None:
    """What several deltas have in common; None without any."""
    known = [delta for delta in deltas if delta is not None]
    if not known:
        return None
    return Spread(len(known), sum(delta <= GOOD for delta in known), float(np.median(known)), max(known))


def as_plain(card: ModelCard, gaps: Sequence[Gap]) -> dict[str, Any]:
    """One model as JSON holds it."""
    return {"name": card.name, "title": card.title, "weights_sha256": card.weights_sha256,
            "gaps": [asdict(gap) for gap in gaps]}  # fmt: skip


def from_plain(content: Mapping[str, Any]) -> StoredConvergence:
    """A result from what its JSON holds.

    Raises:
        DataError: if it is not one.
    """
    return read_form(StoredConvergence, content, KIND)


def protocol() -> str:
    """One paragraph that says exactly what the numbers are."""
    steps = Request(Target("")).steps
    return (
        "Integrated Gradients of the image against its blurred copy, for the mean of every task's prediction over the "
        "image and, of one task an image in turn, for the prediction at the middle pixel: the logit of the predicted "
        "class, metres, the lean of the surface towards the camera. The delta is the size of sum of the contributions "
        f"minus f(x) − f(b), over |f(x) − f(b)|, with at most {steps} gradients on the path. Held: the tokens that "
        "slots, or sparse attention, pick on the image are picked along the whole path. Free: they may change, on the "
        "same segments of the path."
    )


def _targets(card: ModelCard, number: int) -> Iterator[Target]:
    middle = (card.token_grid[0] // 2, card.token_grid[1] // 2)
    yield from (Target(task.name, "image") for task in card.tasks)
    yield Target(card.tasks[number % len(card.tasks)].name, "pixel", middle)


def _gaps(number: int, target: Target, explained: Attribution) -> Iterator[Gap]:
    if (path := explained.path) is not None:
        sizes = float(np.abs(explained.scores).sum())
        missing = path.delta * abs(path.difference) / sizes if sizes else None
        values = (path.delta, path.free, missing)
        delta, free, share = (None if value is None or not np.isfinite(value) else value for value in values)
        yield Gap(number, target.task, target.where, delta, free, share, path.steps)
