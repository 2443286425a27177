"""What the collapse statistics cost over the bare forward pass, and that what they keep does not grow."""

import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import torch

from mtlviz.analysis.collapse.kept import image_key
from mtlviz.analysis.collapse.record import Protocol
from mtlviz.bench.catalogue import Entry
from mtlviz.bench.forward import kem_network
from mtlviz.bench.live_bytes import LiveBytes
from mtlviz.bench.measurement import Finding, Say
from mtlviz.bench.timing import Call, take_turns
from mtlviz.checkpoints import DEFAULT_FOLDER, IMAGENET_MEAN, IMAGENET_STD
from mtlviz.data.rooms import SPLITS, render_room
from mtlviz.data.sample import Sample
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS
from mtlviz.training.collapse_pass import CollapseFound, CollapsePass, Normalisation
from mtlviz.training.data import Batch, join, normalised, to_batch

BATCH = 16
DIFFERENT, TIMED = 32, 288
"""Rooms that are rendered, and images that are timed: the same rooms again and again."""
COUNTS = (100, 1000, 5000)
"""Images of the passes whose memory is compared."""
TOGETHER = 50
"""Images of one batch in them."""
SMALL = (32, 64)
"""Size of the images in them; memory that grew would grow at any size."""
TASK_NAMES = ("semseg", "depth", "normals", "edge")

NORM = Normalisation(IMAGENET_MEAN, IMAGENET_STD)
PROTOCOL = Protocol()


def measure(entries: Sequence[Entry], checkpoints: Path | None, say: Say) -> Iterator[Finding]:
    """Findings for the entries asked for."""
    for entry in entries:
        if entry.key == "collapse_over_bare":
            say(f"Collapse statistics beside the bare forward pass over {TIMED} images")
            yield _cost(entry, checkpoints or DEFAULT_FOLDER)
        else:
            say(f"Memory of the collapse statistics over {', '.join(map(str, COUNTS))} images")
            yield _growth(entry)


def _cost(entry: Entry, checkpoints: Path) -> Finding:
    """Time from images in memory to all numbers with their bands, over that of the network alone.

    Batches take turns, so that other work on the machine meets all alike; what comes once, after the last image, is
    shared out over a pass of ``TIMED`` images. The statistics need no prediction at the image's resolution, which
    pays for a part of them: ``places`` in the detail is the forward pass without that.
    """
    network, size, weights = kem_network(checkpoints)
    rooms = [render_room(seed, size) for seed in SPLITS["val"][:DIFFERENT]]
    batches = cycle([_batch(rooms[start : start + BATCH]) for start in range(0, DIFFERENT, BATCH)])
    behind = _Repeated(network, size)

    def bare() -> None:
        with torch.inference_mode():
            network(normalised(next(batches), NORM.mean, NORM.std))

    def places() -> None:
        with torch.inference_mode():
            network.places(normalised(next(batches), NORM.mean, NORM.std))

    calls: dict[str, Call] = {"bare": bare, "places": places, "statistics": lambda: behind.update(next(batches))}
    for call in calls.values():
        call()
    turns = take_turns(calls)
    number = TIMED // BATCH
    finish = take_turns({"finish": behind.result}, seconds=2.0, most=5).milliseconds("finish")
    once = finish / (number * turns.milliseconds("bare"))
    detail = {
        "ms_per_image": {name: round(turns.milliseconds(name) / BATCH, 3) for name in calls},
        "streaming_over_bare": round(turns.ratio("statistics", "bare"), 3),
        "streaming_over_features_alone": round(turns.ratio("statistics", "places"), 3),
        "ms_after_the_last_image": round(finish, 1),
        "images": TIMED,
        "rounds": turns.rounds,
        "weights": weights,
        "threads": torch.get_num_threads(),
    }
    return Finding(entry.key, turns.ratio("statistics", "bare") + once, detail)


class _Repeated:
    """A pass over ``TIMED`` images, begun again whenever it is complete."""

    def __init__(self, network: MultiTaskNetwork, size: tuple[int, int]) -> None:
        self.network, self.size, self.seen = network, size, 0
        self.collected = _new_pass(network, size)

    def update(self, batch: Batch) -> None:
        """Add a batch."""
        if self.seen >= TIMED:
            self.collected, self.seen = _new_pass(self.network, self.size), 0
        _add(self.collected, batch, self.seen)
        self.seen += len(batch.images)

    def result(self) -> CollapseFound:
        """The numbers so far."""
        return self.collected.result()


def _growth(entry: Entry) -> Finding:
    """Peak of the longest pass over that of the shortest, tensors and Python's objects together."""
    torch.manual_seed(0)
    tiny = EncoderConfig(widths=(4, 6, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8)
    config = NetworkConfig.model_validate({"encoder": tiny, "width": 8, "decoder_widths": (8, 8)})
    network = MultiTaskNetwork(config, [TASKS[name] for name in TASK_NAMES]).eval()
    batch = _batch([_random_sample(seed) for seed in range(TOGETHER)])
    peaks = {count: pass_peak(network, batch, count) for count in COUNTS}
    detail = {"peak_bytes": {str(count): peak for count, peak in peaks.items()}, "size": list(SMALL)}
    return Finding(entry.key, peaks[COUNTS[-1]] / peaks[COUNTS[0]], detail)


def pass_peak(network: MultiTaskNetwork, batch: Batch, images: int) -> int:
    """Largest number of bytes alive during a pass that sees one batch again and again.

    Args:
        network: on the CPU.
        batch: of small images.
        images: how many the pass sees; whole batches are taken.
    """
    size = (batch.images.shape[1], batch.images.shape[2])
    tracemalloc.start()
    try:
        with LiveBytes() as live:
            collected = _new_pass(network, size)
            for seen in range(0, images, len(batch.images)):
                _add(collected, batch, seen)
            collected.result()
        return int(live.peak) + tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _new_pass(network: MultiTaskNetwork, size: tuple[int, int]) -> CollapsePass:
    return CollapsePass(network, [TASKS[name] for name in TASK_NAMES], size, NORM, PROTOCOL)


def _add(collected: CollapsePass, batch: Batch, seen: int) -> None:
    """Add a batch as if none of its images had been there before."""
    indices = range(seen, seen + len(batch.images))
    collected.update(batch, [image_key(index, "", PROTOCOL.groups) for index in indices])


def _batch(samples: Sequence[Sample]) -> Batch:
    return join([to_batch(sample, ("semseg", "normals")) for sample in samples])


def _random_sample(seed: int) -> Sample:
    """An image of noise whose labels are blocks of classes, rare ones among them."""
    rng = np.random.default_rng(seed)
    classes = np.minimum(rng.geometric(0.25, (SMALL[0] // 4, SMALL[1] // 4)) - 1, TASKS["semseg"].channels - 1)
    labels: dict[str, np.ndarray] = {
        "semseg": classes.repeat(4, 0).repeat(4, 1).astype(np.uint8),
        "normals": np.zeros((*SMALL, 3), np.float32) + np.array([0, 0, 1], np.float32),
    }
    return Sample(rng.integers(0, 256, (*SMALL, 3), np.uint8), f"noise {seed}", labels)
