"""Experiments: what is put into an interaction that says nothing about the image, and how much of it comes out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.noise.oracles import ORACLES, Labels
from mtlviz.analysis.scores import image_score
from mtlviz.analysis.stability.changes import prediction_changes
from mtlviz.analysis.stability.windows import Window
from mtlviz.edits import Distractors, Edit, Noise
from mtlviz.engine import Engine, Run
from mtlviz.models.interactions import REGISTRY
from mtlviz.models.interactions.edited import ALWAYS
from mtlviz.tasks import Task
from mtlviz.trace import Capture, FeatureTrace

RECORDED = Capture(features=True)
"""What a run of the image as it is records for the experiments."""
FEATURES = Capture(interaction=False, features=True)

LEVELS = (0.25, 0.5, 1.0, 2.0)
"""Standard deviations of the noise over the root mean square of a task's features."""
DISTRACTORS = (0.125, 0.5, 2.0)
"""Numbers of distractors over the number S of tokens."""
SHUFFLED = "shuffled"
"""The control of the oracle experiments: the classes of the image at other places, drawn at random."""

Places = Float[np.ndarray, "D H W"]
Row = dict[str, float]


@dataclass(frozen=True)
class Dose:
    """One experiment.

    Attributes:
        kind: ``noise``, ``swap``, ``distractors`` or ``oracle``.
        task: whose features are disturbed; empty where it is no single task's.
        level: of noise over the features' root mean square, or of distractors over the number of tokens.
        oracle: of which label weights between different labels are set to 0.
    """

    kind: str
    task: str = ""
    level: float = 0.0
    oracle: str = ""

    @property
    def key(self) -> str:
        """Its name in results."""
        return ":".join(part for part in (self.group, self.task) if part)

    @property
    def group(self) -> str:
        """The name of the experiments that differ from it in the task alone."""
        level = f"{self.level:g}" if self.level else ""
        return ":".join(part for part in (self.kind, self.oracle, level) if part)


@dataclass(frozen=True)
class Material:
    """What the edits of one image are made from.

    Attributes:
        seed: of the image.
        tokens: S.
        others: by task the features of another image; empty where there is none.
        labels: by oracle the labels of the places.
    """

    seed: int
    tokens: int
    others: Mapping[str, Places]
    labels: Labels


def dose_grid(tasks: Sequence[Task]) -> tuple[Dose, ...]:
    """All experiments on a model of these tasks, in the order in which they are shown."""
    names = [task.name for task in tasks]
    return (
        *(Dose("noise", name, level) for level in LEVELS for name in names),
        *(Dose("swap", name) for name in names),
        *(Dose("distractors", level=level) for level in DISTRACTORS),
        *(Dose("oracle", oracle=oracle) for oracle in (*ORACLES, SHUFFLED)),
    )


def can_apply(engine: Engine, dose: Dose) -> bool:
    """Whether the model's interaction knows the edit that the experiment needs."""
    needed = {"noise": "noise", "swap": "features", "distractors": "distractors", "oracle": "oracle"}[dose.kind]
    return needed in ALWAYS | REGISTRY[engine.card.architecture.interaction].edits


def edit_of(dose: Dose, material: Material) -> Edit | None:
    """The intervention; None where the image has not what it takes. The same draws for every model."""
    if dose.kind == "noise":
        return Edit(noise=(Noise(dose.task, dose.level, material.seed),))
    if dose.kind == "swap":
        return Edit(features={dose.task: material.others[dose.task]}) if material.others else None
    if dose.kind == "distractors":
        count = max(1, round(dose.level * material.tokens))
        return Edit(distractors=Distractors(count, seed=material.seed))
    if dose.oracle == SHUFFLED:
        labels = material.labels.get(ORACLES[0])
        return None if labels is None else Edit(oracle=np.random.default_rng(material.seed).permutation(labels))
    labels = material.labels.get(dose.oracle)
    return None if labels is None else Edit(oracle=labels)


