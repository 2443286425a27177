"""Where results of the noise study over a set come from: files whose weights are the loaded ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from mtlviz.analysis.noise.summary import KIND
from mtlviz.analysis.stability.stored import Intervals, StoredInterval
from mtlviz.checkpoints import ModelCard
from mtlviz.errors import CheckpointError
from mtlviz.results import read_form
from mtlviz.ui import state
from mtlviz.ui.stored_results import SetProvenance, set_provenance, stored

Matrix = Sequence[Sequence[float | None]]


@dataclass(frozen=True)
class Experiment:
    """One kind of disturbance at one strength.

    Attributes:
        title: for a person.
        kind: ``noise``, ``swap``, ``distractors``, ``oracle`` or another.
        level: its place on a dose-response curve; 0 where it has none.
        oracle: what is worth reading, where reading is restricted; None elsewhere.
    """

    title: str
    kind: str
    level: float = 0.0
    oracle: str | None = None


@dataclass(frozen=True)
class About:
    """What a measure is, as the command wrote it."""

    title: str
    meaning: str
    formula: str = ""
    unit: str = ""
    same: float | None = None
    better: str = ""


@dataclass(frozen=True)
class CurvePoint:
    """Leaked mass with a part of what could be read; ``Interval``s over images, None where there is none.

    Attributes:
        fraction: of the places; None in the curve over tasks.
        tasks: that can be read; None in the curve over places.
        candidates: tokens that can be read.
        noise: mass on tokens of another class.
        outside: mass outside a fixed set of relevant tokens.
    """

    fraction: float | None = None
    tasks: int | None = None
    candidates: StoredInterval | None = None
    noise: StoredInterval | None = None
    outside: StoredInterval | None = None


@dataclass(frozen=True)
class TopP:
    """The fewest tokens that hold a share p of a row, as a share of its candidates and as a number."""

    p: float
    share: StoredInterval
    tokens: StoredInterval


@dataclass(frozen=True)
class LabelNoise:
    """What the readers of one label leak; None where no image has a number."""

    name: str
    noise: StoredInterval | None = None
    chance: StoredInterval | None = None
    relative: StoredInterval | None = None


@dataclass(frozen=True)
class StoredModel:
    """One model over the set.

    Attributes:
        name: of the checkpoint.
        title: for a person.
        weights_sha256: of its weights.
        tasks: in order.
        doses: by experiment, then by measure.
        by_task: one row an experiment and disturbed task: ``experiment``, ``task`` and intervals by measure.
        against_control: by oracle, then by measure, the experiment less its shuffled control.
        maps: by measure; empty for a model without rows of weights.
        left_out: experiments that its interaction cannot apply.
        curve: over shares of the places; empty without rows of weights, as those below.
        task_curve: over numbers of tasks.
        top_p: over shares of a row's mass.
        labels: by oracle.
    """

    name: str
    title: str
    weights_sha256: str
    tasks: tuple[str, ...]
    doses: Mapping[str, Intervals]
    by_task: tuple[Mapping[str, Any], ...] = ()
    against_control: Mapping[str, Intervals] | None = None
    maps: Intervals | None = None
    left_out: tuple[str, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    task_curve: tuple[CurvePoint, ...] = ()
    top_p: tuple[TopP, ...] = ()
    labels: Mapping[str, tuple[LabelNoise, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def disturbed(self, experiment: str, task: str | None) -> Intervals:
        """What an experiment on one task did; None takes the mean over the disturbed tasks.

        One that disturbs no task in particular did the same whatever the task; one on a task that the model does not
        have did nothing.
        """
        rows = [row for row in self.by_task if row.get("experiment") == experiment]
        if task is None or not rows:
            return self.doses.get(experiment, {})
        for row in rows:
            if row.get("task") == task:
                return _INTERVALS.validate_python({key: row[key] for key in row if key not in ("experiment", "task")})
        return {}


@dataclass(frozen=True)
class StoredNoise:
    """A result over a set.

    Attributes:
        images: n.
        data: what was looked at.
        seed: of the draws.
        protocol: one paragraph on what the numbers are.
        experiments: by key, in order.
        measures: by key, in order.
        models: in order.
        device: that computed.
        versions: of the libraries.
    """

    images: int
    data: str
    seed: int
    protocol: str
    experiments: Mapping[str, Experiment]
    measures: Mapping[str, About]
    models: tuple[StoredModel, ...]
    device: str = ""
    versions: Mapping[str, str] | None = None

    def of(self, card: ModelCard) -> StoredModel | None:
        """The model with a card's weights; None if it was not measured."""
        return next((model for model in self.models if model.weights_sha256 == card.weights_sha256), None)


@dataclass(frozen=True)
class Held:
    """A stored model whose weights are the loaded ones.

    Attributes:
        model: what was measured.
        card: of the loaded weights.
        place: 0 for A, 1 for B, then the others, whether or not those before it are stored; gives colour and marker.
    """

    model: StoredModel
    card: ModelCard
    place: int


_INTERVALS: TypeAdapter[dict[str, StoredInterval]] = TypeAdapter(dict[str, StoredInterval])


def find(cards: Sequence[ModelCard]) -> StoredNoise | None:
    """The stored result that holds most of these models, then of all that can be loaded, then most images.

    None where no stored result holds the weights of any model here.
    """
    best, most = None, (0, 0, 0)
    for one in stored(KIND, _read):
        count = sum(one.of(card) is not None for card in cards), len(held(one, cards)), one.images
        if count[1] and count > most:
            best, most = one, count
    return best


def held(found: StoredNoise, first: Iterable[ModelCard]) -> list[Held]:
    """Models of a result whose weights can be loaded here, ``first`` ones ahead of the others."""
    cards = list(first)
    for name in state.model_names():
        try:
            cards.append(state.card(name))
        except CheckpointError:
            continue
    unique = {card.weights_sha256: card for card in reversed(cards)}
    ordered = [unique[sha] for sha in dict.fromkeys(card.weights_sha256 for card in cards)]
    return [Held(model, card, place) for place, card in enumerate(ordered) if (model := found.of(card)) is not None]


def stamps(found: StoredNoise, shown: Iterable[Held]) -> list[SetProvenance]:
    """What made the numbers, one a model, for downloads."""
    return [
        set_provenance(one.card, f"{found.images} images of {found.data}", device=found.device, seed=found.seed,
                       versions=found.versions)
        for one in shown
    ]  # fmt: skip


def command(cards: Iterable[ModelCard]) -> str:
    """What measures these models over a set."""
    names = " ".join(dict.fromkeys(card.name for card in cards))
    return f"python -m mtlviz noise --checkpoints {names} --data rooms:val --limit 100 --out results/noise.json"


def _read(content: Mapping[str, Any]) -> StoredNoise:
    return read_form(StoredNoise, content, KIND)
