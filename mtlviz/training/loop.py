"""The training loop, on Lightning Fabric: one device or several with the same code.

Everything that happens at a step follows from the configuration and the step's number, so a training that was
killed goes on from its last state as if nothing had happened: on a processor the weights end bit-equal.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from mtlviz.data.rooms.labels import boundaries
from mtlviz.errors import OptionError, TrainingError
from mtlviz.files import written_whole
from mtlviz.models.frozen_encoder import freeze
from mtlviz.models.interactions.base import TokenLabels
from mtlviz.models.multitask import MultiTaskNetwork, token_mask
from mtlviz.models.token_classes import token_classes
from mtlviz.training.balancing import Balance, build_balance
from mtlviz.training.collapse_log import CollapseLog
from mtlviz.training.config import TrainConfig
from mtlviz.training.data import Batch, TrainingStream, normalised, training_batches
from mtlviz.training.devices import build_fabric, check_agreement, folder_held, seed_step
from mtlviz.training.losses import task_losses
from mtlviz.training.optimiser import build_optimiser, rate_factor
from mtlviz.training.progress import Progress
from mtlviz.training.sources import checked_held_out, training_images, with_tasks
from mtlviz.training.state import WEIGHTS, claim, load_state, save_state
from mtlviz.training.stopping import Watch


def train(config: TrainConfig, out: Path, resume: bool = True) -> Path:
    """Train a network.

    ``out`` receives ``config.json``, ``log.jsonl``, ``collapse.jsonl``, ``validation.jsonl`` and a folder for
    TensorBoard where the configuration asks for them, the last resumable state and in the end the weights.

    Args:
        config: the training.
        out: its folder.
        resume: go on from the last state in ``out``, or return at once if the training is finished; False
            starts again.

    Returns:
        The safetensors file of the final weights.

    Raises:
        OptionError: if ``out`` holds a training with another configuration or one that runs, ``encoder`` does not fit,
            or an option does not suit the data or the machine or needs a library that is not installed.
        DataError: if the training set or the images to evaluate on are missing or incomplete.
        TrainingError: if the state to go on from is damaged, a gradient or a weight is not finite, or processes do not
            agree.
    """
    weights = out / WEIGHTS
    config = pinned(with_tasks(config))
    with folder_held(out), _processor(config):
        claim(out, config, resume)
        if weights.exists():
            return weights
        if config.data.val is not None:
            checked_held_out(config)  # refused now, rather than after hours
        fabric = build_fabric(config)
        fabric.launch()
        tensors = _fit(config, out, fabric)
        if fabric.is_global_zero:
            with written_whole(weights) as partial:
                save_file(tensors, partial)
        fabric.barrier()
    return weights


def pinned(config: TrainConfig) -> TrainConfig:
    """The configuration with the hash of the encoder that it starts from, and with all that a backbone's name means.

    Raises:
        OptionError: if the file is missing, or is not the one the configuration already names, or a backbone's
            configuration cannot be had.
    """
    config = config.model_copy(update={"network": config.network.pinned()})
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

    The number of classes comes from the data set where it is there.

    Raises:
        OptionError: if the encoder's file is missing or belongs to another architecture, or ``auxiliary`` names a
            loss that the interaction does not have.
    """
    config = with_tasks(config)
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


