"""The devices of a training: started here or by torchrun, all of them in the same training at the same step."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from mtlviz.errors import DataError, OptionError, TrainingError
from mtlviz.training.config import TrainConfig
from mtlviz.training.locks import FileLock

LOCK = ".training.lock"
"""In the folder of a training; held by its first process."""


def build_fabric(config: TrainConfig) -> Fabric:
    """The devices that a configuration asks for.

    Raises:
        OptionError: if they are not there, torchrun started another number of processes, or the precision is not
            theirs.
    """
    devices, nodes = config.devices, 1
    if torch.distributed.is_available() and torch.distributed.is_torchelastic_launched():
        started = int(os.environ["WORLD_SIZE"])
        if started != config.devices:
            raise OptionError(f"devices is {config.devices}, but torchrun started {started} processes; give the same.")
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = started // devices
    usual = config.precision != "16-mixed"  # which Fabric would replace on a processor
    try:
        fabric = Fabric(
            accelerator=config.accelerator,
            devices=devices,
            num_nodes=nodes,
            precision=config.precision if usual or torch.cuda.is_available() else "32-true",
        )
    except (RuntimeError, ValueError) as error:  # of which Fabric has its own kinds
        raise OptionError(
            f"There is no accelerator {config.accelerator!r} with devices: {config.devices} on this machine; choose "
            "fewer devices, or accelerator: auto."
        ) from error
    if not usual and fabric.device.type != "cuda":
        raise OptionError(
            f"precision 16-mixed needs accelerator cuda; on {fabric.device.type} choose bf16-mixed or 32-true."
        )
    return fabric


def check_agreement(fabric: Fabric, config: TrainConfig, step: int) -> None:
    """Refuse processes that would not train the same.

    Raises:
        TrainingError: on a process whose configuration or whose next step is not that of the first one.
    """
    own = (config.model_dump_json(), step)
    first = fabric.broadcast(own)
    if first != own:
        what = "configuration" if first[0] != own[0] else f"last state (step {step}, not {first[1]})"
        raise TrainingError(
            f"Process {fabric.global_rank} has another {what} than the first one; give all processes the same file and "
            "a folder that their machines share."
        )


def seed_step(config: TrainConfig, step: int, rank: int = 0) -> None:
    """Make what a step draws at random, as drop path does, follow from the seed, the step and the process alone."""
    torch.manual_seed(int(np.random.SeedSequence([config.seed, 4, step, rank]).generate_state(1)[0]))


@contextmanager
def folder_held(out: Path) -> Iterator[None]:
    """Keep other trainings out of a folder; processes beside the first of a training leave that to it.

    Raises:
        OptionError: if another training is at work there.
    """
    if os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) != "0":
        yield
        return
    lock = FileLock(out / LOCK)
    try:
        free = lock.acquire(wait=False)
    except DataError:  # a file system without locks
        free = True
    if not free:
        raise OptionError(f"Another training is at work in {out}; wait for it, stop it, or choose another folder.")
    try:
        yield
    finally:
        lock.release()
