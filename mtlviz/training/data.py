"""The stream of training batches, a pure function of the configuration and of the position in the stream.

Image number n of the stream is the same whether the training was interrupted before it or not, and whoever
prepares it: its place in the order follows from (seed, pass over the data), its variation from (seed, n). Where
images have weights, ``mtlviz.training.sampling`` has the order.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from mtlviz.data import geometry
from mtlviz.data.sample import Sample
from mtlviz.data.transforms import Edges, augment
from mtlviz.tasks import IGNORE
from mtlviz.training.config import TrainConfig
from mtlviz.training.pipeline import vary
from mtlviz.training.sampling import WeightedOrder, image_weights
from mtlviz.training.sources import First, Samples, completed, evaluation_set, held_out, training_set

__all__ = [
    "Batch",
    "First",
    "Samples",
    "StreamSampler",
    "TrainingStream",
    "evaluation_set",
    "held_out",
    "join",
    "kept_labels",
    "normalised",
    "random_bars",
    "stream_index",
    "to_batch",
    "training_batches",
    "training_set",
]

LARGEST_BAR = 0.4
"""Largest share of the image that letterbox bars cover."""


class Batch(NamedTuple):
    """Images with labels.

    Attributes:
        images: ``(B, H, W, 3)`` uint8.
        labels: by task ``(B, C, H, W)``, C = 1 apart from normals; types as in ``Sample``.
        valid: by task ``(B, H, W)`` bool.
        inside: ``(B, H, W)`` bool, False at padding; None without any.
    """

    images: UInt8[Tensor, "B H W 3"]
    labels: dict[str, Tensor]
    valid: dict[str, Tensor]
    inside: Bool[Tensor, "B H W"] | None = None


class TrainingStream(Dataset[Batch]):
    """Item n is image n of the stream as a batch of one.

    Args:
        samples: the training set.
        config: the training.
        edges: how edge labels of rooms follow from semseg after a zoom, see ``transforms.zoom``.
    """

    def __init__(self, samples: Samples, config: TrainConfig, edges: Edges | None = None) -> None:
        self.samples = samples
        self.config = config
        self.edges = edges
        self.tasks = config.task_list()
        self.kept = {
            task: kept_labels(len(samples), task, share, config.seed) for task, share in config.data.keep.items()
        }
        sampling, self._order = config.data.sampling, None
        if sampling is not None:
            self._order = WeightedOrder(image_weights(samples, self.tasks, sampling, self.kept), config.seed)

    def __getitem__(self, position: int) -> Batch:
        seed = self.config.seed
        index = self._order.index(position) if self._order else stream_index(position, len(self.samples), seed)
        rng = np.random.default_rng([seed, 1, position])
        sample = self._varied(completed(self.samples[index], self.tasks), rng)
        inside = None
        if _has_bars(self.config, position // self.config.batch):
            inside = random_bars(sample.size, rng)
        names = [task.name for task in self.tasks]
        known = {task for task in names if task not in self.kept or self.kept[task][index]}
        return to_batch(sample, names, known, inside)

    def _varied(self, sample: Sample, rng: np.random.Generator) -> Sample:
        data = self.config.data
        if self.config.frozen:
            return sample if data.size is None else geometry.resize(sample, data.size)
        if data.pipeline is not None:
            return vary(sample, rng, data.pipeline, data.size or sample.size)
        sample = augment(sample, rng, data.augment, self.edges)
        return sample if data.size is None else geometry.resize(sample, data.size)


def stream_index(position: int, count: int, seed: int) -> int:
    """Which of ``count`` samples image number ``position`` of the stream is; every pass is a permutation."""
    return int(_permutation(count, seed, position // count)[position % count])


@lru_cache(maxsize=4)
def _permutation(count: int, seed: int, turn: int) -> np.ndarray:
    return np.random.default_rng([seed, 0, turn]).permutation(count)


def kept_labels(count: int, task: str, share: float, seed: int) -> Bool[np.ndarray, "M"]:
    """Which of ``count`` images show their labels of a task; a smaller share is a subset of a larger one."""
    digests = [hashlib.sha256(f"{seed} {task} {index}".encode()).digest() for index in range(count)]
    kept = np.zeros(count, bool)
    kept[sorted(range(count), key=digests.__getitem__)[: max(1, round(share * count))]] = True
    return kept


def _has_bars(config: TrainConfig, step: int) -> bool:
    """Whether the batch of a step is letterboxed; whole batches are, since masking costs time."""
    share = 0.0 if config.frozen else config.data.letterbox
    return share > 0 and bool(np.random.default_rng([config.seed, 2, step]).random() < share)


def random_bars(size: tuple[int, int], rng: np.random.Generator) -> Bool[np.ndarray, "H W"]:
    """True inside an image between two bars, above and below or left and right of it."""
    inside = np.zeros(size, bool)
    axis = int(rng.integers(2))
    bars = int(rng.uniform(0, LARGEST_BAR) * size[axis])
    part = slice(bars // 2, size[axis] - (bars - bars // 2))
    inside[(part, slice(None)) if axis == 0 else (slice(None), part)] = True
    return inside


def to_batch(
    sample: Sample, tasks: Sequence[str], known: set[str] | None = None, inside: np.ndarray | None = None
) -> Batch:
    """A sample as a batch of one.

    Args:
        sample: image and labels.
        tasks: tasks whose labels are taken.
        known: tasks whose labels count; all of them by default.
        inside: ``(H, W)`` bool, False where the image is to be replaced by padding.
    """
    labels, valid = {}, {}
    for task in tasks:
        label = torch.from_numpy(np.array(sample.labels[task]))
        labels[task] = (label.permute(2, 0, 1) if label.ndim == 3 else label[None])[None]
        mask = _counting(sample, task) if known is None or task in known else np.zeros(sample.size, bool)
        valid[task] = torch.from_numpy(mask if inside is None else mask & inside)[None]
    padding = None if inside is None else torch.from_numpy(inside)[None]
    return Batch(torch.from_numpy(np.array(sample.image))[None], labels, valid, padding)


def _counting(sample: Sample, task: str) -> Bool[np.ndarray, "H W"]:
    """Pixels whose label counts; where labels are bytes, 255 is none, whatever the mask says."""
    label = sample.labels[task]
    valid = sample.valid.get(task, np.ones(label.shape[:2], bool))
    return valid & (label != IGNORE) if label.dtype == np.uint8 else valid


def join(batches: Sequence[Batch]) -> Batch:
    """One batch of several; all or none of them have padding."""
    first = batches[0]
    return Batch(
        torch.cat([batch.images for batch in batches]),
        {task: torch.cat([batch.labels[task] for batch in batches]) for task in first.labels},
        {task: torch.cat([batch.valid[task] for batch in batches]) for task in first.valid},
        None if first.inside is None else torch.cat([batch.inside for batch in batches]),  # type: ignore[misc]
    )


def normalised(batch: Batch, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """``(B, 3, H, W)`` float32 images as the network takes them, padding at 0."""
    images = batch.images.permute(0, 3, 1, 2).float()  # channels last in memory
    offset, scale = images.new_tensor([*mean, *std]).view(2, 3, 1, 1)
    images = torch.addcmul(-offset / scale, images, 1 / (255 * scale))
    return images if batch.inside is None else images * batch.inside[:, None]


class StreamSampler(Sampler[list[int]]):
    """Positions of the parts of the steps from ``start`` to the end, for one device of several."""

    def __init__(self, config: TrainConfig, start: int, rank: int = 0, world: int = 1) -> None:
        self.config = config
        self.start = start
        self.rank = rank
        self.world = world

    def __len__(self) -> int:
        return (self.config.steps - self.start) * self.config.accumulate

    def __iter__(self) -> Iterator[list[int]]:
        batch, parts = self.config.batch, self.config.accumulate
        for step in range(self.start, self.config.steps):
            mine = list(range(step * batch + self.rank, (step + 1) * batch, self.world))
            size = len(mine) // parts
            yield from (mine[part * size : (part + 1) * size] for part in range(parts))


def training_batches(stream: TrainingStream, start: int = 0, rank: int = 0, world: int = 1) -> DataLoader[Batch]:
    """Batches from step ``start`` on, in the order of the steps."""
    workers = stream.config.data.workers
    return DataLoader(
        stream,
        batch_sampler=StreamSampler(stream.config, start, rank, world),
        collate_fn=join,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
