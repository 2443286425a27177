"""The training loop, on Lightning Fabric: one device or several with the same code.

Everything that happens at a step follows from the configuration and the step's number, so a training that was
killed goes on from its last state as if nothing had happened: on a processor the weights end bit-equal.
"""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from mtlviz.data.rooms.labels import boundaries
from mtlviz.errors import OptionError, TrainingError
from mtlviz.files import written_whole
from mtlviz.models.interactions.base import TokenLabels
from mtlviz.models.multitask import MultiTaskNetwork, token_mask
from mtlviz.models.token_classes import token_classes
from mtlviz.training.collapse_log import CollapseLog
from mtlviz.training.config import TrainConfig
from mtlviz.training.data import Batch, TrainingStream, held_out, normalised, training_batches, training_set
from mtlviz.training.losses import task_losses
from mtlviz.training.progress import Progress
from mtlviz.training.state import WEIGHTS, claim, load_state, save_state


def train(config: TrainConfig, out: Path, resume: bool = True) -> Path:
    """Train a network.

    ``out`` receives ``config.json``, ``log.jsonl``, ``collapse.jsonl`` where the configuration asks for it, the last
    resumable state and in the end the weights.

    Args:
        config: the training.
        out: its folder.
        resume: go on from the last state in ``out``, or return at once if the training is finished; False
            starts again.

    Returns:
        The safetensors file of the final weights.

    Raises:
        OptionError: if ``out`` holds a training with another configuration, or ``encoder`` does not fit.
        DataError: if the training set or the images to evaluate on are missing or incomplete.
        TrainingError: if the state to go on from is damaged, or a gradient is not finite.
    """
    weights = out / WEIGHTS
    config = pinned(config)
    claim(out, config, resume)
    if weights.exists():
        return weights
    if config.data.val is not None:
        held_out(config.data)  # refused now, rather than after hours
    with _processor(config):
        fabric = Fabric(accelerator=config.accelerator, devices=config.devices, precision=config.precision)
        fabric.launch()
        network = _fit(config, out, fabric)
        if fabric.is_global_zero:
            tensors = {name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}
            with written_whole(weights) as partial:
                save_file(tensors, partial)
        fabric.barrier()
    return weights


def pinned(config: TrainConfig) -> TrainConfig:
    """The configuration with the hash of the encoder that it starts from.

    Raises:
        OptionError: if the file is missing, or is not the one the configuration already names.
    """
    if config.encoder is None:
        return config
    try:
        found = hashlib.sha256(config.encoder.read_bytes()).hexdigest()
    except OSError as error:
        raise OptionError(f"encoder {str(config.encoder)!r} is not a safetensors file; train it first.") from error
    if config.encoder_sha256 not in ("", found):
        raise OptionError(f"encoder {str(config.encoder)!r} is not the file that encoder_sha256 names; restore it.")
    return config.model_copy(update={"encoder_sha256": found})


