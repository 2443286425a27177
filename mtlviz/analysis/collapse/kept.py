"""A fixed number of positions a class, kept with their features: those with the smallest hashes.

Which positions have the smallest hashes depends neither on the order in which they come nor on the process that
sees them, so that samples merge exactly, and their size does not grow with the number of images.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

PADDING = torch.iinfo(torch.int64).max
EMPTY = PADDING - 1
"""Hash of a slot that holds nothing; above those of all positions, and below that of no slot at all."""


@dataclass(frozen=True)
class ImageKey:
    """What is drawn by lot for one image, always the same.

    Attributes:
        group: of the bootstrap.
        salt: start of the hashes of its positions.
    """

    group: int
    salt: int


def image_key(index: int, name: str, groups: int) -> ImageKey:
    """The lot of an image.

    Args:
        index: of the image in its data set.
        name: of the image.
        groups: how many groups there are.
    """
    digest = hashlib.sha256(f"{index} {name}".encode()).digest()
    return ImageKey(int.from_bytes(digest[:8], "little") % groups, int.from_bytes(digest[8:16], "little"))


def position_hashes(keys: list[ImageKey], per_image: int) -> Int[Tensor, " N"]:
    """Hashes of the positions of several images, image by image (the finaliser of SplitMix64)."""
    salts = np.array([key.salt for key in keys], np.uint64)[:, None]
    mixed = salts + np.arange(1, per_image + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return torch.from_numpy((mixed >> np.uint64(1)).astype(np.int64).ravel())


@dataclass(frozen=True)
class Entries:
    """Rows that enter a sample and the places that they take."""

    rows: Int[Tensor, " M"]
    classes: Int[Tensor, " M"]
    slots: Int[Tensor, " M"]


class Kept:
    """The sample of one task on one grid.

    Args:
        classes: C.
        size: slots a class.
        widths: by place that of its features.

    Attributes:
        hashes: ``(C, k)``, ``EMPTY`` where a slot is free.
        groups: ``(C, k)`` group of the image.
        predictions: ``(C, k)`` final prediction.
        features: by place ``(C, k, E)``.
    """

    def __init__(self, classes: int, size: int, widths: Mapping[str, int]) -> None:
        self.hashes = torch.full((classes, size), EMPTY)
        self.groups = torch.zeros(classes, size, dtype=torch.int64)
        self.predictions = torch.zeros(classes, size, dtype=torch.int64)
        self.features = {place: torch.zeros(classes, size, width) for place, width in widths.items()}

    def choose(self, hashes: Int[Tensor, " N"], labels: Int[Tensor, " N"]) -> Entries:
        """Let positions in whose hashes are small enough; ``put`` has to follow for everything that is kept.

        Args:
            hashes: of the positions.
            labels: of the positions; those that are no class are left out.
        """
        classes, size = self.hashes.shape
        bound = torch.zeros(256, dtype=torch.int64)
        bound[:classes] = self.hashes.max(1).values
        candidates = (hashes < bound[labels]).nonzero()[:, 0]
        of, order = labels[candidates].sort()
        candidates = candidates[order]
        counts = torch.bincount(of, minlength=classes)
        rank = torch.arange(len(of)) - (counts.cumsum(0) - counts)[of]  # among the candidates of its class
        offered = torch.full((classes, int(counts.max())), -1)
        offered[of, rank] = candidates
        both = torch.cat([self.hashes, torch.where(offered < 0, PADDING, hashes[offered])], 1)
        best = both.topk(size, largest=False, sorted=False).indices
        stays = torch.zeros_like(both, dtype=torch.bool).scatter_(1, best, True)
        # A class has as many entries as free slots, and both lists go through the classes in order.
        label, place = stays[:, size:].nonzero().unbind(1)
        slots = (~stays[:, :size]).nonzero()[:, 1]
        rows = offered[label, place]
        self.hashes[label, slots] = hashes[rows]
        return Entries(rows, label, slots)

    def put(self, entries: Entries, groups: Tensor, predictions: Tensor, features: Mapping[str, Tensor]) -> None:
        """Fill the places taken; every array has one row an entry."""
        at = (entries.classes, entries.slots)
        self.groups[at] = groups
        self.predictions[at] = predictions
        for place, rows in features.items():
            self.features[place][at] = rows.to(self.features[place])

    def merge(self, other: "Kept") -> None:
        """Keep the smallest hashes of both."""
        classes, size = other.hashes.shape
        entries = self.choose(other.hashes.flatten(), torch.arange(classes).repeat_interleave(size))
        rows = {place: values.flatten(0, 1)[entries.rows] for place, values in other.features.items()}
        groups, predictions = other.groups.flatten()[entries.rows], other.predictions.flatten()[entries.rows]
        self.put(entries, groups, predictions, rows)

    def tensors(self) -> Iterator[Tensor]:
        """Everything that is kept."""
        yield from (self.hashes, self.groups, self.predictions, *self.features.values())
