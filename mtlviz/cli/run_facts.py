"""What ``predict`` and ``inspect`` write alike: the facts of a run, and arrays with their provenance."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mtlviz.engine import Run

ASSUMED = (
    "A photograph does not tell its scale or its field of view; both are assumed to be those of the training "
    "data, so trust the proportions of its depth, not the metres."
)


def facts(run: "Run") -> dict[str, Any]:
    """What every result of a run says about itself."""
    return {
        "image": run.sample.name,
        "size": list(run.sample.size),
        "checkpoint": run.card.name,
        "trained": run.card.trained,
        "seconds": run.seconds,
        "notes": notes(run),
        "stamp": run.provenance.stamp(),
        "provenance": run.provenance.as_dict(),
    }


def notes(run: "Run") -> list[str]:
    """What a reader must know: how it ran, weights that say nothing, depth without a scale."""
    said = list(run.notes)
    if run.card.trained == "random":
        said.append(f"{run.card.name} has random weights; what it predicts means nothing.")
    if run.sample.intrinsics is None and any(task.kind == "depth" for task in run.card.tasks):
        said.append(ASSUMED)
    return said


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray], run: "Run") -> None:
    """Arrays as compressed NPZ; its entry ``provenance`` is JSON."""
    said = np.array(json.dumps(run.provenance.as_dict()))
    np.savez_compressed(path, allow_pickle=False, **{**arrays, "provenance": said})
