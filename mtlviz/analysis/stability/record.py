"""One model over a set of images: its numbers image by image, before and after every change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.scores import image_score
from mtlviz.analysis.stability.comparison import Clean, clean_selection, compare_change, mean_of_known
from mtlviz.analysis.stability.names import PAIRED, SCORE, clean_measures, paired_measures
from mtlviz.analysis.stability.overlap import overlap
from mtlviz.analysis.stability.perturbations import GRID, Perturbation
from mtlviz.analysis.stability.selection import Source
from mtlviz.analysis.stability.shares import ShareCounts
from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine
from mtlviz.errors import DataError

DRAWS = 4
"""Noisy copies of a network for each strength of weight noise; images take them in turn."""
ANOTHER = "another_image"
"""The control: what the slots of an image share with those of the image before, which shows another room."""

Row = dict[str, float]


@dataclass(frozen=True)
class ModelRecord:
    """A model over a set.

    Attributes:
        card: of the model.
        source: where the classes of the tokens come from.
        paired: by perturbation, and for ``ANOTHER``, then by measure ``(n,)``; NaN where an image has no value.
        clean: by measure ``(n,)``.
        tokens: ``(n, C)`` positions of each class.
        picks: ``(n, C)`` picks of each class.
        tasks: ``(n, T)`` picks of each task's tokens.
        class_names: C names; empty where no classes are known.
    """

    card: ModelCard
    source: Source
    paired: dict[str, dict[str, Float[np.ndarray, " n"]]]
    clean: dict[str, Float[np.ndarray, " n"]]
    tokens: Int[np.ndarray, "n C"]
    picks: Int[np.ndarray, "n C"]
    tasks: Int[np.ndarray, "n T"]
    class_names: tuple[str, ...]

    @property
    def images(self) -> int:
        """How many."""
        return len(self.tasks)


def model_record(
    engine: Engine,
    samples: Iterable[Sample],
    grid: Sequence[Perturbation] = GRID,
    *,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> ModelRecord:
    """Measure a model with slots over a set.

    Args:
        engine: of the model.
        samples: the images; with labels, classes come from them and predictions are scored.
        grid: changes to make.
        seed: of all draws.
        progress: called with the number of images done.

    Raises:
        DataError: if the set is empty.
        OptionError: if the model has no slots.
    """
    noisy = _noisy_copies(engine, grid, seed)
    tally = _Tally(engine.card)
    for number, sample in enumerate(samples):
        clean = clean_selection(engine, sample)
        changes = {
            one.key: compare_change(clean, noisy.get((one.key, number % DRAWS), engine), one, seed).numbers
            for one in grid
        }
        tally.add(clean, changes)
        if progress:
            progress(number + 1)
    return tally.record()


class _Tally:
    """The numbers of the images so far."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.paired: dict[str, list[Row]] = {}
        self.clean: list[Row] = []
        self.shares: list[ShareCounts] = []
        self.sources: set[Source] = set()
        self.last: Clean | None = None

    def add(self, clean: Clean, changes: Mapping[str, Row]) -> None:
        """One more image, as it is and by change."""
        for key, row in (*changes.items(), (ANOTHER, _another(self.last, clean))):
            self.paired.setdefault(key, []).append(row)
        self.clean.append({**clean.numbers, **_scores(clean)})
        self.shares.append(clean.shares)
        self.sources.add(clean.classes.source)
        self.last = clean

    def record(self) -> ModelRecord:
        """All of them.

        Raises:
            DataError: if there are none.
        """
        if self.last is None:
            raise DataError("The set holds no image; give one with at least one.")
        task = self.last.classes.task
        paired, clean = paired_measures(self.card.tasks), clean_measures(self.card.tasks)
        return ModelRecord(
            card=self.card,
            source=next(iter(self.sources)) if len(self.sources) == 1 else "prediction",
            paired={key: _columns(found, paired) for key, found in self.paired.items()},
            clean=_columns(self.clean, clean),
            tokens=np.stack([one.tokens for one in self.shares]),
            picks=np.stack([one.picks for one in self.shares]),
            tasks=np.stack([one.tasks for one in self.shares]),
            class_names=() if task is None else task.class_names,
        )


def _noisy_copies(engine: Engine, grid: Sequence[Perturbation], seed: int) -> dict[tuple[str, int], Engine]:
    """By change and draw a copy of the model with noise on its weights."""
    return {
        (one.key, draw): engine.with_noise(one.strength, seed * DRAWS + draw)
        for one in grid
        if one.about.weights
        for draw in range(DRAWS)
    }


def _another(first: Clean | None, second: Clean) -> Row:
    """What two different images have in common: how much overlap says nothing about the image."""
    if first is None:
        return {}
    found = vars(overlap(first.chosen, second.chosen))
    return {key: mean_of_known(found[key]) for key in PAIRED if key in found}


def _scores(clean: Clean) -> Row:
    run = clean.run
    return {
        f"{SCORE}{task.name}": image_score(run.prediction(task.name), run.sample).headline
        for task in run.card.tasks
        if task.name in run.sample.labels
    }


def _columns(rows: list[Row], keys: Iterable[str]) -> dict[str, Float[np.ndarray, " n"]]:
    return {key: np.array([row.get(key, np.nan) for row in rows], np.float64) for key in keys}
