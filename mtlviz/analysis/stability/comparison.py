"""One image before and after a change: what the slots picked and hold, and what became of the predictions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.picks import pick_coverage
from mtlviz.analysis.stability.changes import prediction_changes
from mtlviz.analysis.stability.names import CHANGE, CLEAN, PAIRED
from mtlviz.analysis.stability.overlap import Overlap, overlap
from mtlviz.analysis.stability.perturbations import Perturbation, as_seen, perturbed
from mtlviz.analysis.stability.selection import (
    RECORDED,
    Selection,
    TokenClasses,
    classes_of,
    selection,
    slots_of,
)
from mtlviz.analysis.stability.shares import (
    ShareCounts,
    equal_access_gini,
    proportional_gini,
    rare_recall,
    share_counts,
    task_gini,
)
from mtlviz.analysis.stability.windows import OUTSIDE, TokenMap, Window, token_map
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine, Run


@dataclass(frozen=True, eq=False)
class Clean:
    """A model on an image as it is.

    Attributes:
        run: with features recorded.
        classes: of the tokens.
        chosen: what the slots picked and hold.
        shares: picks and tokens by class and task.
    """

    run: Run
    classes: TokenClasses
    chosen: Selection
    shares: ShareCounts

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers of ``CLEAN``, same keys and order."""
        picks, tokens = self.shares.picks, self.shares.tokens
        values = {
            "rare_recall": rare_recall(picks, tokens),
            "proportional_gini": proportional_gini(picks, tokens),
            "equal_access_gini": equal_access_gini(picks, tokens),
            "task_gini": task_gini(self.shares.tasks),
            "coverage": pick_coverage(slots_of(self.run)),
        }
        return {key: values[key] for key in CLEAN}


@dataclass(frozen=True, eq=False)
class Comparison:
    """A model on an image as it is and on a changed copy, or a changed model on the image.

    Attributes:
        clean: before.
        changed: after.
        tokens: which tokens of the copy lie on which of the original.
        before: what the slots picked, as far as the copy shows it.
        after: what they picked in the copy, named by tokens of the original.
        overlap: of the two, slot by slot.
        changes: by task what became of the prediction, see ``prediction_changes``.
    """

    clean: Clean
    changed: Run
    tokens: TokenMap
    before: Selection
    after: Selection
    overlap: Overlap
    changes: Mapping[str, float]

    @property
    def by_slot(self) -> dict[str, Float[np.ndarray, " L"]]:
        """The numbers of ``PAIRED`` for every slot, same keys and order."""
        values = {**vars(self.overlap), "margin": self.after.margin, "relative_margin": self.after.relative_margin}
        return {key: values[key] for key in PAIRED}

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers of ``PAIRED``, each a mean over the slots that have one, and the changes of the predictions."""
        means = {key: mean_of_known(values) for key, values in self.by_slot.items()}
        return {**means, **{f"{CHANGE}{task}": value for task, value in self.changes.items()}}


def clean_selection(engine: Engine, sample: Sample) -> Clean:
    """Run a model on an image as it is.

    Args:
        engine: of a model with slots.
        sample: of any size; it is brought to the resolution at which the model sees it.

    Raises:
        OptionError: if the model has no slots.
    """
    return read_clean(engine.run(as_seen(sample, engine.card.input_size), capture=RECORDED))


def read_clean(run: Run) -> Clean:
    """What a run on an image, as a network sees it, says.

    Raises:
        OptionError: if the model has no slots.
    """
    trace, classes = slots_of(run), classes_of(run)
    chosen = selection(run, classes, whole_map(run))
    count = 0 if classes.task is None else classes.task.channels
    tasks, per_task = len(trace.layout.tasks), trace.layout.tokens_per_task
    return Clean(run, classes, chosen, share_counts(chosen, classes.classes, count, tasks, per_task))


def change_view(clean: Clean, perturbation: Perturbation, seed: int) -> tuple[Sample, Window]:
    """The changed copy of the image of a run, and what it shows of it."""
    card, sample = clean.run.card, clean.run.sample
    token = (card.input_size[0] // card.token_grid[0], card.input_size[1] // card.token_grid[1])
    view = perturbed(sample, perturbation, seed, token)
    return view.sample, view.window


def compare_change(clean: Clean, engine: Engine, perturbation: Perturbation, seed: int) -> Comparison:
    """Change the image a little and see what the model picks now.

    Args:
        clean: the model on the image as it is.
        engine: the model; for noise on weights the one that got the noise (``Engine.with_noise``).
        perturbation: what to do.
        seed: of the draw.
    """
    sample, window = change_view(clean, perturbation, seed)
    return compare(clean, engine.run(sample, capture=RECORDED), window)


def compare(clean: Clean, changed: Run, window: Window) -> Comparison:
    """Compare a run with one on a changed copy.

    Args:
        clean: before.
        changed: after, on a copy of the same size, with features recorded.
        window: what the copy shows.
    """
    tokens = token_map(window, clean.run.letterbox, clean.run.card.token_grid)
    kept = np.where(tokens.common, np.arange(len(tokens.common)), OUTSIDE)
    before = selection(clean.run, clean.classes, TokenMap(kept, tokens.common))
    after = selection(changed, clean.classes, tokens)
    changes = prediction_changes(clean.run, changed, window)
    return Comparison(clean, changed, tokens, before, after, overlap(before, after), changes)


def whole_map(run: Run) -> TokenMap:
    """Every token of a run's image on itself."""
    window = Window.whole((run.letterbox.box[2], run.letterbox.box[3]))
    return token_map(window, run.letterbox, run.card.token_grid)


def mean_of_known(values: Float[np.ndarray, " L"]) -> float:
    """Mean of what is not NaN; NaN if all is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
