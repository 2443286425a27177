"""Files of a training: configuration and resumable state, each written whole or not at all."""

import json
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.precision import Precision
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim import Optimizer

from mtlviz.errors import DataError, OptionError, TrainingError
from mtlviz.files import write_whole, written_whole
from mtlviz.training.config import TrainConfig

STATE = "state.pt"
CONFIG = "config.json"
LOG = "log.jsonl"
COLLAPSE_LOG = "collapse.jsonl"
WEIGHTS = "weights.safetensors"
METRICS = "metrics.json"
VALIDATION_LOG = "validation.jsonl"
BEST = "best.safetensors"
"""Files in the folder of a training; weights and metrics are the final ones."""


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
    for name in (STATE, WEIGHTS, BEST):
        for partial in out.glob(f".{name}.*.tmp"):  # of a process that was killed while it wrote
            partial.unlink(missing_ok=True)
    if not resume:
        for name in (STATE, CONFIG, WEIGHTS, METRICS, LOG, COLLAPSE_LOG, VALIDATION_LOG, BEST):
            (out / name).unlink(missing_ok=True)
    text = config.model_dump_json(indent=1)
    known = out / CONFIG
    begun = known.exists() and ((out / STATE).exists() or (out / WEIGHTS).exists())
    if begun and _identity(known.read_text(encoding="utf-8")) != _identity(text):
        raise OptionError(f"{out} holds a training with another configuration; choose another folder or start again.")
    write_whole(known, text)


def _identity(text: str) -> dict[str, object]:
    """What must not change when a training is resumed: all but how it is run and reported."""
    try:
        values: dict[str, object] = TrainConfig.model_validate_json(text).model_dump()
    except ValidationError:
        return {}
    held_out = {} if values["stop"] else {"val": None}  # an early stop depends on it
    values["data"] = {**dict(values["data"]), "workers": 0, **held_out}  # type: ignore[call-overload]
    reported = {"log_every": 0, "save_every": 0, "collapse_every": None, "collapse_rooms": 0, "tensorboard": False}
    return {**values, "title": "", "summary": "", "threads": None, "protocol": None, **reported}


def read_scores(path: Path) -> dict[str, Any]:
    """What a file of scores holds; empty if it is no mapping.

    Raises:
        DataError: if it is not JSON.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is damaged; delete it: what was trained is kept, and scored again.") from error
    return values if isinstance(values, dict) else {}


def save_state(
    out: Path,
    network: nn.Module,
    optimiser: Optimizer,
    precision: Precision,
    step: int,
    balance: nn.Module | None = None,
    watched: dict[str, float] | None = None,
) -> None:
    """Keep all that the steps from ``step`` on depend on.

    Args:
        out: folder of the training.
        network: its weights.
        optimiser: its moments.
        precision: its gradient scaler, if it has one.
        step: the next one.
        balance: what balances the losses.
        watched: what the early stop remembers.
    """
    balanced = {} if balance is None else balance.state_dict()
    state = {
        "step": step,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "precision": precision.state_dict(),
        **({"balance": balanced} if balanced else {}),
        **({"watched": watched} if watched else {}),
    }
    with written_whole(out / STATE) as partial:
        torch.save(state, partial)


def load_state(
    out: Path, network: nn.Module, optimiser: Optimizer, precision: Precision, balance: nn.Module | None = None
) -> tuple[int, dict[str, float]]:
    """Restore the last state in ``out``.

    Returns:
        The step to go on with, 0 if there is no state, and what the early stop remembers.

    Raises:
        TrainingError: if the state is damaged; nothing is changed on disk then.
    """
    path = out / STATE
    if not path.exists():
        return 0, {}
    try:
        with zipfile.ZipFile(path) as archive:  # torch itself does not look at the checksums
            if archive.testzip() is not None:
                raise zipfile.BadZipFile("a checksum differs")
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        precision.load_state_dict(state["precision"])
        if balance is not None:
            balance.load_state_dict(state.get("balance", {}))
        return int(state["step"]), dict(state.get("watched", {}))
    except OSError:
        raise
    except Exception as error:  # of which kind depends on the byte that is wrong, and one is pickle's own
        raise TrainingError(
            f"{path} is damaged, so this training cannot go on from it; restore the file, or delete it to train "
            "from the start."
        ) from error


def final_weights(path: Path) -> dict[str, Tensor]:
    """The tensors that a finished training wrote.

    Raises:
        TrainingError: if the file is missing or damaged.
    """
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"{path} is missing or damaged; restore it, or delete it and train again: the training goes on from its "
            "last state."
        ) from error
