"""From a finished training to a checkpoint that the app and the command line load."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mtlviz.checkpoints import ModelCard, Part, save_checkpoint
from mtlviz.engine import library_versions
from mtlviz.errors import OptionError
from mtlviz.models.encoders import TOKEN_STRIDE
from mtlviz.models.multitask import MultiTaskNetwork, parameter_counts
from mtlviz.models.operations import operation_counts
from mtlviz.training.config import TrainConfig
from mtlviz.training.data import evaluation_set, training_set
from mtlviz.training.evaluate import Counted, evaluate_training
from mtlviz.training.state import CONFIG, WEIGHTS

LICENCE = "MIT"


def publish(
    run: Path, name: str, folder: Path, *, part: Part = "network", progress: Counted | None = None
) -> ModelCard:
    """Evaluate a finished training on its ``val`` and save it with its card.

    Args:
        run: folder of the training.
        name: of the checkpoint.
        folder: of the checkpoints.
        part: ``network``, or ``encoder`` to keep only what other trainings start from.
        progress: called with (images done, images) during the evaluation.

    Raises:
        OptionError: if ``run`` holds no finished training.
        DataError: if the configuration's data are missing.
    """
    config, weights = _finished(run)
    metrics = {"rooms:val": evaluate_training(config, run / WEIGHTS, progress=progress)}
    size = evaluation_set(str(config.data.val), 1, (0, 0))[0].size
    network = MultiTaskNetwork(config.network, config.task_list()).eval()
    network.load_state_dict(weights)
    parameters, operations = parameter_counts(network), operation_counts(network, size)
    if part == "encoder":  # what it was trained with is not in the file, so the card does not speak of it
        weights = {key: tensor for key, tensor in weights.items() if key.startswith("encoder.")}
        parameters = dict.fromkeys(("encoder", "total"), parameters["encoder"])
        operations = dict.fromkeys(("encoder", "total"), operations["encoder"])
        metrics = {}
    card = ModelCard(
        name=name,
        title=config.title or name,
        summary=config.summary,
        part=part,
        trained="synthetic",
        architecture=config.network,
        tasks=tuple(config.task_list()),
        input_size=size,
        token_grid=(size[0] // TOKEN_STRIDE, size[1] // TOKEN_STRIDE),
        mean=config.mean,
        std=config.std,
        training=config.model_dump(mode="json", exclude={"network"}),
        data=f"{len(training_set(config.data)):,} rendered rooms",
        metrics=metrics,
        parameters=parameters,
        operations=operations,
        seed=config.seed,
        versions=library_versions(),
        licence=LICENCE,
    )
    return save_checkpoint(weights, card, folder)


def _finished(run: Path) -> tuple[TrainConfig, dict[str, Tensor]]:
    try:
        config = TrainConfig.model_validate_json((run / CONFIG).read_text(encoding="utf-8"))
        weights: dict[str, Any] = load_file(run / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise OptionError(f"{run} holds no finished training; train it first: python -m mtlviz train.") from error
    return config, weights
