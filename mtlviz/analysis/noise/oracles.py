"""What is worth reading? Tokens of the reader's own class, depth bin or instance, from the labels of an image."""

import numpy as np
from jaxtyping import Int16, Int32, UInt8

from mtlviz.analysis.token_labels import (
    DEPTH_RATIO,
    UNKNOWN,
    depth_powers,
    token_classes,
    token_depth_bins,
    token_depths,
)
from mtlviz.data.sample import Sample, valid_pixels
from mtlviz.engine import Run
from mtlviz.tasks import IGNORE, TASKS

CLASSES, DEPTH, INSTANCES = "classes", "depth", "instances"
ORACLES = (CLASSES, DEPTH, INSTANCES)
LARGE = 32
"""Tokens from which on objects are not told apart by their size."""

Labels = dict[str, Int16[np.ndarray, " N"]]
Names = dict[int, str]


def oracle_labels(run: Run) -> Labels:
    """By oracle the label of every place on the token grid; oracles that the image has no labels for are left out.

    ``classes`` is the semantic class, ``depth`` a bin of depths within a factor of 1.25, ``instances`` the object,
    with tokens that belong to none unknown.
    """
    sample, box, grid = run.sample, run.letterbox.box, run.card.token_grid
    found = {}
    if "semseg" in sample.labels:
        valid = valid_pixels(sample, TASKS["semseg"])
        known = np.where(valid, sample.labels["semseg"], IGNORE).astype(np.uint8)
        found[CLASSES] = token_classes(known, box, grid, run.card.token_stride)
    if "depth" in sample.labels:
        valid = valid_pixels(sample, TASKS["depth"])
        found[DEPTH] = token_depth_bins(sample.labels["depth"], valid, box, grid, run.card.token_stride)
    objects = _objects(sample)
    if objects is not None:
        found[INSTANCES] = token_classes(objects, box, grid, run.card.token_stride)
    return found


def label_names(run: Run, labels: Labels) -> dict[str, Names]:
    """By oracle what its labels in this image are called, alike in all images that are taken together.

    Classes by name, depth bins in metres. Objects of different images have nothing in common but their size: they are
    called by the number of tokens of a task that they cover, in powers of two.

    Args:
        run: of the image.
        labels: ``oracle_labels`` of it.
    """
    found: dict[str, Names] = {}
    for oracle, values in labels.items():
        known = {int(label): int((values == label).sum()) for label in np.unique(values[values != UNKNOWN])}
        if oracle == CLASSES:
            names = TASKS["semseg"].class_names
            found[oracle] = {label: names[label] if label < len(names) else str(label) for label in known}
        elif oracle == DEPTH:
            lowest = _lowest_power(run, values) if known else 0
            found[oracle] = {label: _metres(label + lowest) for label in known}
        else:
            found[oracle] = {label: _size(count) for label, count in known.items()}
    return found


def _lowest_power(run: Run, labels: Int16[np.ndarray, " N"]) -> int:
    """Power of ``DEPTH_RATIO`` metres at which the bin 0 of an image begins."""
    sample = run.sample
    valid = valid_pixels(sample, TASKS["depth"])
    depths = token_depths(sample.labels["depth"], valid, run.letterbox.box, run.card.token_grid, run.card.token_stride)
    return int(depth_powers(depths[labels == 0])[0])


def _metres(power: int) -> str:
    return f"{DEPTH_RATIO**power:.2f}-{DEPTH_RATIO ** (power + 1):.2f} m"


def _size(tokens: int) -> str:
    least = 1 << (tokens.bit_length() - 1)
    if least >= LARGE:
        return f"{LARGE} tokens or more"
    return "1 token" if least == 1 else f"{least}-{2 * least - 1} tokens"


def _objects(sample: Sample) -> UInt8[np.ndarray, "H W"] | None:
    """Objects numbered from 0, ``IGNORE`` where there is none or it is one too many to number."""
    if sample.instances is None or not (sample.instances > 0).any():
        return None
    ids: Int32[np.ndarray, " objects"] = np.unique(sample.instances[sample.instances > 0])
    number = np.searchsorted(ids, sample.instances)
    return np.where((sample.instances > 0) & (number < IGNORE), number, IGNORE).astype(np.uint8)
