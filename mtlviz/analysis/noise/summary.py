"""Records of models over one set as plain data: means with intervals, and differences image by image."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.noise.curve import FRACTIONS
from mtlviz.analysis.noise.doses import DISTRACTORS, DRAWS, IMAGE_LEVELS, LEVELS, SHUFFLED, Dose
from mtlviz.analysis.noise.names import CURVES, WHAT, dose_measures, map_measures, map_note
from mtlviz.analysis.noise.oracles import CLASSES, ORACLES
from mtlviz.analysis.noise.record import RANKED, ModelRecord
from mtlviz.analysis.stability.intervals import LEVEL, RESAMPLES, common_count, mean_intervals

KIND = "noise"
"""Kind of these results among the files of ``mtlviz.results``."""

Columns = Mapping[str, Float[np.ndarray, " n"]]
Plain = dict[str, Any]


def noise_summary(records: Sequence[ModelRecord], seed: int) -> Plain:
    """Everything that was measured, without the single images.

    Args:
        records: one a model, over the same images in the same order.
        seed: of the draws.

    Returns:
        Plain values for JSON, None where there is no number: ``images``, ``seed``, ``protocol``; ``experiments`` and
        ``measures`` with what they are; ``models``, see ``model_summary``; ``differences`` of every model to the
        first one, image by image.

    Raises:
        ValueError: if the records hold different numbers of images.
    """
    first, *others = records
    images = common_count([record.images for record in records])
    tasks = {task.name: task for record in records for task in record.card.tasks}
    measures = {**map_measures(), **CURVES, **dose_measures(list(tasks.values()))}
    doses = dict.fromkeys(dose for record in records for dose in (*record.doses, *record.left_out))
    return {
        "images": images,
        "seed": seed,
        "protocol": protocol(),
        "experiments": {dose.group: _experiment(dose) for dose in doses},
        "measures": {
            key: {"title": one.title, "meaning": one.meaning, "formula": one.formula, "unit": one.unit,
                  "same": one.same, "better": one.better}
            for key, one in measures.items()
        },
        "models": [model_summary(record) for record in records],
        "differences": [_difference(first, other) for other in others],
    }  # fmt: skip


def protocol() -> str:
    """One paragraph that says exactly what the numbers are."""
    return (
        "Every number is computed for one image (a mean over its tokens where a token has one) and averaged over "
        f"images; low and high are the {LEVEL:.0%} percentile interval of {RESAMPLES} bootstrap resamples of the "
        "images. Draws come from the seed and the number of the image, so that all models are given the same noise, "
        "but for distractors where models have other widths. Levels of noise "
        f"({', '.join(f'{level:g}' for level in LEVELS)}) are standard deviations over the root mean square of the "
        "disturbed task's features; swapped features are those of the image before in the set; distractors "
        f"({', '.join(f'{level:g}' for level in DISTRACTORS)} times the number of tokens) are Gaussian tokens as large "
        f"as the real ones; noise on the image ({', '.join(f'{level:g}' for level in IMAGE_LEVELS)}) is Gaussian on "
        f"RGB from 0 to 1; repeated noise is drawn {DRAWS} times to tell what every draw does from what is the draw's. "
        "Effects are those on the tasks that were not disturbed, of noise on the image on all. Oracles come from the "
        "labels: "
        "semantic class, depth within a factor of 1.25, object; an oracle experiment sets all weights between "
        "different labels to 0 and leaves the others as they are, without scaling them up, and its control does so "
        "with the classes at places drawn at random. KEM may read the reader's own task, attention the other "
        "tasks only; chance counts the candidates of each. Maps are those of the interaction's first head; the "
        f"effective rank is that of the first {RANKED} images. The curve over tokens keeps a share of the places "
        f"({', '.join(f'{part:g}' for part in FRACTIONS)}): exact for attention, for KEM with the Write weights of "
        "the whole image. The curve over tasks lets tasks in one by one in a drawn order, the others silenced in the "
        "network. Contents of tokens, for bias and selection, are the features that the interaction compares. Objects "
        "are told apart by the number of tokens that they cover."
    )


def model_summary(record: ModelRecord) -> Plain:
    """One model: ``doses`` by group and ``by_task``, oracles ``against_control``, and what its map is like."""
    groups = record.grouped()
    tasks = [task.name for task in record.card.tasks]
    return {
        "name": record.card.name,
        "title": record.card.title,
        "trained": record.card.trained,
        "interaction": record.card.architecture.interaction,
        "weights_sha256": record.card.weights_sha256,
        "tasks": tasks,
        "left_out": list(dict.fromkeys(dose.group for dose in record.left_out)),
        "doses": {group: _intervals(columns) for group, columns in groups.items()},
        "against_control": {
            oracle: _intervals(_minus(groups[f"oracle:{oracle}"], groups[f"oracle:{SHUFFLED}"]))
            for oracle in ORACLES
            if f"oracle:{oracle}" in groups
        },
        "by_task": [
            {"experiment": dose.group, "task": dose.task, **_intervals(record.effects[dose.key])}
            for dose in record.doses
            if dose.task
        ],
        "maps": _intervals(record.maps),
        "maps_note": map_note(record.card.architecture.interaction, bool(record.top_p)),
        "curve": [{"fraction": part, **_intervals(columns)} for part, columns in record.curve.items()],
        "task_curve": [{"tasks": int(part), **_intervals(columns)} for part, columns in record.task_curve.items()],
        "top_p": [{"p": part, **_intervals(columns)} for part, columns in record.top_p.items()],
        "classes": _labels(record.labels.get(CLASSES, {})),
        "labels": {oracle: _labels(named) for oracle, named in record.labels.items()},
        "pairs": _matrix(record.pairs),
        "sources": _matrix(record.sources),
    }


def _difference(first: ModelRecord, other: ModelRecord) -> Plain:
    """Other less first, image by image, for what both have."""
    mine, theirs = first.grouped(), other.grouped()
    return {
        "model": other.card.name,
        "minus": first.card.name,
        "doses": {group: _intervals(_minus(theirs[group], mine[group])) for group in theirs if group in mine},
        "maps": _intervals(_minus(other.maps, first.maps)),
    }


def _minus(one: Columns, other: Columns) -> dict[str, Float[np.ndarray, " n"]]:
    return {key: values - other[key] for key, values in one.items() if key in other}


def _intervals(columns: Columns) -> dict[str, Plain]:
    """Measures without a value in any image are left out."""
    kept = {key: values for key, values in columns.items() if np.isfinite(values).any()}
    if not kept:
        return {}
    found = mean_intervals(np.stack(list(kept.values()), 1))
    return {key: dict(interval.as_dict()) for key, interval in zip(kept, found, strict=True)}


def _labels(named: Mapping[str, Float[np.ndarray, "n 2"]]) -> list[Plain]:
    """One entry a label, in the order of the first number of its name where it has one."""
    found = []
    for name in sorted(named, key=_order):
        mass, chance = named[name].T
        relative = np.divide(mass, chance, out=np.full(len(mass), np.nan), where=chance > 0)
        found.append({"name": name, **_intervals({"noise": mass, "chance": chance, "relative": relative})})
    return found


def _order(name: str) -> float:
    """Metres or tokens of a name; classes have none and stay as they are."""
    start = name.split("-")[0].split()[0]
    return float(start) if start.replace(".", "", 1).isdigit() else 0.0


def _matrix(values: Float[np.ndarray, "n T T"]) -> list[list[float | None]] | None:
    """Mean over images, None where no image has a value, and for no images."""
    known = np.isfinite(values)
    if not known.any():
        return None
    total, count = np.where(known, values, 0.0).sum(0), known.sum(0)
    return [
        [float(cell / times) if times else None for cell, times in zip(*row, strict=True)]
        for row in zip(total, count, strict=True)
    ]


def _experiment(dose: Dose) -> Plain:
    return {"title": _title(dose), "kind": dose.kind, "level": dose.level, "oracle": dose.oracle or None}


def _title(dose: Dose) -> str:
    if dose.kind == "noise":
        return f"noise {dose.level:g} on one task"
    if dose.kind == "swap":
        return "one task from another image"
    if dose.kind == "repeated":
        return f"noise {dose.level:g} on one task, drawn {DRAWS} times"
    if dose.kind == "image":
        return f"noise {dose.level:g} on the image"
    if dose.kind == "distractors":
        return f"{dose.level:g} S distractors"
    return "shuffled classes (control)" if dose.oracle == SHUFFLED else f"only the same {WHAT[dose.oracle]} read"
