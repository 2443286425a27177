"""From a finished training to a checkpoint that the app and the command line load."""

from pathlib import Path

from torch import Tensor

from mtlviz.checkpoints import ModelCard, Part, save_checkpoint
from mtlviz.data.rooms import Rooms
from mtlviz.data.sets import DataSet
from mtlviz.engine import library_versions
from mtlviz.errors import OptionError
from mtlviz.models.multitask import MultiTaskNetwork, parameter_counts
from mtlviz.models.operations import operation_counts
from mtlviz.training.config import TrainConfig
from mtlviz.training.evaluate import Counted, evaluate_training
from mtlviz.training.sources import First, Samples, held_out, training_images
from mtlviz.training.state import CONFIG, WEIGHTS, final_weights

LICENCE = "MIT"
REAL_LICENCE = "not stated; the terms of the training data apply"


def publish(
    run: Path, name: str, folder: Path, *, part: Part = "network", progress: Counted | None = None
) -> ModelCard:
    """Save a finished training with its card.

    A network is evaluated on its ``val``; an encoder alone predicts nothing, so its card has no metrics.

    Args:
        run: folder of the training.
        name: of the checkpoint.
        folder: of the checkpoints.
        part: ``network``, or ``encoder`` to keep only what other trainings start from.
        progress: called with (images done, images) during the evaluation.

    Raises:
        OptionError: if ``run`` holds no finished training.
        TrainingError: if its weights are damaged.
        DataError: if the configuration's data are missing, or a network's names no ``val``.
    """
    config, weights = _finished(run)
    images = training_images(config)
    size, metrics = config.data.size or images[0].size, {}
    if part == "network":
        metrics = {_held_out_name(config): evaluate_training(config, run / WEIGHTS, progress=progress)}
    stride = config.network.token_stride
    grid = (size[0] // stride, size[1] // stride)
    network = MultiTaskNetwork(config.network, config.task_list()).eval()
    network.load_state_dict(weights)
    parameters, operations = parameter_counts(network), operation_counts(network, size)
    if part == "encoder":  # what it was trained with is not in the file, so the card does not speak of it
        weights = {key: tensor for key, tensor in weights.items() if key.startswith("encoder.")}
        parameters = dict.fromkeys(("encoder", "total"), parameters["encoder"])
        operations = dict.fromkeys(("encoder", "total"), operations["encoder"])
    card = ModelCard(
        name=name,
        title=config.title or name,
        summary=config.summary,
        part=part,
        trained="real" if config.definitions else "synthetic",
        architecture=network.config,
        tasks=tuple(config.task_list()),
        input_size=size,
        token_grid=grid,
        mean=config.mean,
        std=config.std,
        training=config.model_dump(mode="json", exclude={"network", "definitions"}),
        data=f"{len(images):,} {_described(images)}",
        metrics=metrics,
        parameters=parameters,
        operations=operations,
        computation=network.interaction.computation(grid[0] * grid[1]) if part == "network" else "",
        seed=config.seed,
        versions=library_versions(),
        licence=REAL_LICENCE if config.definitions else LICENCE,
    )
    return save_checkpoint(weights, card, folder)


def _described(images: Samples) -> str:
    """What the training images are."""
    found = images.samples if isinstance(images, First) else images
    return f"images of {found.title} ({found.variant})" if isinstance(found, DataSet) else "rendered rooms"


def _held_out_name(config: TrainConfig) -> str:
    """``rooms:SPLIT``, whether the rooms of ``val`` lie in a folder or are rendered, else title and split."""
    found = held_out(config.data)
    if isinstance(found, Rooms):
        return f"rooms:{found.description['split']}"
    return f"{found.title}:{found.split}" if isinstance(found, DataSet) else str(config.data.val)


def _finished(run: Path) -> tuple[TrainConfig, dict[str, Tensor]]:
    try:
        config = TrainConfig.model_validate_json((run / CONFIG).read_text(encoding="utf-8"))
        (run / WEIGHTS).stat()
    except (OSError, ValueError) as error:
        raise OptionError(f"{run} holds no finished training; train it first: python -m mtlviz train.") from error
    return config, final_weights(run / WEIGHTS)