def dose_effects(engine: Engine, clean: Run, doses: Sequence[Dose], material: Material) -> dict[str, Row]:
    """By experiment, see ``effect``; those without an edit are left out.

    Args:
        engine: of the model.
        clean: the image as it is, recorded with ``RECORDED``.
        doses: that the model can apply.
        material: of the image.
    """
    edits = [(dose, edit_of(dose, material)) for dose in doses]
    scores = dict(_scores(clean, clean.card.tasks))
    return {
        dose.key: effect(clean, engine.run(clean.sample, capture=FEATURES, edit=edit), dose.task, scores)
        for dose, edit in edits
        if edit is not None
    }


def effect(clean: Run, changed: Run, disturbed: str = "", scores: Mapping[str, float] | None = None) -> Row:
    """What an edit did to every task but the one that it disturbed.

    Args:
        clean: the image as it is.
        changed: the same under the edit; both with features recorded.
        disturbed: the task whose own features were changed; empty if there is none.
        scores: by task the headline metric of the image as it is; None computes it.

    Returns:
        ``dose`` the relative change of the disturbed task's features before the interaction; for every other task
        ``features:`` the relative change |dF| / |F| of what its decoder receives, ``change:`` what became of its
        prediction (0 = the same) and, with labels, ``gain:`` the change of its headline metric, positive where it got
        better; ``features`` the mean over these tasks.
    """
    before, after = features_of(clean), features_of(changed)
    others = [task for task in clean.card.tasks if task.name != disturbed]
    predicted = prediction_changes(clean, changed, Window.whole(clean.sample.size))
    found: Row = {}
    if disturbed:
        found["dose"] = feature_change(before, after, "task_encoder", disturbed)
    for task in others:
        found[f"features:{task.name}"] = feature_change(before, after, "interaction_output", task.name)
        same = 1.0 if task.kind == "classes" else 0.0
        found[f"change:{task.name}"] = abs(predicted[task.name] - same)
    found["features"] = float(np.mean([found[f"features:{task.name}"] for task in others])) if others else np.nan
    known = dict(_scores(clean, others)) if scores is None else scores
    for name, score in _scores(changed, others):
        better = 1 if clean.card.task(name).higher_is_better else -1
        found[f"gain:{name}"] = (score - known[name]) * better
    return found


def features_of(run: Run) -> FeatureTrace:
    """What the run recorded of the features.

    Raises:
        ValueError: if it recorded nothing.
    """
    if run.trace.features is None:
        raise ValueError("effects on features need runs that recorded them")
    return run.trace.features


def feature_change(before: FeatureTrace, after: FeatureTrace, place: str, task: str) -> float:
    """|F' - F| / |F| of a task's features at a place, over the positions that are not padding.

    Args:
        before: of the image as it is.
        after: of the same image under an edit.
        place: ``task_encoder`` or ``interaction_output``.
        task: whose features.
    """
    index, shown = before.layout.tasks.index(task), _shown(before, place)
    first, second = (np.asarray(trace.places[place][index], np.float64)[shown] for trace in (before, after))
    power = float(np.square(first).sum())
    return float(np.sqrt(np.square(second - first).sum() / power)) if power > 0 else float("nan")


def task_features(trace: FeatureTrace) -> dict[str, Places]:
    """What the task encoders gave, in the form in which an edit takes it."""
    rows, columns = trace.layout.grid
    features = np.asarray(trace.places["task_encoder"])  # (T, N, D)
    return {
        task: np.ascontiguousarray(feature.T.reshape(-1, rows, columns))
        for task, feature in zip(trace.layout.tasks, features, strict=True)
    }


def _shown(trace: FeatureTrace, place: str) -> np.ndarray:
    """``(n,)`` bool, positions of a place that show the image; a finer grid splits tokens evenly."""
    grid, (rows, columns) = trace.layout.grid, trace.grids[place]
    valid = trace.layout.valid_tokens()[: trace.layout.tokens_per_task].reshape(grid)
    finer: np.ndarray = valid.repeat(rows // grid[0], 0).repeat(columns // grid[1], 1).ravel()
    return finer


def _scores(run: Run, tasks: Sequence[Task]) -> Iterator[tuple[str, float]]:
    for task in tasks:
        if task.name in run.sample.labels:
            yield task.name, image_score(run.prediction(task.name), run.sample).headline
