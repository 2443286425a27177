"""Experiments: what is put into an interaction that says nothing about the image, and how much of it comes out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.lesions.effects import prediction_change
from mtlviz.analysis.noise.oracles import ORACLES, Labels
from mtlviz.analysis.scores import image_score
from mtlviz.analysis.stability.perturbations import Perturbation, as_seen, perturbed
from mtlviz.edits import Distractors, Edit, Noise
from mtlviz.engine import Engine, Run
from mtlviz.tasks import Task
from mtlviz.trace import Capture, FeatureTrace

RECORDED = Capture(features=True)
"""What a run of the image as it is records for the experiments."""
FEATURES = Capture(interaction=False, features=True)

LEVELS = (0.25, 0.5, 1.0, 2.0)
"""Standard deviations of the noise over the root mean square of a task's features."""
DISTRACTORS = (0.125, 0.5, 2.0)
"""Numbers of distractors over the number S of tokens."""
IMAGE_LEVELS = (0.05, 0.1, 0.2)
"""Standard deviations of the noise on the image, RGB from 0 to 1."""
REPEATED, DRAWS = 1.0, 4
"""Level of the noise that is drawn again and again, and how often."""
DRAWS_APART = 10_000_019
"""Distance of the seeds of these draws."""
SHUFFLED = "shuffled"
"""The control of the oracle experiments: the classes of the image at other places, drawn at random."""

Places = Float[np.ndarray, "D H W"]
Row = dict[str, float]


@dataclass(frozen=True)
class Dose:
    """One experiment.

    Attributes:
        kind: ``noise``, ``swap``, ``repeated`` (noise drawn several times), ``distractors``, ``image`` or ``oracle``.
        task: whose features are disturbed; empty where it is no single task's.
        level: of noise over the features' root mean square, of distractors over the number of tokens, or of noise on
            the image.
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
        *(Dose("repeated", name, REPEATED) for name in names),
        *(Dose("image", level=level) for level in IMAGE_LEVELS),
        *(Dose("distractors", level=level) for level in DISTRACTORS),
        *(Dose("oracle", oracle=oracle) for oracle in (*ORACLES, SHUFFLED)),
    )


def can_apply(engine: Engine, dose: Dose) -> bool:
    """Whether the model's interaction, with its options, can apply the edit of the experiment."""
    if dose.kind not in ("distractors", "oracle"):
        return True
    probe = Edit(distractors=Distractors(1)) if dose.kind == "distractors" else Edit(oracle=np.zeros(1, np.int16))
    return engine.allows(probe)


def edit_of(dose: Dose, material: Material) -> Edit | None:
    """The intervention; None where the image has not what it takes. The same draws for every model.

    Raises:
        ValueError: if the experiment is none: noise on the image is another image.
    """
    if dose.kind == "image":
        raise ValueError("noise on the image is no edit")
    if dose.kind in ("noise", "repeated"):
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
    """By experiment, see ``effect``, of repeated draws ``draw_effect``; those without an edit are left out.

    Args:
        engine: of the model.
        clean: the image as it is, recorded with ``RECORDED``.
        doses: that the model can apply.
        material: of the image.
    """
    scores = dict(_scores(clean, clean.card.tasks))
    found: dict[str, Row] = {}
    for dose in doses:
        if dose.kind == "image":
            found[dose.key] = image_effect(engine, clean, dose.level, material.seed)
        elif dose.kind == "repeated":
            found[dose.key] = draw_effect(engine, clean, dose.task, material.seed, dose.level)
        elif (edit := edit_of(dose, material)) is not None:
            changed = engine.run(clean.sample, capture=FEATURES, edit=edit)
            found[dose.key] = effect(clean, changed, dose.task, scores)
    return found


def image_effect(engine: Engine, clean: Run, level: float, seed: int) -> Row:
    """What Gaussian noise on the image does to every task, see ``effect``; the same noise for every model.

    ``dose`` is the mean over the tasks of their relative change before the interaction: where ``features`` is larger,
    the interaction carries more of the noise on than it received.

    Args:
        engine: of the model.
        clean: the image as it is, with features recorded.
        level: standard deviation on RGB from 0 to 1, at the resolution at which the network sees the image.
        seed: of the draw.
    """
    seen = as_seen(clean.sample, clean.card.input_size)
    base = clean if seen is clean.sample else engine.run(seen, capture=FEATURES)
    noisy = perturbed(seen, Perturbation("noise", level), seed).sample
    labelled = replace(seen, image=noisy.image, name=noisy.name)
    changed = engine.run(labelled, capture=FEATURES)
    found = effect(base, changed)
    before, after = features_of(base), features_of(changed)
    tasks = [feature_change(before, after, "task_encoder", task.name) for task in clean.card.tasks]
    return {"dose": float(np.mean(tasks)), **found}


