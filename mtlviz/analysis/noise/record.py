"""One model over a set of images: its map and the experiments on it, image by image."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from mtlviz.analysis.noise.curve import FRACTIONS, task_curve, token_curve
from mtlviz.analysis.noise.diffusion_map import diffusion_numbers
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
from mtlviz.analysis.noise.oracles import CLASSES, Labels, label_names, oracle_labels
from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.engine import Engine, Run
from mtlviz.errors import DataError
from mtlviz.trace import INTERACTION, AffinityTrace, AttentionTrace, RowTrace, SlotTrace

RANKED = 10
"""Images whose effective rank is computed: that of attention takes time with the cube of the tokens."""
SEEDS_APART = 100_000
"""Distance of the seeds of two studies, so that no image of one draws as an image of the other."""

Columns = dict[str, Float[np.ndarray, " n"]]
Named = dict[str, dict[str, tuple[float, ...]]]


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
        maps: by measure ``(n,)``; empty where the model has no weights between tokens.
        curve: by fraction of the places, then by measure ``(n,)``; empty where it has no rows of weights.
        task_curve: by number of tasks that can be read, then by measure ``(n,)``; empty likewise.
        top_p: by share of a row's mass, then ``tokens`` and ``share`` ``(n,)``; empty likewise.
        labels: by oracle, then by name of the label ``(n, 2)`` noise mass and chance of its readers, means over the
            labels of an image that have the name.
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
    task_curve: dict[float, Columns]
    top_p: dict[float, Columns]
    labels: dict[str, dict[str, Float[np.ndarray, "n 2"]]]
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
    engine: Engine,
    samples: Samples,
    experiments: Sequence[Dose] | None = None,
    *,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> ModelRecord:
    """Measure a model over a set.

    Args:
        engine: of the model.
        samples: the images; oracles and metrics come from their labels. Features that are swapped in are those of
            the image before, for the first image those of the last.
        experiments: to make, all of them if None; those that the model cannot apply are left out.
        seed: of all draws.
        progress: called with the number of images done.

    Raises:
        DataError: if the set is empty.
    """
    if not len(samples):
        raise DataError("The set holds no image; give one with at least one.")
    grid = dose_grid(engine.card.tasks) if experiments is None else tuple(experiments)
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
            tally.add_map(engine, clean, labels, material.seed)
            others = task_features(own)
            if progress:
                progress(number + 1)
    return tally.record(engine.card, doses, tuple(dose for dose in grid if dose not in doses))


class _Tally:
    """The numbers of the images so far."""

    def __init__(self) -> None:
        self.effects: list[dict[str, Row]] = []
        self.maps: list[MapNumbers] = []
        self.numbers: list[Row] = []
        self.labels: list[Named] = []
        self.top_p: list[dict[float, Row]] = []
        self.curves: list[dict[float, Row]] = []
        self.task_curves: list[dict[float, Row]] = []

    def add_map(self, engine: Engine, clean: Run, labels: Labels, seed: int) -> None:
        """The map of one more image, if it has one."""
        trace = clean.trace.interaction
        if isinstance(trace, AffinityTrace):
            self.numbers.append(diffusion_numbers(trace, labels))
        if not isinstance(trace, SlotTrace | AttentionTrace):
            return
        found = map_numbers(trace, labels, rank=len(self.maps) < RANKED, features=clean.trace.features)
        self.maps.append(found)
        self.numbers.append(found.numbers)
        self.labels.append(_named(found, label_names(clean, labels)))
        self.top_p.append({part: {"tokens": one, "share": share} for part, (one, share) in found.top_p.items()})
        if CLASSES not in labels:
            return
        points = token_curve(trace, labels[CLASSES], seed)
        self.curves.append({part: asdict(point) for part, point in zip(FRACTIONS, points, strict=True)})

        def without(tasks: tuple[str, ...]) -> RowTrace:
            edit = Edit(silenced=tasks) if tasks else None
            silent = engine.run(clean.sample, capture=INTERACTION, edit=edit).trace.interaction
            if not isinstance(silent, SlotTrace | AttentionTrace):
                raise TypeError("a silenced task changed the kind of the interaction")
            return silent

        by_tasks = task_curve(without, labels[CLASSES], seed)
        self.task_curves.append({float(count): asdict(point) for count, point in by_tasks.items()})

    def record(self, card: ModelCard, doses: tuple[Dose, ...], left_out: tuple[Dose, ...]) -> ModelRecord:
        """All of them."""
        shape = (len(self.effects), len(card.tasks), len(card.tasks))
        return ModelRecord(
            card=card,
            doses=doses,
            left_out=left_out,
            effects={dose.key: _columns([one.get(dose.key, {}) for one in self.effects]) for dose in doses},
            maps=_columns(self.numbers),
            curve=_by_part(self.curves),
            task_curve=_by_part(self.task_curves),
            top_p=_by_part(self.top_p),
            labels=_by_name(self.labels),
            pairs=np.array([one.pairs for one in self.maps] or np.full(shape, np.nan)),
            sources=np.array([one.sources for one in self.maps] or np.full(shape, np.nan)),
            images=len(self.effects),
        )


def _named(found: MapNumbers, names: Mapping[str, Mapping[int, str]]) -> Named:
    """By oracle and name of the label the means over the labels of that name."""
    grouped: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for oracle, by_label in found.labels.items():
        for label, pair in by_label.items():
            grouped.setdefault(oracle, {}).setdefault(names[oracle][label], []).append(pair)
    return {
        oracle: {name: tuple(np.mean(pairs, 0).tolist()) for name, pairs in named.items()}
        for oracle, named in grouped.items()
    }


def _by_name(images: list[Named]) -> dict[str, dict[str, Float[np.ndarray, "n 2"]]]:
    """The same with one row an image, NaN where it has none of the name."""
    nothing = (float("nan"), float("nan"))
    oracles = dict.fromkeys(oracle for one in images for oracle in one)
    found = {}
    for oracle in oracles:
        known = dict.fromkeys(name for one in images for name in one.get(oracle, {}))
        found[oracle] = {name: np.array([one.get(oracle, {}).get(name, nothing) for one in images]) for name in known}
    return found


def _other_features(engine: Engine, samples: Samples) -> dict[str, Places]:
    """Features of the last image, for the first; empty if there is one image only."""
    if len(samples) < 2:
        return {}
    return task_features(features_of(engine.run(samples[len(samples) - 1], capture=FEATURES)))


def _by_part(curves: list[dict[float, Row]]) -> dict[float, Columns]:
    """By part of a curve the columns of its measures."""
    parts = sorted({part for one in curves for part in one})
    return {part: _columns([one.get(part, {}) for one in curves]) for part in parts}


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
