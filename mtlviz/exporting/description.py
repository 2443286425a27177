"""What stands in and beside an exported file: all that a program needs to feed it and to read what comes out."""

from collections.abc import Mapping
from typing import Any

from mtlviz.checkpoints import ModelCard
from mtlviz.engine import library_versions
from mtlviz.exporting.graph import ALIGNED, INPUT, Sizes
from mtlviz.tasks import Task

MEANING = {
    "classes": "logits of the classes in the order of class_names; softmax over channels gives probabilities",
    "depth": "metres along the optical axis",
    "normals": "unit vectors in the camera frame: x right, y up, z towards the camera",
    "binary": "logit; its sigmoid is the probability",
}


def description(card: ModelCard, sizes: Sizes, export: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside a file, as plain data for JSON: ``use``, and what is known of the export and the checkpoint.

    Args:
        card: of the checkpoint.
        sizes: which sizes the file leaves free.
        export: ``file``, ``format`` and all else that is known of the export.
    """
    return {"kind": "export", **export, **use(card, sizes), "card": card.model_dump(mode="json")}


def use(card: ModelCard, sizes: Sizes) -> dict[str, Any]:
    """What stands in a file itself, as plain data for JSON: input, preprocessing, outputs, provenance."""
    shape = sizes.described(card.input_size)
    return {
        "input": {"name": INPUT, "dtype": "float32", "layout": "NCHW", **shape},
        "preprocessing": _preprocessing(card),
        "outputs": [_output(task, shape["shape"]) for task in card.tasks],
        "provenance": {
            "checkpoint": card.name, "weights_sha256": card.weights_sha256, "trained": card.trained, "seed": card.seed,
            "data": card.data, "licence": card.licence, "versions": library_versions(),
        },
    }  # fmt: skip


def _preprocessing(card: ModelCard) -> dict[str, Any]:
    return {
        "colour": "RGB",
        "size": list(card.input_size),
        "range": "8-bit values divided by 255",
        "mean": list(card.mean),
        "std": list(card.std),
        "formula": "(value / 255 - mean) / std, channel by channel",
        "resize": "bilinear with antialiasing, proportions kept, centred; bars, where there are any, are 0 after the "
        "normalisation",
        "bars": "the file takes no mask, so that tokens on bars take part in the interaction, which they do not in "
        f"mtlviz; crop to the proportions of the size instead, or use other free sides, multiples of {ALIGNED}",
    }


def _output(task: Task, shape: list[Any]) -> dict[str, Any]:
    return {
        "name": task.name,
        "title": task.title,
        "kind": task.kind,
        "shape": [shape[0], task.channels, *shape[2:]],
        "unit": "" if task.kind == "binary" else task.unit,
        "meaning": MEANING[task.kind],
        "class_names": list(task.class_names),
    }
