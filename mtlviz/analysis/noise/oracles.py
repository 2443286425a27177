"""What is worth reading? Tokens of the reader's own class, depth bin or instance, from the labels of an image."""

import numpy as np
from jaxtyping import Int16, Int32, UInt8

from mtlviz.analysis.token_labels import token_classes, token_depth_bins
from mtlviz.data.sample import Sample, valid_pixels
from mtlviz.engine import Run
from mtlviz.models.encoders import TOKEN_STRIDE
from mtlviz.tasks import IGNORE, TASKS

CLASSES, DEPTH, INSTANCES = "classes", "depth", "instances"
ORACLES = (CLASSES, DEPTH, INSTANCES)

Labels = dict[str, Int16[np.ndarray, " N"]]


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
        found[CLASSES] = token_classes(known, box, grid, TOKEN_STRIDE)
    if "depth" in sample.labels:
        valid = valid_pixels(sample, TASKS["depth"])
        found[DEPTH] = token_depth_bins(sample.labels["depth"], valid, box, grid, TOKEN_STRIDE)
    objects = _objects(sample)
    if objects is not None:
        found[INSTANCES] = token_classes(objects, box, grid, TOKEN_STRIDE)
    return found


def _objects(sample: Sample) -> UInt8[np.ndarray, "H W"] | None:
    """Objects numbered from 0, ``IGNORE`` where there is none or it is one too many to number."""
    if sample.instances is None or not (sample.instances > 0).any():
        return None
    ids: Int32[np.ndarray, " objects"] = np.unique(sample.instances[sample.instances > 0])
    number = np.searchsorted(ids, sample.instances)
    return np.where((sample.instances > 0) & (number < IGNORE), number, IGNORE).astype(np.uint8)
