"""Early stop: how well held-out images are told while a training runs, and its best weights so far."""

import json
import math
from pathlib import Path

import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file, save_file
from torch import Tensor

from mtlviz.files import written_whole
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.training.config import TrainConfig
from mtlviz.training.data import join, normalised, to_batch
from mtlviz.training.losses import task_losses
from mtlviz.training.progress import cut_log
from mtlviz.training.sources import Samples, checked_held_out, completed, network_sized
from mtlviz.training.state import BEST, VALIDATION_LOG


class Watch:
    """Looks at held-out images every so often; does nothing where the configuration has no ``stop``.

    Args:
        out: folder of the training; receives ``validation.jsonl`` and the best weights.
        config: the training.
    """

    def __init__(self, out: Path, config: TrainConfig) -> None:
        self.out, self.config = out, config
        self.best, self.since = math.inf, 0
        if config.stop is not None:
            limit = config.stop.images
            self.samples = network_sized(checked_held_out(config, limit), config)
            self.every = max(1, config.stop.every // config.batch)

    def resume(self, start: int, state: dict[str, float]) -> None:
        """Go on from what ``state`` gave before step ``start``."""
        self.best, self.since = state.get("best", math.inf), int(state.get("since", 0))
        if self.config.stop is not None:
            cut_log(self.out / VALIDATION_LOG, start)

    def state(self) -> dict[str, float]:
        """What is remembered between looks; empty without ``stop``."""
        return {} if self.config.stop is None else {"best": self.best, "since": self.since}

    def ends(self, steps: int, network: MultiTaskNetwork, fabric: Fabric) -> bool:
        """Look if it is time to, on the first device; whether the training ends after ``steps`` steps."""
        stop = self.config.stop
        if stop is None or (steps % self.every and steps != self.config.steps):
            return False
        if fabric.is_global_zero:
            losses = held_out_losses(network, self.samples, self.config)
            weights = self.config.loss_weights()
            total = sum(weights[name] * loss for name, loss in losses.items())
            self.since = 0 if total < self.best else self.since + 1
            if not self.since:
                self.best = total
                with written_whole(self.out / BEST) as partial:
                    save_file(
                        {name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}, partial
                    )
            entry = {"step": steps, "images": steps * self.config.batch, "total": total, **losses}
            with (self.out / VALIDATION_LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(entry) + "\n")
        return bool(fabric.broadcast(self.since >= stop.patience))

    def weights(self, network: MultiTaskNetwork) -> dict[str, Tensor]:
        """The weights to keep in the end: the best ones that were seen, or the last ones."""
        if self.config.stop is not None and math.isfinite(self.best):
            return dict(load_file(self.out / BEST))
        return {name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}


@torch.inference_mode()
def held_out_losses(network: MultiTaskNetwork, samples: Samples, config: TrainConfig) -> dict[str, float]:
    """The unweighted loss of every task: of each batch, averaged over images."""
    device, training = next(network.parameters()).device, network.training
    tasks = config.task_list()
    sums = dict.fromkeys((task.name for task in tasks), 0.0)
    network.eval()
    try:
        for start in range(0, len(samples), config.batch):
            indices = range(start, min(start + config.batch, len(samples)))
            batch = join([to_batch(completed(samples[index], tasks), list(sums)) for index in indices])
            images = normalised(batch, config.mean, config.std).to(device)
            outputs, _, _ = network(images)
            labels, valid = _on(device, batch.labels), _on(device, batch.valid)
            for name, loss in task_losses(outputs, labels, valid, tasks, config.losses).items():
                sums[name] += len(indices) * float(loss)
    finally:
        network.train(training)
    return {name: total / len(samples) for name, total in sums.items()}


def _on(device: torch.device, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}