def _fit(config: TrainConfig, out: Path, fabric: Fabric) -> dict[str, Tensor]:
    """Take every step that is left; returns the weights."""
    network, samples = build_network(config), training_images(config)
    if config.frozen:
        freeze(network.encoder)
    balance = build_balance(config, network, len(samples))
    optimiser: Optimizer
    objective, optimiser = fabric.setup(Objective(network, config), build_optimiser(network, balance, config))
    balance.to(fabric.device)
    precision = fabric.strategy.precision
    start, watched = load_state(out, network, optimiser, precision, balance)
    check_agreement(fabric, config, start)
    loader = training_batches(TrainingStream(samples, config, boundaries), start, fabric.global_rank, fabric.world_size)
    every = max(1, config.save_every // config.batch)
    collapse = CollapseLog(out, config, start, shown=fabric.is_global_zero)
    watch = Watch(out, config)
    watch.resume(start, watched)
    if start == 0:
        if config.encoder is None:
            network.encoder.load_pretrained()
        collapse.advance(0, network)
    with Progress(out, config, start, shown=fabric.is_global_zero) as progress:
        objective.train()
        batches = cast(Iterable[Batch], fabric.setup_dataloaders(loader, use_distributed_sampler=False))
        for step, parts in enumerate(_in_parts(batches, config.accumulate), start):
            rate = config.optimiser.rate * rate_factor(config, step)
            for group in optimiser.param_groups:
                group["lr"] = rate * group.get("factor", 1.0)
            seed_step(config, step, fabric.global_rank)
            losses, norm = training_step(objective, parts, optimiser, config, fabric, balance, step)
            progress.advance(step, losses, norm, rate)
            collapse.advance(step + 1, network)
            if watch.ends(step + 1, network, fabric):
                break  # without a state, which would go on behind the end
            if (step + 1) % every == 0 and step + 1 < config.steps and fabric.is_global_zero:
                check_finite(network)
                save_state(out, network, optimiser, precision, step + 1, balance, watch.state())
    fabric.barrier()
    check_finite(network)
    return watch.weights(network)


def _in_parts(batches: Iterable[Batch], parts: int) -> Iterator[list[Batch]]:
    """The batches of one step after another."""
    left = iter(batches)
    while step := list(islice(left, parts)):
        yield step


class Objective(nn.Module):
    """The network with its losses; what Fabric wraps, so that several devices see one call."""

    def __init__(self, network: MultiTaskNetwork, config: TrainConfig) -> None:
        super().__init__()
        self.network = network
        self.config = config

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The unweighted loss of every task, of its initial prediction, and the interaction's auxiliary losses."""
        stride = self.config.network.token_stride
        mask = None if batch.inside is None else token_mask(batch.inside, stride)
        images = normalised(batch, self.config.mean, self.config.std)
        auxiliary: dict[str, Tensor]
        outputs, _, auxiliary = self.network(images, mask=mask, labels=self._token_labels(batch), initial=True)
        with torch.autocast(images.device.type, enabled=False):
            losses = task_losses(outputs, batch.labels, batch.valid, self.config.task_list(), self.config.losses)
        return {**losses, **auxiliary}

    def _token_labels(self, batch: Batch) -> TokenLabels | None:
        """Classes of the tokens by classification task, where the interaction has a loss that asks for them."""
        if not self.network.interaction.auxiliary:
            return None
        return {
            task.name: token_classes(
                batch.labels[task.name], batch.valid[task.name], task.channels, self.config.network.token_stride
            )
            for task in self.config.task_list()
            if task.kind == "classes"
        }


def training_step(
    objective: nn.Module,
    parts: Sequence[Batch],
    optimiser: Optimizer,
    config: TrainConfig,
    fabric: Fabric,
    balance: Balance,
    step: int,
) -> tuple[dict[str, Tensor], Tensor | None]:
    """One step; returns the unweighted losses, meaned over its parts, and the gradient's norm before clipping."""
    optimiser.zero_grad()
    found = []
    for part, batch in enumerate(parts, 1):
        alone = part < len(parts) or not balance.synchronises
        with fabric.no_backward_sync(cast(_FabricModule, objective), enabled=alone and fabric.world_size > 1):
            losses = objective(batch)
            balance.backward(fabric, losses, len(parts))
        found.append({name: loss.detach() for name, loss in losses.items()})
    balance.finish(fabric, step)
    losses = (
        found[0] if len(found) == 1 else {name: torch.stack([one[name] for one in found]).mean() for name in found[0]}
    )
    largest = math.inf if config.optimiser.clip is None else config.optimiser.clip
    norm = fabric.clip_gradients(objective, optimiser, max_norm=largest, error_if_nonfinite=False)
    # With a gradient scaler an infinite gradient is an ordinary event, and the step is skipped; a loss never is.
    watched = list(losses.values()) if config.precision == "16-mixed" else [norm]
    if not all(value is None or value.isfinite() for value in watched):
        raise TrainingError(_not_finite(losses))
    optimiser.step()
    balance.observe(fabric, losses)
    return losses, norm


def _not_finite(losses: dict[str, Tensor]) -> str:
    wrong = [name for name, loss in losses.items() if not loss.isfinite()]
    return (
        f"The gradient is not finite{f' (nor is the loss of {wrong[0]})' if wrong else ''}, so this step was not taken "
        "and the last saved state is kept; lower optimiser.rate or use precision 32-true, and train in another folder "
        "or with --no-resume."
    )


def check_finite(network: nn.Module) -> None:
    """Refuse to keep weights that no prediction can come from.

    Raises:
        TrainingError: naming the first one.
    """
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise TrainingError(
                f"{name} is not finite after this step, so nothing was written and the last saved state is kept; lower "
                "optimiser.rate, and train in another folder or with --no-resume."
            )


@contextmanager
def _processor(config: TrainConfig) -> Iterator[None]:
    """Threads as configured, sums in a fixed order and random numbers of its own, for the time of a training."""
    threads, fixed = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    memory: Any = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory
    torch.set_num_threads(config.threads or threads)
    memory.fill_uninitialized_memory = False
    torch.use_deterministic_algorithms(config.accelerator == "cpu" or not torch.cuda.is_available(), warn_only=True)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
        memory.fill_uninitialized_memory = filled
        torch.use_deterministic_algorithms(fixed)
