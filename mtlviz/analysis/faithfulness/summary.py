"""Records of models over one set as plain data: means with intervals, and the single images for their spread."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.faithfulness.names import KINDS, MEASURES
from mtlviz.analysis.faithfulness.record import ModelRecord
from mtlviz.analysis.faithfulness.regions import BLOCK
from mtlviz.analysis.stability.intervals import LEVEL, RESAMPLES, common_count, mean_intervals

KIND = "faithfulness"
"""Kind of these results among the files of ``mtlviz.results``."""

DECIMALS = 4
"""Of the values of single images, which are only drawn."""

Plain = dict[str, Any]


def faithfulness_summary(records: Sequence[ModelRecord], seed: int) -> Plain:
    """Everything that was measured.

    Args:
        records: one a model, over the same images in the same order.
        seed: of the draws.

    Returns:
        Plain values for JSON, None where there is no number: ``images``, ``seed``, ``protocol``; ``kinds`` and
        ``measures`` with what they are; ``models``, see ``model_summary``.

    Raises:
        ValueError: if the records hold different numbers of images.
    """
    images = common_count([record.images for record in records])
    return {
        "images": images,
        "seed": seed,
        "protocol": protocol(),
        "kinds": {
            key: {"title": one.title, "cells": one.cells, "removed": one.removed, "row": one.row}
            for key, one in KINDS.items()
            if any(key in record.numbers for record in records)
        },
        "measures": {key: {"title": one.title, "meaning": one.meaning} for key, one in MEASURES.items()},
        "models": [model_summary(record) for record in records],
    }


def model_summary(record: ModelRecord) -> Plain:
    """One model: by kind of map its numbers, those by reading task, and those of single images."""
    return {
        "name": record.card.name,
        "title": record.card.title,
        "trained": record.card.trained,
        "interaction": record.card.architecture.interaction,
        "weights_sha256": record.card.weights_sha256,
        "tasks": [task.name for task in record.card.tasks],
        "kinds": {
            kind: {
                "numbers": _intervals(columns),
                "by_task": _intervals(record.by_task.get(kind, {})),
                "single": {key: _plain(values) for key, values in columns.items()},
            }
            for kind, columns in record.numbers.items()
        },
    }


def protocol() -> str:
    """One paragraph that says exactly what the numbers are."""
    return (
        "For every image a map's cells are ranked by what the map says and by what happens to the predictions when "
        "they are taken away; the number is Spearman's rank correlation of the two. An effect is the mean change of a "
        "task's prediction over pixels: share of pixels with another class, metres, degrees or probability. Slots are "
        "dropped from the Write sum without scaling up the others; tasks are silenced, so that nobody reads them or "
        "looks at their affinity, and effects divided by that of switching the interaction off, so that tasks "
        f"compare; regions are {BLOCK[0]} by {BLOCK[1]} tokens whose features of one task take that task's mean before "
        "the interaction, so that other tasks change through the interaction alone, and an effect is the mean over "
        "the pixels of the reading region; of maps of gradients, whose target is a task's mean prediction over the "
        "image, the regions of the image are blurred. Where a map has several rows (tasks, reading regions), the "
        "number of an image is the mean over rows that have one. Controls are compared with the same effects: the map "
        "of the same architecture with random weights, and the map with its cells shuffled. Maps are those of the "
        "interaction's "
        f"first head, Write weights of all heads. Means over images; low and high are the {LEVEL:.0%} percentile "
        f"interval of {RESAMPLES} bootstrap resamples of the images. Few cells make coarse ranks: with four tasks a "
        "map between tasks has twelve."
    )


def _intervals(columns: Mapping[str, Float[np.ndarray, " n"]]) -> dict[str, Plain]:
    """Measures without a value in any image are left out."""
    kept = {key: values for key, values in columns.items() if np.isfinite(values).any()}
    if not kept:
        return {}
    found = mean_intervals(np.stack(list(kept.values()), 1))
    return {key: dict(interval.as_dict()) for key, interval in zip(kept, found, strict=True)}


def _plain(values: Float[np.ndarray, " n"]) -> list[float | None]:
    return [round(float(value), DECIMALS) if np.isfinite(value) else None for value in values]
