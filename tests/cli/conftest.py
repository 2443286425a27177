"""The command line on three tiny networks with random weights and a few small rooms."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from mtlviz.checkpoints import ModelCard, save_checkpoint
from mtlviz.cli import app
from mtlviz.data.rooms import write_rooms
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig, parameter_counts
from mtlviz.tasks import TASKS

SIZE = (64, 80)
GRID = (8, 10)
TINY = EncoderConfig(widths=(4, 6, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8)
TASK_NAMES = ("semseg", "depth", "normals", "edge")


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> dict[str, Any]:
        """The JSON object on the last line of standard output."""
        return json.loads(self.out.splitlines()[-1])


def save_tiny(folder: Path) -> Path:
    tasks = tuple(TASKS[name] for name in TASK_NAMES)
    torch.manual_seed(0)
    for name in ("none", "kem", "cross_attention"):
        config = NetworkConfig(encoder=TINY, width=8, decoder_widths=(8, 8), interaction=name)
        network = MultiTaskNetwork(config, tasks)
        card = ModelCard(
            name=name, title=name, summary="tiny", trained="random", architecture=config, tasks=tasks,
            input_size=SIZE, token_grid=GRID, parameters=parameter_counts(network),
        )  # fmt: skip
        save_checkpoint(network.state_dict(), card, folder)
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> Path:
    """A folder of checkpoints; tests that spoil one make their own with ``save_tiny``."""
    return save_tiny(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """Where ``evaluate`` keeps rendered rooms."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def rooms(tmp_path_factory) -> Path:
    """Four small rooms to train on and two to score on."""
    root = tmp_path_factory.mktemp("rooms")
    write_rooms(root / "train", split="train", count=4, size=SIZE)
    write_rooms(root / "val", split="val", count=2, size=SIZE)
    return root


@pytest.fixture
def cli(checkpoints, cache, tmp_path, monkeypatch) -> Callable[..., Outcome]:
    """Run a command in an empty working folder, on the tiny checkpoints."""
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv("MTLVIZ_CACHE", str(cache))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def run(*words: object) -> Outcome:
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run
