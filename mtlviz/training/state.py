"""Files of a training: configuration and resumable state, each written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning_fabric.plugins.precision import Precision
from pydantic import ValidationError
from torch import nn
from torch.optim import Optimizer

from mtlviz.errors import OptionError
from mtlviz.training.config import TrainConfig

STATE = "state.pt"
CONFIG = "config.json"
LOG = "log.jsonl"
WEIGHTS = "weights.safetensors"
"""Files in the folder of a training; the weights are the final ones."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place if the block ends without an error."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def claim(out: Path, config: TrainConfig, resume: bool) -> None:
    """Make ``out`` the folder of this training.

    Args:
        out: the folder; made if missing.
        config: the training.
        resume: keep what is there; False removes the files of an earlier training.

    Raises:
        OptionError: if it holds a training with another configuration and ``resume`` is asked for.
    """
    out.mkdir(parents=True, exist_ok=True)
    if not resume:
        for name in (STATE, CONFIG, WEIGHTS, LOG):
            (out / name).unlink(missing_ok=True)
    text = config.model_dump_json(indent=1)
    known = out / CONFIG
    begun = known.exists() and ((out / STATE).exists() or (out / WEIGHTS).exists())
    if begun and _identity(known.read_text(encoding="utf-8")) != _identity(text):
        raise OptionError(f"{out} holds a training with another configuration; choose another folder or start again.")
    with written_whole(known) as partial:
        partial.write_text(text, encoding="utf-8")


def _identity(text: str) -> dict[str, object]:
    """What must not change when a training is resumed: all but how it is run and reported."""
    try:
        values: dict[str, object] = TrainConfig.model_validate_json(text).model_dump()
    except ValidationError:
        return {}
    values["data"] = {**dict(values["data"]), "workers": 0, "val": None}  # type: ignore[call-overload]
    return {**values, "title": "", "summary": "", "threads": None, "log_every": 0, "save_every": 0}


def save_state(out: Path, network: nn.Module, optimiser: Optimizer, precision: Precision, step: int) -> None:
    """Keep all that the steps from ``step`` on depend on."""
    state = {
        "step": step,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "precision": precision.state_dict(),
        "random": torch.get_rng_state(),
    }
    with written_whole(out / STATE) as partial:
        torch.save(state, partial)


def load_state(out: Path, network: nn.Module, optimiser: Optimizer, precision: Precision) -> int:
    """Restore the last state in ``out`` and return the step to go on with, 0 if there is none."""
    if not (out / STATE).exists():
        return 0
    state = torch.load(out / STATE, map_location="cpu", weights_only=True)
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    precision.load_state_dict(state["precision"])
    torch.set_rng_state(state["random"])
    return int(state["step"])
