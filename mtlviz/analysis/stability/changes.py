"""How much do a network's predictions change? A selection may be stable because it says nothing."""

import numpy as np
from jaxtyping import UInt8

from mtlviz.analysis.compare import difference
from mtlviz.analysis.stability.windows import Window, pixel_map
from mtlviz.engine import Run
from mtlviz.tasks import Task


def prediction_changes(original: Run, changed: Run, window: Window) -> dict[str, float]:
    """By task what became of the prediction, on the pixels that both images show.

    Classes: mean IoU of the two label maps over the classes in either, 1 = the same. Depth: mean of |change| over the
    depth before. Normals: mean angle in degrees. Binary: mean |change| of the probability. 0 = the same for these.

    Args:
        original: of the image as the network sees it.
        changed: of a copy of the same size.
        window: what the copy shows.
    """
    rows, columns = pixel_map(window, original.sample.size)
    shown = np.ix_(rows >= 0, columns >= 0)
    source = np.ix_(rows[rows >= 0], columns[columns >= 0])
    found = {}
    for task in original.card.tasks:
        before, after = original.prediction(task.name).values[source], changed.prediction(task.name).values[shown]
        found[task.name] = _change(task, before, after)
    return found


def _change(task: Task, before: np.ndarray, after: np.ndarray) -> float:
    if task.kind == "classes":
        return label_agreement(before, after)
    made = difference(task, after, before)
    return made.mean_relative if task.kind == "depth" else made.mean


def label_agreement(first: UInt8[np.ndarray, "H W"], second: UInt8[np.ndarray, "H W"]) -> float:
    """Mean intersection over union of two label maps over the classes that are in either."""
    labels = int(max(first.max(), second.max())) + 1
    pairs = first.ravel().astype(np.int64) * labels + second.ravel()
    confusion = np.bincount(pairs, minlength=labels**2).reshape(labels, labels)
    hits = confusion.diagonal()
    union = confusion.sum(0) + confusion.sum(1) - hits
    return float((hits[union > 0] / union[union > 0]).mean())
