"""Evaluation: every task's metrics, their protocol, and what a constant predictor would score."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.data import geometry
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.metrics import ConstantFit, ConstantMeter, Meter, build_constant_meter, build_meter
from mtlviz.metrics.classes import ClassMeter
from mtlviz.metrics.families import family_options
from mtlviz.metrics.options import MeterOptions
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.tasks import Kind, Task
from mtlviz.training.config import IMAGENET_MEAN, IMAGENET_STD, TrainConfig
from mtlviz.training.data import Batch, First, Samples, join, normalised, to_batch, training_set
from mtlviz.training.loop import build_network
from mtlviz.training.sharing import sharing_statistics
from mtlviz.training.sources import Fitted, checked_held_out, completed, network_sized, with_tasks
from mtlviz.training.state import final_weights

TRACED = 50
"""Images over which the statistics of the interaction are averaged."""
FITTED = 1000
"""Training images on which constants are fitted."""

Counted = Callable[[int, int], None]
Norm = tuple[float, float, float]


def evaluate_network(
    network: MultiTaskNetwork,
    samples: Samples,
    tasks: Sequence[Task],
    *,
    mean: Norm = IMAGENET_MEAN,
    std: Norm = IMAGENET_STD,
    batch: int = 16,
    switched_off: bool = True,
    constants: Sequence[ConstantFit] | None = None,
    protocol: str | None = None,
    variant: str = "",
    size: tuple[int, int] | None = None,
    progress: Counted | None = None,
) -> dict[str, Any]:
    """Score a network.

    Args:
        network: on the device to use; set to evaluation mode for the time of the call.
        samples: images with labels of the tasks; a task that an image has no label of does not count there.
        tasks: the network's tasks.
        mean: of the RGB normalisation.
        std: of the RGB normalisation.
        batch: images at a time; changes no result but those of the protocols that average over batches.
        switched_off: also score it with the weight of the interaction's residual at 0.
        constants: fitted on training labels; None fits them on ``samples``, the best a constant can be.
        protocol: family of ``mtlviz.metrics.families`` whose conventions are used for the tasks that it has; None
            takes each task's defaults.
        variant: name of the data set, on which a family's tolerance of edges depends.
        size: (H, W) to which images are resized for the network, while predictions are resized back to the size of
            the labels and scored there; None where all images are of a size that the network takes.
        progress: called with (images done, images).

    Returns:
        Plain values for JSON, None where no pixel counts: ``images``, ``size`` of the network's images, ``scored``
        (where predictions meet labels); ``tasks`` with, by name,
        ``headline``, ``metrics``, ``protocol``, ``constant`` and for classes ``classes`` (IoU and frequency);
        for a network with an interaction ``interaction_off`` (metrics by task) and ``sharing``, see
        ``sharing_statistics``.
    """
    fitted = fit_constants(samples, tasks) if constants is None else constants
    options = {} if protocol is None else family_options(protocol, tasks, variant)
    constant = {fit.task.name: build_constant_meter(fit, options.get(fit.task.name)) for fit in fitted}
    interacts = network.config.interaction != "none"
    edits: dict[str, Edit | None] = {"on": None}
    if interacts and switched_off:
        edits["off"] = Edit(residual=0.0)
    device = next(network.parameters()).device
    meters = {name: {task.name: build_meter(task, options.get(task.name)) for task in tasks} for name in edits}
    kinds = {task.name: task.kind for task in tasks}
    training = network.training
    network.eval()
    try:
        for done, group in _batches(samples, tasks, batch, size):
            _score(network, _moved(group, device), edits, meters, constant, (mean, std), kinds)
            if progress:
                progress(done, len(samples))
        seen = samples if size is None else Fitted(samples, size, "resize")
        sharing = sharing_statistics(network, seen, TRACED, mean, std) if interacts else None
    finally:
        network.train(training)
    origins = {task.name: _origin(task, options, protocol) for task in tasks}
    result = {
        **({} if protocol is None else {"family": protocol}),
        "images": len(samples),
        "size": list(size or samples[0].size),
        "scored": "at the size of the network's images" if size is None else "at the size of the labels",
        **_results(meters, constant, origins),
        **({} if sharing is None else {"sharing": sharing}),
    }
    return {name: _plain(value) for name, value in result.items()}


def evaluate_training(
    config: TrainConfig, weights: Path, limit: int | None = None, progress: Counted | None = None
) -> dict[str, Any]:
    """Score the weights that a training wrote on its ``val``, beside constants fitted on its training images.

    Raises:
        DataError: if the configuration names no ``val``, or a folder is missing or holds too few images.
        TrainingError: if the weights are missing or damaged.
    """
    config = with_tasks(config)
    tasks, names = config.task_list(), [task.name for task in config.task_list()]
    samples, training = checked_held_out(config, limit), training_set(config.data, names)
    network = build_network(config.model_copy(update={"encoder": None}))
    network.load_state_dict(final_weights(weights))
    constants = fit_constants(First(training, min(len(training), FITTED)), tasks)
    resized = config.data.size is not None and config.fitting == "resize"
    scores = evaluate_network(
        network,
        samples if resized else network_sized(samples, config),
        tasks,
        mean=config.mean,
        std=config.std,
        constants=constants,
        protocol=config.protocol,
        variant=str(getattr(samples, "variant", "")),
        size=config.data.size if resized else None,
        progress=progress,
    )
    return {**scores, "data": str(config.data.val), "constants_from": str(config.data.train)}


def fit_constants(samples: Samples, tasks: Sequence[Task], batch: int = 16) -> list[ConstantFit]:
    """What the constant predictor of every task is made from: one pass over the labels."""
    fits = [ConstantFit(task) for task in tasks]
    for _, group in _batches(samples, tasks, batch):
        for fit in fits:
            fit.update(group.labels[fit.task.name], group.valid[fit.task.name])
    return fits


@torch.inference_mode()
def _score(
    network: nn.Module,
    batch: Batch,
    edits: dict[str, Edit | None],
    meters: dict[str, dict[str, Meter]],
    constant: dict[str, ConstantMeter],
    norm: tuple[Norm, Norm],
    kinds: Mapping[str, Kind],
) -> None:
    images = normalised(batch, *norm)
    for name, edit in edits.items():
        outputs, _, _ = network(images, edit=edit)
        for task, meter in meters[name].items():
            label = batch.labels[task].cpu()
            output = resized_output(outputs[task].float().cpu(), kinds[task], (label.shape[-2], label.shape[-1]))
            meter.update(output, label, batch.valid[task].cpu())
    for task, blind in constant.items():
        blind.update(batch.labels[task].cpu(), batch.valid[task].cpu())


def resized_output(output: Tensor, kind: Kind, size: tuple[int, int]) -> Tensor:
    """What a network gives, (B, C, h, w), at the size of the labels as published work resizes saved predictions.

    Classes take the nearest pixel, so that the best class of a pixel is one that was predicted; other quantities are
    interpolated, probabilities as such, unit vectors brought back to length 1.
    """
    if output.shape[-2:] == torch.Size(size):
        return output
    if kind == "classes":
        return functional.interpolate(output, size, mode="nearest-exact")
    if kind == "binary":
        resized = functional.interpolate(output.sigmoid(), size, mode="bilinear")
        return resized.logit(torch.finfo(resized.dtype).eps)
    resized = functional.interpolate(output, size, mode="bilinear")
    return functional.normalize(resized, dim=1) if kind == "normals" else resized


def _batches(
    samples: Samples, tasks: Sequence[Task], most: int, size: tuple[int, int] | None = None
) -> Iterator[tuple[int, Batch]]:
    """Batches of neighbours with labels of one size, with the number of images up to their end.

    Args:
        samples: images with labels.
        tasks: whose labels are taken.
        most: images of a batch.
        size: (H, W) of the images; None leaves them.
    """
    names = [task.name for task in tasks]
    group: list[Batch] = []
    labelled: tuple[int, int] | None = None  # size of the group's labels
    for index in range(len(samples)):
        sample = completed(samples[index], tasks)
        if group and (len(group) == most or sample.size != labelled):
            yield index, join(group)
            group = []
        labelled = sample.size
        group.append(to_batch(sample, names)._replace(images=_image(sample, size)))
    yield len(samples), join(group)


def _image(sample: Sample, size: tuple[int, int] | None) -> UInt8[Tensor, "1 H W 3"]:
    alone = Sample(sample.image, sample.name)
    return to_batch(alone if size is None else geometry.resize(alone, size), ()).images


def _moved(batch: Batch, device: torch.device) -> Batch:
    labels = {name: label.to(device) for name, label in batch.labels.items()}
    valid = {name: mask.to(device) for name, mask in batch.valid.items()}
    return Batch(batch.images.to(device), labels, valid)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """The value with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _origin(task: Task, options: Mapping[str, MeterOptions], protocol: str | None) -> str:
    """Whose conventions a task's protocol line states, as its beginning."""
    if protocol is None:
        return ""
    return f"{protocol}: " if task.name in options else f"{protocol} has no such task, so the usual: "


def _results(
    meters: Mapping[str, Mapping[str, Meter]], constant: Mapping[str, ConstantMeter], origins: Mapping[str, str]
) -> dict[str, Any]:
    """What was scored with the interaction on, and its metrics with it off where that was scored too."""
    on = {task: _task_result(meter, constant[task], origins[task]) for task, meter in meters["on"].items()}
    off = {task: meter.compute() for task, meter in meters.get("off", {}).items()}
    return {"tasks": on, "interaction_off": off} if off else {"tasks": on}


def _task_result(meter: Meter, constant: ConstantMeter, origin: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "headline": meter.headline,
        "metrics": meter.compute(),
        "protocol": origin + meter.protocol,
        "constant": constant.compute(),
    }
    if isinstance(meter, ClassMeter):
        result["classes"] = meter.per_class()
    return result