def draw_effect(
    engine: Engine, clean: Run, disturbed: str, seed: int, level: float = REPEATED, draws: int = DRAWS
) -> Row:
    """What of a leak is the same whatever the noise, and what is the draw's: the two sides of reading much or little.

    Noise that is averaged over many tokens moves the other tasks little and alike; few tokens pass it on, or change
    places when it moves them over one another. Both estimates are unbiased, so that the first can fall below 0.

    Args:
        engine: of the model.
        clean: the image as it is, with features recorded.
        disturbed: the task with the noise.
        seed: of the first draw.
        level: of the noise.
        draws: how many, at least two.

    Returns:
        Means over the other tasks of ``leak_bias`` |E F' - F|^2 / |F|^2 and ``leak_variance`` E |F' - E F'|^2 / |F|^2,
        over draws of the noise, and ``leak_variance_share`` of the second in both.
    """
    before = features_of(clean)
    edits = [Edit(noise=(Noise(disturbed, level, seed + DRAWS_APART * draw),)) for draw in range(draws)]
    after = [features_of(engine.run(clean.sample, capture=FEATURES, edit=edit)) for edit in edits]
    bias, variance = [], []
    for task in clean.card.tasks:
        if task.name != disturbed:
            first = _features_at(before, "interaction_output", task.name)
            changed = np.stack([_features_at(trace, "interaction_output", task.name) for trace in after])
            power = float(np.square(first).sum())
            mean = changed.mean(0)
            scatter = float(np.square(changed - mean).sum()) / (draws - 1)
            bias.append((float(np.square(mean - first).sum()) - scatter / draws) / power)
            variance.append(scatter / power)
    found = {"leak_bias": float(np.mean(bias)), "leak_variance": float(np.mean(variance))}
    total = max(found["leak_bias"], 0.0) + found["leak_variance"]
    return found | {"leak_variance_share": found["leak_variance"] / total if total > 0 else float("nan")}


def effect(clean: Run, changed: Run, disturbed: str = "", scores: Mapping[str, float] | None = None) -> Row:
    """What an edit did to every task but the one that it disturbed.

    Args:
        clean: the image as it is.
        changed: the same under the edit; both with features recorded.
        disturbed: the task whose own features were changed; empty if there is none.
        scores: by task the headline metric of the image as it is; None computes it.

    Returns:
        ``dose`` the relative change of the disturbed task's features before the interaction; for every other task
        ``features:`` the relative change |dF| / |F| of what its decoder receives, ``change:`` the mean change of its
        prediction (``prediction_change``) and, with labels, ``gain:`` the change of its headline metric, positive
        where it got better; ``features`` the mean over these tasks.
    """
    before, after = features_of(clean), features_of(changed)
    others = [task for task in clean.card.tasks if task.name != disturbed]
    found: Row = {}
    if disturbed:
        found["dose"] = feature_change(before, after, "task_encoder", disturbed)
    for task in others:
        found[f"features:{task.name}"] = feature_change(before, after, "interaction_output", task.name)
        found[f"change:{task.name}"] = prediction_change(clean, changed, task.name).mean
    found["features"] = float(np.mean([found[f"features:{task.name}"] for task in others])) if others else np.nan
    known = dict(_scores(clean, others)) if scores is None else scores
    for name, score in _scores(changed, others):
        better = 1 if clean.card.task(name).higher_is_better else -1
        found[f"gain:{name}"] = (score - known[name]) * better
    return found


def features_of(run: Run) -> FeatureTrace:
    """What the run recorded of the features.

    Raises:
        CapabilityError: if the model records no features.
        ValueError: if they were not asked for.
    """
    return run.features


def feature_change(before: FeatureTrace, after: FeatureTrace, place: str, task: str) -> float:
    """|F' - F| / |F| of a task's features at a place, over the positions that are not padding.

    Args:
        before: of the image as it is.
        after: of the same image under an edit.
        place: ``task_encoder`` or ``interaction_output``.
        task: whose features.
    """
    first, second = (_features_at(trace, place, task) for trace in (before, after))
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


def _features_at(trace: FeatureTrace, place: str, task: str) -> Float[np.ndarray, "n E"]:
    """A task's features at a place, without padding."""
    features: Float[np.ndarray, "n E"] = np.asarray(trace.places[place][trace.layout.tasks.index(task)], np.float64)
    shown: Float[np.ndarray, "n E"] = features[_shown(trace, place)]
    return shown


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
