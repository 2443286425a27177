"""Records of models over one set as plain data: means with intervals, and differences image by image."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.stability.intervals import LEVEL, RESAMPLES, common_count, mean_intervals
from mtlviz.analysis.stability.names import Measure, clean_measures, paired_measures
from mtlviz.analysis.stability.perturbations import Perturbation
from mtlviz.analysis.stability.record import ANOTHER, DRAWS, ModelRecord
from mtlviz.analysis.stability.shares import RARE

KIND = "stability"
"""Kind of these results among the files of ``mtlviz.results``."""

Columns = Mapping[str, Float[np.ndarray, " n"]]


def stability_summary(records: Sequence[ModelRecord], grid: Sequence[Perturbation], seed: int) -> dict[str, Any]:
    """Everything that was measured, without the single images.

    Args:
        records: one a model, over the same images in the same order.
        grid: what was done to the images.
        seed: of the draws.

    Returns:
        Plain values for JSON, None where there is no number: ``images``, ``seed``, ``protocol``; ``perturbations``
        and ``measures`` with what they are; ``models``, see ``model_summary``; ``differences`` of every model to the
        first one, image by image.

    Raises:
        ValueError: if the records hold different numbers of images.
    """
    first, *others = records
    images = common_count([record.images for record in records])
    return {
        "images": images,
        "seed": seed,
        "protocol": protocol(),
        "perturbations": _perturbations(grid),
        "measures": _measures(records),
        "models": [model_summary(record) for record in records],
        "differences": [_difference(first, other) for other in others],
    }


def protocol() -> str:
    """One paragraph that says exactly what the numbers are."""
    return (
        "Every number is computed for one image (a mean over slots where a slot has one) and averaged over images; "
        f"low and high are the {LEVEL:.0%} percentile interval of {RESAMPLES} bootstrap resamples of the images. "
        "Perturbations are drawn from the seed and the pixels, so all models see the same copies. Classes of tokens "
        "are the majority of the pixels in a cell, from the labels where there are any, else from the model's own "
        "prediction for the image as it is. Tokens that one of the two images does not show are left out of overlaps "
        "and margins on both sides, while the cosines take in everything that a slot holds; an enlarged crop can put "
        "two tokens on one, so that its token overlap stays below 1 even for a selection that moves along exactly. "
        f"Weight noise uses {DRAWS} noisy copies of the network in turn, and the "
        "interval does not cover other copies. Rare classes have less than "
        f"{RARE:.0%} of the tokens of an image. The row another_image compares the slots of every image with those "
        "of the image before: overlap that is there without any likeness of the images."
    )


def model_summary(record: ModelRecord) -> dict[str, Any]:
    """One model: ``stability`` by perturbation and measure, ``clean`` by measure, ``classes``, ``tasks``."""
    tokens, picks, tasks = record.tokens.sum(0), record.picks.sum(0), record.tasks.sum(0)
    return {
        "name": record.card.name,
        "title": record.card.title,
        "trained": record.card.trained,
        "weights_sha256": record.card.weights_sha256,
        "classes_from": record.source,
        "stability": {key: _intervals(columns) for key, columns in record.paired.items()},
        "clean": _intervals(record.clean),
        "classes": [
            {
                "name": name,
                "token_share": _share(tokens, label),
                "pick_share": _share(picks, label),
                "present": int((record.tokens[:, label] > 0).sum()),
                "picked": int((record.picks[:, label] > 0).sum()),
            }
            for label, name in enumerate(record.class_names)
        ],
        "tasks": {task.name: _share(tasks, index) for index, task in enumerate(record.card.tasks)},
    }


def _difference(first: ModelRecord, other: ModelRecord) -> dict[str, Any]:
    """Other less first, image by image, for what both have."""
    return {
        "model": other.card.name,
        "minus": first.card.name,
        "stability": {
            key: _intervals(_minus(columns, first.paired[key]))
            for key, columns in other.paired.items()
            if key in first.paired
        },
        "clean": _intervals(_minus(other.clean, first.clean)),
    }


def _minus(one: Columns, other: Columns) -> Columns:
    return {key: values - other[key] for key, values in one.items() if key in other}


def _intervals(columns: Columns) -> dict[str, dict[str, float | int | None]]:
    """Measures without a value in any image are left out."""
    kept = {key: values for key, values in columns.items() if np.isfinite(values).any()}
    if not kept:
        return {}
    found = mean_intervals(np.stack(list(kept.values()), 1))
    return {key: interval.as_dict() for key, interval in zip(kept, found, strict=True)}


def _share(counts: np.ndarray, index: int) -> float | None:
    total = int(counts.sum())
    return float(counts[index]) / total if total else None


def _perturbations(grid: Sequence[Perturbation]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        one.key: {
            "title": "nothing (identity)" if one.nothing else one.title,
            "kind": one.kind,
            "strength": one.strength,
            "quantity": one.about.quantity,
            "explanation": one.about.explanation,
        }
        for one in grid
    }
    explained = "The control: the slots of an image against those of the image before."
    return {**found, ANOTHER: {"title": "another image", "explanation": explained}}


def _measures(records: Sequence[ModelRecord]) -> dict[str, dict[str, Any]]:
    found: dict[str, Measure] = {}
    for record in records:
        found |= paired_measures(record.card.tasks) | clean_measures(record.card.tasks)
    return {
        key: {"title": one.title, "meaning": one.meaning, "unit": one.unit, "same": one.same, "better": one.better}
        for key, one in found.items()
    }
