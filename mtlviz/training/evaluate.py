"""Evaluation: every task's metrics, their protocol, and what a constant predictor would score."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mtlviz.edits import Edit
from mtlviz.metrics import ConstantFit, ConstantMeter, Meter, build_constant_meter, build_meter
from mtlviz.metrics.classes import ClassMeter
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.tasks import Task
from mtlviz.training.config import IMAGENET_MEAN, IMAGENET_STD, TrainConfig
from mtlviz.training.data import Batch, First, Samples, held_out, join, normalised, to_batch, training_set
from mtlviz.training.loop import build_network
from mtlviz.training.sharing import sharing_statistics
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
    progress: Counted | None = None,
) -> dict[str, Any]:
    """Score a network.

    Args:
        network: on the device to use; set to evaluation mode for the time of the call.
        samples: images with labels of all tasks, of one size that the network takes.
        tasks: the network's tasks.
        mean: of the RGB normalisation.
        std: of the RGB normalisation.
        batch: images at a time; changes no result.
        switched_off: also score it with the weight of the interaction's residual at 0.
        constants: fitted on training labels; None fits them on ``samples``, the best a constant can be.
        progress: called with (images done, images).

    Returns:
        Plain values for JSON, None where no pixel counts: ``images``, ``size``; ``tasks`` with, by name,
        ``headline``, ``metrics``, ``protocol``, ``constant`` and for classes ``classes`` (IoU and frequency);
        for a network with an interaction ``interaction_off`` (metrics by task) and ``sharing``, see
        ``sharing_statistics``.
    """
    fitted = fit_constants(samples, tasks) if constants is None else constants
    constant = {fit.task.name: build_constant_meter(fit) for fit in fitted}
    interacts = network.config.interaction != "none"
    edits: dict[str, Edit | None] = {"on": None}
    if interacts and switched_off:
        edits["off"] = Edit(residual=0.0)
    device = next(network.parameters()).device
    meters = {name: {task.name: build_meter(task) for task in tasks} for name in edits}
    training = network.training
    network.eval()
    try:
        for done, group in _batches(samples, tasks, batch):
            _score(network, _moved(group, device), edits, meters, constant, (mean, std))
            if progress:
                progress(done, len(samples))
        sharing = sharing_statistics(network, samples, TRACED, mean, std) if interacts else None
    finally:
        network.train(training)
    result: dict[str, Any] = {
        "images": len(samples),
        "size": list(samples[0].size),
        "tasks": {task.name: _task_result(task, meters["on"][task.name], constant[task.name]) for task in tasks},
    }
    if "off" in meters:
        result["interaction_off"] = {name: meter.compute() for name, meter in meters["off"].items()}
    if sharing is not None:
        result["sharing"] = sharing
    return {name: _plain(value) for name, value in result.items()}


def evaluate_training(
    config: TrainConfig, weights: Path, limit: int | None = None, progress: Counted | None = None
) -> dict[str, Any]:
    """Score the weights that a training wrote on its ``val``, beside constants fitted on its training images.

    Raises:
        DataError: if the configuration names no ``val``, or a folder is missing or holds too few images.
        TrainingError: if the weights are missing or damaged.
    """
    samples, training, tasks = held_out(config.data, limit), training_set(config.data), config.task_list()
    network = build_network(config.model_copy(update={"encoder": None}))
    network.load_state_dict(final_weights(weights))
    constants = fit_constants(First(training, min(len(training), FITTED)), tasks)
    scores = evaluate_network(
        network, samples, tasks, mean=config.mean, std=config.std, constants=constants, progress=progress
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
) -> None:
    images = normalised(batch, *norm)
    for name, edit in edits.items():
        outputs, _, _ = network(images, edit=edit)
        for task, meter in meters[name].items():
            meter.update(outputs[task].float().cpu(), batch.labels[task].cpu(), batch.valid[task].cpu())
    for task, blind in constant.items():
        blind.update(batch.labels[task].cpu(), batch.valid[task].cpu())


def _batches(samples: Samples, tasks: Sequence[Task], size: int) -> Iterator[tuple[int, Batch]]:
    """Batches with the number of images up to their end."""
    names = [task.name for task in tasks]
    for start in range(0, len(samples), size):
        stop = min(start + size, len(samples))
        yield stop, join([to_batch(samples[index], names) for index in range(start, stop)])


def _moved(batch: Batch, device: torch.device) -> Batch:
    labels = {name: label.to(device) for name, label in batch.labels.items()}
    valid = {name: mask.to(device) for name, mask in batch.valid.items()}
    return Batch(batch.images.to(device), labels, valid)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """The value with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _task_result(task: Task, meter: Meter, constant: ConstantMeter) -> dict[str, Any]:
    result: dict[str, Any] = {
        "headline": task.metric,
        "metrics": meter.compute(),
        "protocol": meter.protocol,
        "constant": constant.compute(),
    }
    if isinstance(meter, ClassMeter):
        result["classes"] = meter.per_class()
    return result
