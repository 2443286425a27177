"""Features of one task by class, pooled over images in one pass: sums for the means, and a fair sample of tokens."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float16, Float32, Float64, Int16, Int64, UInt64

from mtlviz.analysis.token_labels import UNKNOWN, token_classes
from mtlviz.data.sample import valid_pixels
from mtlviz.engine import Run
from mtlviz.tasks import IGNORE
from mtlviz.trace import PLACES

SAMPLE = 64
"""Most tokens of one class that a cloud keeps; the sums take in all of them."""


@dataclass(frozen=True)
class ClassCloud:
    """Features of one task at one place by class, over one image or many.

    The kept tokens are those with the smallest pseudo-random numbers, at most ``SAMPLE`` of a class, so that every
    token has the same chance and the order in which clouds are merged does not matter.

    Attributes:
        images: images that went in.
        labelled: of these, images whose classes are ground truth; those of the others were predicted.
        tokens: ``(C,)`` tokens of each class; a token has the most frequent class of its pixels.
        pixels: ``(C,)`` pixels of each class.
        sums: ``(C, E)`` sums of the tokens' features.
        features: ``(M, E)`` of the kept tokens.
        classes: ``(M,)`` of the kept tokens.
        priorities: ``(M,)`` their pseudo-random numbers.
    """

    images: int
    labelled: int
    tokens: Int64[np.ndarray, " C"]
    pixels: Int64[np.ndarray, " C"]
    sums: Float64[np.ndarray, "C E"]
    features: Float16[np.ndarray, "M E"]
    classes: Int16[np.ndarray, " M"]
    priorities: UInt64[np.ndarray, " M"]

    @property
    def present(self) -> Int64[np.ndarray, " P"]:
        """Classes with at least one token, in label order."""
        return np.flatnonzero(self.tokens)

    @property
    def means(self) -> Float64[np.ndarray, "P E"]:
        """Mean feature of each present class."""
        return np.asarray(self.sums[self.present] / self.tokens[self.present, None])

    def without_tokens(self) -> "ClassCloud":
        """The same without kept tokens: its size does not depend on what went in."""
        none = np.zeros(0, np.int64)
        return replace(self, features=self.features[none], classes=self.classes[none], priorities=self.priorities[none])

    def merge(self, other: "ClassCloud") -> "ClassCloud":
        """The cloud of both sets of images.

        Raises:
            ValueError: if the two have other classes or another width.
        """
        if self.sums.shape != other.sums.shape:
            raise ValueError(
                f"cannot pool {self.sums.shape[0]} classes in {self.sums.shape[1]} dimensions with "
                f"{other.sums.shape[0]} in {other.sums.shape[1]}; pool one task and place of one model"
            )
        classes = np.concatenate([self.classes, other.classes])
        priorities = np.concatenate([self.priorities, other.priorities])
        kept = _kept(classes, priorities)
        return ClassCloud(
            self.images + other.images,
            self.labelled + other.labelled,
            self.tokens + other.tokens,
            self.pixels + other.pixels,
            self.sums + other.sums,
            np.concatenate([self.features, other.features])[kept],
            classes[kept],
            priorities[kept],
        )


Clouds = Mapping[tuple[str, str], ClassCloud]
"""By (task, place)."""


def run_clouds(run: Run) -> dict[tuple[str, str], ClassCloud]:
    """The clouds of one image for every classification task at every place of ``PLACES``.

    Classes are the image's ground truth where it has one, else what the model predicts.

    Args:
        run: with its features recorded (``Capture(features=True)``).

    Raises:
        CapabilityError: if the model records no features.
        ValueError: if they were not asked for.
    """
    trace = run.features
    found = {}
    for task in run.card.tasks:
        if task.kind != "classes":
            continue
        truth = task.name in run.sample.labels
        labels = run.prediction(task.name).values
        if truth:
            labels = np.where(valid_pixels(run.sample, task), run.sample.labels[task.name], np.uint8(IGNORE))
        pixels = np.bincount(labels[labels != IGNORE].ravel(), minlength=task.channels)
        for place in PLACES:
            grid = trace.grids[place]
            rows = trace.places[place]
            features = np.asarray(rows[0 if len(rows) == 1 else trace.layout.tasks.index(task.name)])
            classes = token_classes(labels, run.letterbox.box, grid, run.card.input_size[0] // grid[0])
            seed = f"{run.provenance.image_sha256} {place}"
            found[task.name, place] = image_cloud(features, classes, pixels, truth=truth, seed=seed)
    return found


def image_cloud(
    features: Float32[np.ndarray, "n E"],
    classes: Int16[np.ndarray, " n"],
    pixels: Int64[np.ndarray, " C"],
    *,
    truth: bool = True,
    seed: str = "",
) -> ClassCloud:
    """The cloud of one image.

    Args:
        features: of its tokens.
        classes: of its tokens, ``UNKNOWN`` where a token has none.
        pixels: of each class.
        truth: whether the classes are ground truth.
        seed: of the numbers that decide which tokens are kept; differs between images.
    """
    known = classes != UNKNOWN
    tokens, labels = features[known], classes[known]
    count = np.bincount(labels, minlength=len(pixels)).astype(np.int64)
    members = (labels == np.arange(len(pixels))[:, None]).astype(np.float64)  # (C, n)
    digest = hashlib.sha256(seed.encode()).digest()
    numbers = np.random.default_rng(int.from_bytes(digest[:8])).integers(0, 2**64, len(labels), np.uint64)
    kept = _kept(labels, numbers)
    return ClassCloud(
        1, int(truth), count, pixels.astype(np.int64), members @ tokens, tokens[kept].astype(np.float16),
        labels[kept], numbers[kept],
    )  # fmt: skip


def merge_clouds(first: Clouds, second: Clouds) -> dict[tuple[str, str], ClassCloud]:
    """The clouds of both sets of images, task by task and place by place."""
    return {key: cloud.merge(second[key]) for key, cloud in first.items()}


def fair_sample(cloud: ClassCloud, classes: Int64[np.ndarray, " P"], most: int) -> Int64[np.ndarray, " k"]:
    """Indices of kept tokens of some classes, in order; where there are more than ``most``, every class has its turn.

    Classes give up tokens only above the same number, so that none goes because others come first; which tokens of a
    class stay is decided by their pseudo-random numbers.

    Args:
        cloud: with kept tokens.
        classes: labels.
        most: tokens wanted, at least one a class.
    """
    members = np.flatnonzero(np.isin(cloud.classes, classes))
    turns = _turns(cloud.classes[members], cloud.priorities[members])
    chosen = np.lexsort((cloud.classes[members], turns))[:most]
    return np.sort(members[chosen])


def _turns(classes: Int16[np.ndarray, " M"], priorities: UInt64[np.ndarray, " M"]) -> Int64[np.ndarray, " M"]:
    """Place of every token in the order of the numbers of its class, from 0."""
    order = np.lexsort((priorities, classes))
    turns = np.empty(len(order), np.int64)
    turns[order] = np.arange(len(order)) - np.searchsorted(classes[order], classes[order])
    return turns


def _kept(classes: Int16[np.ndarray, " M"], priorities: UInt64[np.ndarray, " M"]) -> Int64[np.ndarray, " k"]:
    """Indices of the tokens with the smallest numbers of their class, class by class."""
    kept = np.flatnonzero(_turns(classes, priorities) < SAMPLE)
    return np.asarray(kept[np.lexsort((priorities[kept], classes[kept]))], np.int64)
