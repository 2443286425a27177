"""One model over a set of images: its map and the experiments on it, image by image."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from mtlviz.analysis.noise.curve import FRACTIONS, token_curve
from mtlviz.analysis.noise.doses import (
    FEATURES,
    RECORDED,
    Dose,
    Material,
    Places,
    Row,
    can_apply,
    dose_effects,
    dose_grid,
    features_of,
    task_features,
)
from mtlviz.analysis.noise.maps import MapNumbers, map_numbers
from mtlviz.analysis.noise.oracles import CLASSES, Labels, oracle_labels
from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine
from mtlviz.errors import DataError
from mtlviz.trace import AttentionTrace, RowTrace, SlotTrace

RANKED = 10
"""Images whose effective rank is computed: that of attention takes time with the cube of the tokens."""
SEEDS_APART = 100_000
"""Distance of the seeds of two studies, so that no image of one draws as an image of the other."""

Columns = dict[str, Float[np.ndarray, " n"]]


@runtime_checkable
class Samples(Protocol):
    """A data set: its length and any of its samples."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


@dataclass(frozen=True)
class ModelRecord:
    """A model over a set; NaN where an image has no value.

    Attributes:
        card: of the model.
        doses: the experiments that were made.
        left_out: those that its interaction cannot apply.
        effects: by experiment, then by measure ``(n,)``.
        maps: by measure ``(n,)``; empty where the model has no rows of weights.
        curve: by fraction of the places, then by measure ``(n,)``; empty likewise.
        classes: by class ``(n, 2)`` noise mass and chance of its readers.
        pairs: ``(n, T, T)`` noise mass of readers (rows) among what they read from each task (columns); all NaN
            likewise.
        sources: ``(n, T, T)`` share of what they read that comes from each task.
        images: n.
    """

    card: ModelCard
    doses: tuple[Dose, ...]
    left_out: tuple[Dose, ...]
    effects: dict[str, Columns]
    maps: Columns
    curve: dict[float, Columns]
    classes: dict[int, Float[np.ndarray, "n 2"]]
    pairs: Float[np.ndarray, "n T T"]
    sources: Float[np.ndarray, "n T T"]
    images: int

    def grouped(self) -> dict[str, Columns]:
        """Experiments that differ in the disturbed task alone, taken together: means over these tasks."""
        groups: dict[str, list[Columns]] = {}
        for dose in self.doses:
            groups.setdefault(dose.group, []).append(self.effects[dose.key])
        return {group: _mean_columns(found) for group, found in groups.items()}


def model_record(
    engine: Engine, samples: Samples, *, seed: int = 0, progress: Callable[[int], None] | None = None
) -> ModelRecord:
    """Measure a model over a set.

    Args:
        engine: of the model.
        samples: the images; oracles and metrics come from their labels. Features that are swapped in are those of
            the image before, for the first image those of the last.
        seed: of all draws.
        progress: called with the number of images done.

    Raises:
        DataError: if the set is empty.
    """
    if not len(samples):
        raise DataError("The set holds no image; give one with at least one.")
    grid = dose_grid(engine.card.tasks)
    doses = tuple(dose for dose in grid if can_apply(engine, dose))
    tally = _Tally()
    others = _other_features(engine, samples)
    # Several BLAS threads spin against whatever else runs, and the matrices are too small to gain from them.
    with threadpool_limits(1, user_api="blas"):
        for number in range(len(samples)):
            clean = engine.run(samples[number], capture=RECORDED)
            own, labels = features_of(clean), oracle_labels(clean)
            material = Material(seed * SEEDS_APART + number, own.layout.tokens, others, labels)
            tally.effects.append(dose_effects(engine, clean, doses, material))
            trace = clean.trace.interaction
            if isinstance(trace, SlotTrace | AttentionTrace):
                tally.add_map(trace, labels, material.seed)
            others = task_features(own)
            if progress:
                progress(number + 1)
    return tally.record(engine.card, doses, tuple(dose for dose in grid if dose not in doses))


class _Tally:
    """The numbers of the images so far."""

    def __init__(self) -> None:
        self.effects: list[dict[str, Row]] = []
        self.maps: list[MapNumbers] = []
        self.curves: list[dict[float, Row]] = []

    def add_map(self, trace: RowTrace, labels: Labels, seed: int) -> None:
        """The map of one more image."""
        self.maps.append(map_numbers(trace, labels, rank=len(self.maps) < RANKED))
        points = token_curve(trace, labels[CLASSES], seed) if CLASSES in labels else []
        self.curves.append({fraction: asdict(point) for fraction, point in zip(FRACTIONS, points, strict=False)})

    def record(self, card: ModelCard, doses: tuple[Dose, ...], left_out: tuple[Dose, ...]) -> ModelRecord:
        """All of them."""
        shape = (len(self.effects), len(card.tasks), len(card.tasks))
        labels = sorted({label for one in self.maps for label in one.classes})
        nothing = (float("nan"), float("nan"))
        return ModelRecord(
            card=card,
            doses=doses,
            left_out=left_out,
            effects={dose.key: _columns([one.get(dose.key, {}) for one in self.effects]) for dose in doses},
            maps=_columns([one.numbers for one in self.maps]),
            curve={part: _columns([one.get(part, {}) for one in self.curves]) for part in _parts(self.curves)},
            classes={label: np.array([one.classes.get(label, nothing) for one in self.maps]) for label in labels},
            pairs=np.array([one.pairs for one in self.maps] or np.full(shape, np.nan)),
            sources=np.array([one.sources for one in self.maps] or np.full(shape, np.nan)),
            images=len(self.effects),
        )


def _other_features(engine: Engine, samples: Samples) -> dict[str, Places]:
    """Features of the last image, for the first; empty if there is one image only."""
    if len(samples) < 2:
        return {}
    return task_features(features_of(engine.run(samples[len(samples) - 1], capture=FEATURES)))


def _parts(curves: Iterable[Mapping[float, Row]]) -> list[float]:
    return sorted({part for one in curves for part in one})


def _columns(rows: list[Row]) -> Columns:
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: np.array([row.get(key, np.nan) for row in rows], np.float64) for key in keys}


def _mean_columns(found: list[Columns]) -> Columns:
    keys = dict.fromkeys(key for columns in found for key in columns)
    return dict(_means(found, keys))


def _means(found: list[Columns], keys: Iterable[str]) -> Iterator[tuple[str, Float[np.ndarray, " n"]]]:
    for key in keys:
        values = np.stack([columns[key] for columns in found if key in columns])  # (tasks, n)
        known = np.isfinite(values)
        total = np.where(known, values, 0.0).sum(0)
        yield key, np.divide(total, known.sum(0), out=np.full(values.shape[1], np.nan), where=known.any(0))
