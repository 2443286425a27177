"""Weighted sampling: some images are seen more often, still as a pure function of the seed and the position.

With weights w, image i of M is seen M w_i / sum(w) times in each pass of M images, up to rounding to the whole number
below or above: the pass takes M equally spaced points, with a random start, on a line on which every image has a
stretch as long as its weight, in a random order (systematic sampling). Equal weights show every image once, as without.

The weight of an image is the product of

- for ``rare``: the largest max(1, (share / f_c) ** power) over the classes c of its label, f_c being the share of
  labelled images that show c: the repeat factor of Gupta et al., LVIS, CVPR 2019, who have power 1/2. An image without
  that label has 1.
- for ``labelled``: the factor of every named task that the image has a label of.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from mtlviz.data.sample import Sample
from mtlviz.errors import OptionError
from mtlviz.tasks import IGNORE, Task
from mtlviz.training.options import SamplingConfig
from mtlviz.training.sources import Samples


class WeightedOrder:
    """Which image comes at which position of the stream.

    Args:
        weights: of the images, above 0.
        seed: of the training.
    """

    def __init__(self, weights: Float[np.ndarray, " M"], seed: int) -> None:
        self.weights, self.seed = weights, seed
        self._turn, self._order = -1, np.zeros(0, np.intp)

    def index(self, position: int) -> int:
        """The image at a position."""
        turn, place = divmod(position, len(self.weights))
        if turn != self._turn:
            self._turn, self._order = turn, weighted_pass(self.weights, self.seed, turn)
        return int(self._order[place])


def weighted_pass(weights: Float[np.ndarray, " M"], seed: int, turn: int) -> Int[np.ndarray, " M"]:
    """The images of one pass in their order; each comes as often as its weight says, rounded down or up."""
    rng = np.random.default_rng([seed, 3, turn])
    line, count = rng.permutation(len(weights)), len(weights)
    ends = np.cumsum(weights[line]) * (count / weights.sum())
    points = np.arange(count) + rng.random()
    found = np.minimum(np.searchsorted(ends, points, side="right"), count - 1)  # rounding may leave the line's end
    order: Int[np.ndarray, " M"] = rng.permutation(line[found])
    return order


def image_weights(
    samples: Samples, tasks: Sequence[Task], sampling: SamplingConfig, kept: Mapping[str, Bool[np.ndarray, " M"]]
) -> Float[np.ndarray, " M"]:
    """The weight of every image; their labels are read once.

    Args:
        samples: the training set.
        tasks: of the training.
        sampling: what makes an image count more.
        kept: by task which images show their labels, where not all do.

    Raises:
        OptionError: if ``rare`` names a task without classes.
    """
    kinds = {task.name: task.kind for task in tasks}
    if sampling.rare is not None and kinds[sampling.rare] != "classes":
        raise OptionError(f"data.sampling.rare names {sampling.rare!r}, which has no classes; name another task.")
    weights: Float[np.ndarray, " M"] = np.ones(len(samples))
    shown = []
    for index in range(len(samples)):
        sample = samples[index]
        there = {task for task in sampling.named if task not in kept or kept[task][index]}
        for task, factor in sampling.labelled.items():
            weights[index] *= factor if task in there and _has_label(sample, task) else 1
        shown.append(_classes(sample, sampling.rare) if sampling.rare in there else np.zeros(0, np.intp))
    weights *= rarity(shown, sampling.share, sampling.power)
    return weights


def rarity(shown: Sequence[np.ndarray], share: float, power: float) -> Float[np.ndarray, " M"]:
    """By image the repeat factor of its rarest class; 1 for an image without classes.

    Args:
        shown: by image the classes that it shows, each once.
        share: of the images with classes that a class is to be on not to count as rare.
        power: of the rarity.
    """
    labelled = sum(len(classes) > 0 for classes in shown)
    counts = np.bincount(np.concatenate([*shown, np.zeros(0, np.intp)]).astype(np.intp), minlength=1)
    factors = np.maximum(1, (share * labelled / np.maximum(counts, 1)) ** power)
    found: Float[np.ndarray, " M"] = np.array([factors[classes].max(initial=1) for classes in shown])
    return found


def _has_label(sample: Sample, task: str) -> bool:
    """Whether a pixel of it counts."""
    if task not in sample.labels:
        return False
    label = sample.labels[task]
    counting = sample.valid.get(task, np.ones(label.shape[:2], bool))
    return bool((counting & (label != IGNORE)).any() if label.dtype == np.uint8 else counting.any())


def _classes(sample: Sample, task: str) -> Int[np.ndarray, " K"]:
    """The classes that an image shows."""
    if task not in sample.labels:
        return np.zeros(0, np.intp)
    label = sample.labels[task]
    counting = sample.valid.get(task, np.ones(label.shape[:2], bool)) & (label != IGNORE)
    return np.unique(label[counting]).astype(np.intp)
