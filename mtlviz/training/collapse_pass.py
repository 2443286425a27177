"""The streaming pass of the collapse statistics: every image is seen once, what is kept does not grow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from lightning_fabric import Fabric
from pydantic import TypeAdapter
from torch import Tensor, distributed

from mtlviz.analysis.collapse.accumulators import (
    ClassAccumulator,
    Features,
    RegressionAccumulator,
    shapes_of,
)
from mtlviz.analysis.collapse.kept import ImageKey, image_key
from mtlviz.analysis.collapse.record import ClassTask, Protocol, RegressionTask
from mtlviz.analysis.collapse.summary import class_place, regression_place
from mtlviz.models.multitask import MultiTaskNetwork, Places
from mtlviz.tasks import IGNORE, Task
from mtlviz.training.data import Batch, Samples, join, normalised, to_batch

Norm = tuple[float, float, float]
Counted = Callable[[int, int], None]

SHARED = "shared"
"""Key of features that are the same for all tasks."""
REGRESSIONS = ("depth", "normals")
"""Kinds of tasks whose collapse is that of a regression."""


@dataclass(frozen=True)
class Normalisation:
    """Of the RGB in [0, 1] that a network takes."""

    mean: Norm
    std: Norm


@dataclass(frozen=True)
class CollapseFound:
    """What a pass found, by task."""

    classes: Mapping[str, ClassTask]
    regression: Mapping[str, RegressionTask]


class CollapsePass:
    """Collects what the statistics of a network need, batch by batch.

    Args:
        network: in evaluation mode, on the device to use.
        tasks: the network's tasks.
        size: (H, W) of the images.
        norm: of the images.
        protocol: of the numbers.
    """

    def __init__(
        self,
        network: MultiTaskNetwork,
        tasks: Sequence[Task],
        size: tuple[int, int],
        norm: Normalisation,
        protocol: Protocol,
    ) -> None:
        self.network, self.norm, self.protocol, self.size = network, norm, protocol, size
        self.tasks = {task.name: task for task in tasks if task.kind in ("classes", *REGRESSIONS)}
        regressions = {name: task.channels for name, task in self.tasks.items() if task.kind in REGRESSIONS}
        with torch.no_grad():
            places = network.places(torch.zeros(1, 3, *size, device=next(network.parameters()).device))
            shapes = {name: shapes_of(features_of(places, name)) for name in self.tasks}
            self.classes = {
                name: ClassAccumulator(shapes[name], *network.decoder(name).classifier(), protocol)
                for name, task in self.tasks.items()
                if task.kind == "classes"
            }
        shared = [place for place, features in places.items() if SHARED in features]
        like = next((shapes[name] for name in regressions), {})
        self.regression = RegressionAccumulator(like, regressions, shared) if regressions else None

    @property
    def labelled(self) -> list[str]:
        """Tasks whose labels a batch has to hold."""
        return [name for name, task in self.tasks.items() if task.kind == "classes" or task.channels > 1]

    @torch.inference_mode()
    def update(self, batch: Batch, keys: Sequence[ImageKey]) -> None:
        """Add the images of a batch.

        Args:
            batch: without padding, with the labels of ``labelled``.
            keys: of its images.
        """
        places = self.network.places(normalised(batch, self.norm.mean, self.norm.std))
        for name, accumulator in self.classes.items():
            labels = batch.labels[name][:, 0].masked_fill(~batch.valid[name], IGNORE)
            accumulator.update(features_of(places, name), labels, keys)
        if self.regression is not None:
            names = self.regression.dimensions
            targets = {name: (batch.labels[name], batch.valid[name]) for name in names if name in self.labelled}
            self.regression.update({name: features_of(places, name) for name in names}, targets)

    def tensors(self) -> Iterator[Tensor]:
        """Everything that is kept."""
        for accumulator in self.classes.values():
            yield from accumulator.tensors()
        if self.regression is not None:
            yield from self.regression.tensors()

    def merge(self, other: "CollapsePass") -> None:
        """Add what another pass over the same network kept."""
        for name, accumulator in self.classes.items():
            accumulator.merge(other.classes[name])
        if self.regression is not None and other.regression is not None:
            self.regression.merge(other.regression)

    def result(self) -> CollapseFound:
        """The numbers."""
        classes = {name: self._class_task(accumulator, self.tasks[name]) for name, accumulator in self.classes.items()}
        regression = {} if self.regression is None else self._regression_tasks(self.regression)
        return CollapseFound(classes, regression)

    def _class_task(self, accumulator: ClassAccumulator, task: Task) -> ClassTask:
        names, protocol = task.class_names, self.protocol
        return ClassTask(
            task.title, {place: class_place(accumulator, place, names, protocol) for place in accumulator.shapes}
        )

    def _regression_tasks(self, accumulator: RegressionAccumulator) -> dict[str, RegressionTask]:
        found = {}
        for name, number in accumulator.dimensions.items():
            weight = self.network.decoder(name).classifier()[0].detach().cpu().double().numpy()
            places = {place: regression_place(accumulator, name, place, weight) for place in accumulator.shapes}
            found[name] = RegressionTask(self.tasks[name].title, number, places)
        return found


def features_of(places: Places, task: str) -> Features:
    """One task's features by place; where tasks are not told apart yet, the shared ones."""
    return {place: features[task] if task in features else features[SHARED] for place, features in places.items()}


