"""Evaluation: every task's metrics, their protocol, and what a constant predictor would score."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from mtlviz.adapters.network import AdaptedNetwork
from mtlviz.data import geometry
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.errors import MtlvizError
from mtlviz.metrics import ConstantFit
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.models.network import Network
from mtlviz.tasks import Task
from mtlviz.training.config import IMAGENET_MEAN, IMAGENET_STD, TrainConfig
from mtlviz.training.data import Batch, First, Samples, join, normalised, to_batch, training_set
from mtlviz.training.loop import build_network
from mtlviz.training.scoring import Conventions, Scoring, without_nan
from mtlviz.training.sharing import sharing_statistics
from mtlviz.training.sources import Fitted, checked_held_out, completed, network_sized, with_tasks
from mtlviz.training.state import final_weights

TRACED = 50
"""Images over which the statistics of the interaction are averaged."""
FITTED = 1000
"""Training images on which constants are fitted."""
PIXELS = 5_000_000
"""Most labelled pixels of a batch, so that many classes at the size of a street scene fit into memory."""

EACH = 8
"""Images that make a process of its own worth starting."""

SWITCHED_OFF = Edit(residual=0.0)

Counted = Callable[[int, int], None]
Norm = tuple[float, float, float]
USUAL = Conventions()


def evaluate_network(
    network: Network,
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
    depth: Mapping[str, Any] | None = None,
    size: tuple[int, int] | None = None,
    workers: int = 1,
    progress: Counted | None = None,
) -> dict[str, Any]:
    """Score a network.

    Args:
        network: on the device to use; set to evaluation mode for the time of the call.
        samples: images with labels of the tasks; a task that an image has no label of does not count there.
        tasks: those of the network that are scored.
        mean: of the RGB normalisation; that of an adapter's network is the adapter's own.
        std: of the RGB normalisation.
        batch: images at a time; changes no result but those of the protocols that average over batches.
        switched_off: also score it with the weight of the interaction's residual at 0.
        constants: fitted on training labels; None fits them on ``samples``, the best a constant can be.
        protocol: see ``Conventions``, also for ``variant`` and ``depth``.
        variant: name of the data set.
        depth: fields of ``DepthOptions`` that differ from the protocol's.
        size: (H, W) to which images are resized for the network, while predictions are resized back to the size of
            the labels and scored there; None where all images are of a size that the network takes.
        workers: processes that match edges one to one, where a protocol wants that and there are many images.
        progress: called with (images done, images).

    Returns:
        Plain values for JSON, None where no pixel counts: ``images``, ``size`` of the network's images, ``scored``
        (where predictions meet labels); ``tasks`` with, by name,
        ``headline``, ``metrics``, ``protocol``, ``constant`` and for classes ``classes`` (IoU and frequency);
        for a network with an interaction ``interaction_off`` (metrics by task), where an adapter claims the edit
        ``residual`` too, and for one of ours ``sharing``, see ``sharing_statistics``.
    """
    ours = network if isinstance(network, MultiTaskNetwork) else None
    interacts = ours is not None and ours.config.interaction != "none"
    can_stop = interacts or (ours is None and _allows(network, SWITCHED_OFF))
    edits = {"on": None, **({"off": SWITCHED_OFF} if can_stop and switched_off else {})}
    conventions = Conventions(protocol, variant, depth or {})
    fitted = fit_constants(samples, tasks, conventions) if constants is None else constants
    scoring = Scoring(tasks, fitted, conventions, list(edits))
    training = network.training
    network.eval()
    try:
        with scoring.spread(min(workers, len(samples) // EACH)):
            for done, group in _batches(samples, tasks, batch, size):
                _score(network, group, edits, scoring, (mean, std))
                if progress:
                    progress(done, len(samples))
        seen = samples if size is None else Fitted(samples, size, "resize")
        sharing = {"sharing": sharing_statistics(ours, seen, TRACED, mean, std)} if ours and interacts else {}
    finally:
        network.train(training)
    where = "at the size of the network's images" if size is None else "at the size of the labels"
    result = {"images": len(samples), "size": list(size or samples[0].size), "scored": where}
    family = {} if protocol is None else {"family": protocol}
    return {name: without_nan(value) for name, value in {**family, **result, **scoring.results(), **sharing}.items()}


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
    variant = str(getattr(samples.samples if isinstance(samples, First) else samples, "variant", ""))
    counted = First(training, min(len(training), FITTED))
    constants = fit_constants(counted, tasks, Conventions(config.protocol, variant))
    resized = config.data.size is not None and config.fitting == "resize"
    scores = evaluate_network(
        network,
        samples if resized else network_sized(samples, config),
        tasks,
        mean=config.mean,
        std=config.std,
        constants=constants,
        protocol=config.protocol,
        variant=variant,
        size=config.data.size if resized else None,
        progress=progress,
    )
    return {**scores, "data": str(config.data.val), "constants_from": str(config.data.train)}


def fit_constants(
    samples: Samples,
    tasks: Sequence[Task],
    conventions: Conventions = USUAL,
    batch: int = 16,
    progress: Counted | None = None,
) -> list[ConstantFit]:
    """What the constant predictor of every task is made from: one pass over the labels that count."""
    options = conventions.options(tasks)
    fits = [ConstantFit(task, options[task.name]) for task in tasks]
    for done, group in _batches(samples, tasks, batch):
        for fit in fits:
            fit.update(group.labels[fit.task.name], group.valid[fit.task.name])
        if progress:
            progress(done, len(samples))
    return fits


def _allows(network: Network, edit: Edit) -> bool:
    try:
        network.check(edit)
    except MtlvizError:
        return False
    return True


@torch.inference_mode()
def _score(
    network: Network,
    batch: Batch,
    edits: Mapping[str, Edit | None],
    scoring: Scoring,
    norm: tuple[Norm, Norm],
) -> None:
    device = next(network.parameters()).device
    batch = batch._replace(images=batch.images.to(device))
    images = network.received(batch.images) if isinstance(network, AdaptedNetwork) else normalised(batch, *norm)
    for name, edit in edits.items():
        outputs, _, _ = network(images, edit=edit)
        scoring.add(name, outputs, batch)
    scoring.add_constant(batch)


def _batches(
    samples: Samples, tasks: Sequence[Task], most: int, size: tuple[int, int] | None = None
) -> Iterator[tuple[int, Batch]]:
    """Batches of neighbours with labels of one size, with the number of images up to their end.

    Args:
        samples: images with labels.
        tasks: whose labels are taken.
        most: images of a batch; fewer where they have more than ``PIXELS`` pixels.
        size: (H, W) of the images; None leaves them.
    """
    names = [task.name for task in tasks]
    group: list[Batch] = []
    labelled: tuple[int, int] | None = None  # size of the group's labels
    for index in range(len(samples)):
        sample = completed(samples[index], tasks)
        height, width = sample.size
        if group and (len(group) >= min(most, PIXELS // (height * width)) or sample.size != labelled):
            yield index, join(group)
            group = []
        labelled = sample.size
        group.append(to_batch(sample, names)._replace(images=_image(sample, size)))
    yield len(samples), join(group)


def _image(sample: Sample, size: tuple[int, int] | None) -> UInt8[Tensor, "1 H W 3"]:
    alone = Sample(sample.image, sample.name)
    return to_batch(alone if size is None else geometry.resize(alone, size), ()).images
