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

from mtlviz.analysis.collapse.accumulators import ClassAccumulator, Features, RegressionAccumulator, shapes_of
from mtlviz.analysis.collapse.kept import ImageKey, image_key
from mtlviz.analysis.collapse.record import ClassTask, Protocol, RegressionTask
from mtlviz.analysis.collapse.summary import class_place, regression_place
from mtlviz.models.multitask import MultiTaskNetwork, Places
from mtlviz.tasks import IGNORE, Task
from mtlviz.training.data import Batch, Samples, join, to_batch
from mtlviz.training.loop import normalised

Norm = tuple[float, float, float]
Counted = Callable[[int, int], None]

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
        self.network, self.norm, self.protocol = network, norm, protocol
        self.device = next(network.parameters()).device
        self.tasks = {task.name: task for task in tasks if task.kind in ("classes", *REGRESSIONS)}
        with torch.no_grad():
            _, places = network.features(torch.zeros(1, 3, *size, device=self.device))
            shapes = {name: shapes_of(features_of(places, name)) for name in self.tasks}
            self.classes = {
                name: ClassAccumulator(shapes[name], *network.decoder(name).classifier(), protocol)
                for name, task in self.tasks.items()
                if task.kind == "classes"
            }
        self.regression = {
            name: RegressionAccumulator(shapes[name], task.channels)
            for name, task in self.tasks.items()
            if task.kind in REGRESSIONS
        }

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
        _, places = self.network.features(normalised(batch, self.norm.mean, self.norm.std))
        for name, accumulator in self.classes.items():
            labels = batch.labels[name][:, 0].masked_fill(~batch.valid[name], IGNORE)
            accumulator.update(features_of(places, name), labels, keys)
        for name, regression in self.regression.items():
            regression.update(features_of(places, name), batch.labels.get(name), batch.valid.get(name))

    def tensors(self) -> Iterator[Tensor]:
        """Everything that is kept."""
        for part in (*self.classes.values(), *self.regression.values()):
            yield from part.tensors()

    def merge(self, other: "CollapsePass") -> None:
        """Add what another pass over the same network kept."""
        for name, accumulator in self.classes.items():
            accumulator.merge(other.classes[name])
        for name, regression in self.regression.items():
            regression.merge(other.regression[name])

    def result(self) -> CollapseFound:
        """The numbers."""
        classes = {
            name: ClassTask(
                self.tasks[name].title,
                {
                    place: class_place(accumulator, place, self.tasks[name].class_names, self.protocol)
                    for place in accumulator.shapes
                },
            )
            for name, accumulator in self.classes.items()
        }
        return CollapseFound(classes, {name: self._regression_task(name) for name in self.regression})

    def _regression_task(self, name: str) -> RegressionTask:
        accumulator, task = self.regression[name], self.tasks[name]
        weight = self.network.decoder(name).classifier()[0].detach().double().cpu().numpy()
        places = {place: regression_place(accumulator, place, weight) for place in accumulator.shapes}
        return RegressionTask(task.title, task.channels, places)


def features_of(places: Places, task: str) -> Features:
    """One task's features by place; where tasks are not told apart yet, the shared ones."""
    return {place: features[task] if task in features else features["shared"] for place, features in places.items()}


def collapse_statistics(
    network: MultiTaskNetwork,
    samples: Samples,
    tasks: Sequence[Task],
    *,
    norm: Normalisation,
    protocol: Protocol | None = None,
    batch: int = 16,
    accelerator: str = "cpu",
    devices: int = 1,
    progress: Counted | None = None,
) -> CollapseFound:
    """Collapse statistics of a network over images, with one forward pass an image.

    Whole batches are dealt out to the processes, so that several of them find what one finds, as long as each
    computes with as many threads: float32 features depend on those in their last digits.

    Args:
        network: on the CPU if there are several devices; set to evaluation mode for the time of the call.
        samples: images of one size that the network takes, with labels of all classification tasks.
        tasks: the network's tasks.
        norm: of the images.
        protocol: of the numbers; None takes the defaults.
        batch: images at a time.
        accelerator: ``cpu``, ``cuda`` or ``mps``.
        devices: how many of them, one process each.
        progress: called with (images done, images), by one process alone.
    """
    work = partial(
        _pass,
        network=network,
        samples=samples,
        tasks=tuple(tasks),
        norm=norm,
        protocol=protocol or Protocol(),
        size=batch,
    )
    training = network.training
    network.eval()
    try:
        if devices == 1:
            return work(Fabric(accelerator=accelerator, devices=1), progress=progress)
        fabric = Fabric(accelerator=accelerator, devices=devices, strategy="ddp_spawn")
        with TemporaryDirectory() as folder:
            path = Path(folder) / "found.json"
            fabric.launch(partial(_written, work, path))
            return _FOUND.validate_json(path.read_bytes())
    finally:
        network.train(training)


_FOUND = TypeAdapter(CollapseFound)


def _written(work: Callable[[Fabric], CollapseFound], path: Path, fabric: Fabric) -> None:
    """Do the work of one process; the first one writes what it found, as JSON, which loses no digit.

    What a process returns goes through a pipe that nobody reads before the process ends, so it must be small.
    """
    found = work(fabric)
    if fabric.is_global_zero:
        path.write_bytes(_FOUND.dump_json(found))


def _pass(
    fabric: Fabric,
    network: MultiTaskNetwork,
    samples: Samples,
    tasks: tuple[Task, ...],
    norm: Normalisation,
    protocol: Protocol,
    size: int,
    progress: Counted | None = None,
) -> CollapseFound:
    """The work of one process; the numbers are those of all of them."""
    home = next(network.parameters()).device
    network.to(fabric.device)
    try:
        collected = CollapsePass(network, tasks, samples[0].size, norm, protocol)
        starts = range(0, len(samples), size)
        for start in starts[fabric.global_rank :: fabric.world_size]:
            stop = min(start + size, len(samples))
            collected.update(*keyed_batch(samples, range(start, stop), collected.labelled, protocol, fabric.device))
            if progress:
                progress(stop, len(samples))
        if fabric.world_size > 1:
            _gather(fabric, collected, samples[0].size)
        return collected.result()
    finally:
        network.to(home)


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


@torch.inference_mode()
def _gather(fabric: Fabric, collected: CollapsePass, size: tuple[int, int]) -> None:
    """Merge into every process what all of them kept, in the order of the processes."""
    network, tasks = collected.network, list(collected.tasks.values())
    parts = [CollapsePass(network, tasks, size, collected.norm, collected.protocol) for _ in range(fabric.world_size)]
    for kept, *ranks in zip(collected.tensors(), *(part.tensors() for part in parts), strict=True):
        mine = kept.to(fabric.device)
        received = [torch.empty_like(mine) for _ in ranks]
        distributed.all_gather(received, mine)
        for rank, sent in zip(ranks, received, strict=True):
            rank.copy_(sent)
        kept.copy_(ranks[0])
    for part in parts[1:]:
        collected.merge(part)