def collapse_statistics(
    network: MultiTaskNetwork,
    samples: Samples,
    tasks: Sequence[Task],
    *,
    norm: Normalisation,
    protocol: Protocol | None = None,
    batch: int = 16,
    devices: int = 1,
    progress: Counted | None = None,
) -> CollapseFound:
    """Collapse statistics of a network over images, with one forward pass an image.

    Whole batches are dealt out to the processes, so that several of them find what one finds.

    Args:
        network: on the device to use, or on one of those of that kind; set to evaluation mode for the time of the
            call.
        samples: images of one size that the network takes, with labels of all classification tasks.
        tasks: the network's tasks.
        norm: of the images.
        protocol: of the numbers; None takes the defaults.
        batch: images at a time.
        devices: how many of them, one process each.
        progress: called with (images done, images), by a single process alone.
    """
    home, training = next(network.parameters()).device, network.training
    make = partial(CollapsePass, network, tuple(tasks), samples[0].size, norm, protocol or Protocol())
    network.eval()
    try:
        if devices == 1:
            return _collected(make(), samples, batch, progress=progress).result()
        network.cpu()  # from where every process takes its copy
        fabric = Fabric(accelerator=home.type, devices=devices, strategy="ddp_spawn")
        with TemporaryDirectory() as folder:
            path = Path(folder) / "found.json"
            fabric.launch(partial(_share, make, samples, batch, path))
            return _FOUND.validate_json(path.read_bytes())
    finally:
        network.to(home)
        network.train(training)


_FOUND = TypeAdapter(CollapseFound)


def _share(make: "partial[CollapsePass]", samples: Samples, size: int, path: Path, fabric: Fabric) -> None:
    """The work of one process; the first one writes what all of them found, as JSON, which loses no digit.

    What a process returns goes through a pipe that nobody reads before the process ends, so it must be small.
    """
    make.args[0].to(fabric.device)
    collected = _collected(make(), samples, size, fabric.global_rank, fabric.world_size)
    with torch.inference_mode():
        _gather(fabric, collected, make)
    if fabric.is_global_zero:
        path.write_bytes(_FOUND.dump_json(collected.result()))


def _collected(
    collected: CollapsePass,
    samples: Samples,
    size: int,
    rank: int = 0,
    world: int = 1,
    progress: Counted | None = None,
) -> CollapsePass:
    """The pass after every ``world``-th batch, beginning with number ``rank``."""
    device = next(collected.network.parameters()).device
    for start in range(rank * size, len(samples), world * size):
        stop = min(start + size, len(samples))
        collected.update(*keyed_batch(samples, range(start, stop), collected.labelled, collected.protocol, device))
        if progress:
            progress(stop, len(samples))
    return collected


def keyed_batch(
    samples: Samples, indices: Sequence[int], tasks: Sequence[str], protocol: Protocol, device: torch.device
) -> tuple[Batch, list[ImageKey]]:
    """Some images as a batch on a device, and their keys."""
    chosen = [samples[index] for index in indices]
    one = join([to_batch(sample, tasks) for sample in chosen])
    labels = {name: label.to(device) for name, label in one.labels.items()}
    valid = {name: mask.to(device) for name, mask in one.valid.items()}
    keys = [image_key(index, sample.name, protocol.groups) for index, sample in zip(indices, chosen, strict=True)]
    return Batch(one.images.to(device), labels, valid), keys


def _gather(fabric: Fabric, collected: CollapsePass, make: "partial[CollapsePass]") -> None:
    """Merge into every process what all of them kept, in the order of the processes."""
    parts = [make() for _ in range(fabric.world_size)]
    for kept, *ranks in zip(collected.tensors(), *(part.tensors() for part in parts), strict=True):
        mine = kept.to(fabric.device)
        received = [torch.empty_like(mine) for _ in ranks]
        distributed.all_gather(received, mine)
        for rank, sent in zip(ranks, received, strict=True):
            rank.copy_(sent)
        kept.copy_(ranks[0])
    for part in parts[1:]:
        collected.merge(part)