def build_network(config: TrainConfig) -> MultiTaskNetwork:
    """The network before its first step: weights from the seed, the encoder's from ``config.encoder``.

    Raises:
        OptionError: if the encoder's file is missing or belongs to another architecture, or ``auxiliary`` names a
            loss that the interaction does not have.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = MultiTaskNetwork(config.network, config.task_list())
    existing = network.interaction.auxiliary
    for name in config.auxiliary:
        if name not in existing:
            raise OptionError(
                f"auxiliary names {name!r}, which is no loss of interaction {config.network.interaction!r} as "
                f"configured; it has {', '.join(existing) or 'none'}."
            )
    if config.encoder is not None:
        try:
            tensors = load_file(config.encoder)
            part = {name[8:]: tensor for name, tensor in tensors.items() if name.startswith("encoder.")}
            network.encoder.load_state_dict(part)
        except (OSError, SafetensorError) as error:
            raise OptionError(f"encoder {str(config.encoder)!r} is not a safetensors file; train it first.") from error
        except RuntimeError as error:
            raise OptionError(f"encoder {str(config.encoder)!r} is not of this network's architecture.") from error
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _fit(config: TrainConfig, out: Path, fabric: Fabric) -> MultiTaskNetwork:
    """Take every step that is left."""
    network = build_network(config)
    groups = parameter_groups(network, config.optimiser.decay)
    objective, optimiser = fabric.setup(Objective(network, config), AdamW(groups, config.optimiser.rate, fused=True))
    precision = fabric.strategy.precision
    start = load_state(out, network, optimiser, precision)
    stream = TrainingStream(training_set(config.data), config, boundaries)
    batches = training_batches(stream, start, fabric.global_rank, fabric.world_size)
    every = max(1, config.save_every // config.batch)
    collapse = CollapseLog(out, config, start, shown=fabric.is_global_zero)
    if start == 0:
        collapse.advance(0, network)
    with Progress(out, config, start, shown=fabric.is_global_zero) as progress:
        objective.train()
        for step, batch in enumerate(fabric.setup_dataloaders(batches, use_distributed_sampler=False), start):
            rate = config.optimiser.rate * rate_factor(config, step)
            for group in optimiser.param_groups:
                group["lr"] = rate
            losses, norm = training_step(objective, batch, optimiser, config, fabric)
            progress.advance(step, losses, norm, rate)
            collapse.advance(step + 1, network)
            if (step + 1) % every == 0 and step + 1 < config.steps and fabric.is_global_zero:
                save_state(out, network, optimiser, precision, step + 1)
    return network


class Objective(nn.Module):
    """The network with its losses; what Fabric wraps, so that several devices see one call."""

    def __init__(self, network: MultiTaskNetwork, config: TrainConfig) -> None:
        super().__init__()
        self.network = network
        self.config = config

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The unweighted loss of every task, of its initial prediction, and the interaction's auxiliary losses."""
        mask = None if batch.inside is None else token_mask(batch.inside)
        images = normalised(batch, self.config.mean, self.config.std)
        auxiliary: dict[str, Tensor]
        outputs, _, auxiliary = self.network(images, mask=mask, labels=self._token_labels(batch), initial=True)
        with torch.autocast(images.device.type, enabled=False):
            losses = task_losses(outputs, batch.labels, batch.valid, self.config.task_list())
        return {**losses, **auxiliary}

    def _token_labels(self, batch: Batch) -> TokenLabels | None:
        """Classes of the tokens by classification task, where the interaction has a loss that asks for them."""
        if not self.network.interaction.auxiliary:
            return None
        return {
            task.name: token_classes(batch.labels[task.name], batch.valid[task.name], task.channels)
            for task in self.config.task_list()
            if task.kind == "classes"
        }


def training_step(
    objective: nn.Module, batch: Batch, optimiser: Optimizer, config: TrainConfig, fabric: Fabric
) -> tuple[dict[str, Tensor], Tensor | None]:
    """One step; returns the unweighted losses and the gradient's norm before clipping."""
    losses = objective(batch)
    weights = config.loss_weights()
    optimiser.zero_grad()
    fabric.backward(sum(weights.get(name, 1.0) * loss for name, loss in losses.items()))
    largest = math.inf if config.optimiser.clip is None else config.optimiser.clip
    norm = fabric.clip_gradients(objective, optimiser, max_norm=largest, error_if_nonfinite=False)
    # With a gradient scaler an infinite gradient is an ordinary event: the step is skipped.
    if config.precision != "16-mixed" and norm is not None and not norm.isfinite():
        raise TrainingError(_not_finite(losses))
    optimiser.step()
    return {name: loss.detach() for name, loss in losses.items()}, norm


def _not_finite(losses: dict[str, Tensor]) -> str:
    wrong = [name for name, loss in losses.items() if not loss.isfinite()]
    return (
        f"The gradient is not finite{f' (nor is the loss of {wrong[0]})' if wrong else ''}, so this step was not taken "
        "and the last saved state is kept; lower optimiser.rate or use precision 32-true, and train in another folder "
        "or with --no-resume."
    )


def rate_factor(config: TrainConfig, step: int) -> float:
    """Learning rate of a step over the highest one."""
    optimiser, images = config.optimiser, (step + 1) * config.batch
    if images < optimiser.warmup:
        return images / optimiser.warmup
    done = (images - optimiser.warmup) / max(config.steps * config.batch - optimiser.warmup, 1)
    if optimiser.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return float((1 - done) ** 0.9) if optimiser.schedule == "poly" else 1.0


def parameter_groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """Parameters of two or more dimensions with weight decay, the others (norms, biases, scalars) without."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


@contextmanager
def _processor(config: TrainConfig) -> Iterator[None]:
    """Threads as configured, and sums in a fixed order, for the time of a training."""
    threads, fixed = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    memory: Any = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory
    torch.set_num_threads(config.threads or threads)
    memory.fill_uninitialized_memory = False
    torch.use_deterministic_algorithms(config.accelerator == "cpu" or not torch.cuda.is_available(), warn_only=True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        memory.fill_uninitialized_memory = filled
        torch.use_deterministic_algorithms(fixed)
