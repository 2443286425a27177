"""The app on tiny models with random weights, driven without a browser."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from mtlviz import results
from mtlviz.checkpoints import ModelCard, save_checkpoint
from mtlviz.models.encoders import TOKEN_STRIDE, EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig, parameter_counts
from mtlviz.models.operations import operation_counts
from mtlviz.tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
MODELS = {"none": "Hard sharing", "kem": "KEM", "cross_attention": "Cross-attention", "ctal": "CTAL"}
SHARED, ALL = ("semseg", "depth", "normals", "edge"), tuple(TASKS)
FRAMES_WIDTH = 24
"""Room for one vertex a class of both tasks with classes."""
TINY = EncoderConfig(widths=(4, 6, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8)
INPUT = (128, 160)


def save_tiny_checkpoints(folder: Path) -> Path:
    """Networks with random weights: one an interaction on four tasks, and stable KEM on all six with its frames."""
    torch.manual_seed(0)
    for name, title in MODELS.items():
        save_tiny(name, title, name, {}, folder)
    options = {"rung": "collapse", "slots": 6}
    config = NetworkConfig(encoder=TINY, width=FRAMES_WIDTH, decoder_widths=(8, 8), interaction="stable_kem",
                           options=options)  # fmt: skip
    save_random("skem", "sKEM", config, ALL, folder)
    return folder


def save_tiny(name: str, title: str, interaction: str, options: dict[str, Any], folder: Path) -> None:
    """A network with random weights on four tasks."""
    config = NetworkConfig(encoder=TINY, width=8, decoder_widths=(8, 8), interaction=interaction, options=options)
    save_random(name, title, config, SHARED, folder)


def save_random(
    name: str, title: str, config: NetworkConfig, tasks: tuple[str, ...], folder: Path, grid: tuple[int, int] = (16, 20)
) -> None:
    """A network with random weights on a grid of tokens."""
    size = (TOKEN_STRIDE * grid[0], TOKEN_STRIDE * grid[1])
    network = MultiTaskNetwork(config, [TASKS[task] for task in tasks])
    for key, parameter in network.named_parameters():
        if key.startswith("interaction.inputs.") and key.endswith("bias"):  # beside it all places look alike
            torch.nn.init.zeros_(parameter)
    card = ModelCard(
        name=name, title=title, summary=f"{title}, tiny", trained="random", architecture=config,
        tasks=tuple(TASKS[task] for task in tasks), input_size=size, token_grid=grid,
        parameters=parameter_counts(network), operations=operation_counts(network, size),
    )  # fmt: skip
    save_checkpoint(network.state_dict(), card, folder)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> Iterator[Path]:
    """The folder that the app finds its models in."""
    folder = save_tiny_checkpoints(tmp_path_factory.mktemp("checkpoints"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTLVIZ_CHECKPOINTS", str(folder))
        yield folder


@pytest.fixture
def corners(checkpoints, tmp_path, monkeypatch) -> Path:
    """In place of that folder one with the other corners of sparsity and bottleneck, and with KEM of two heads."""
    torch.manual_seed(1)
    for name, interaction, options in (
        ("kem", "kem", {}),
        ("inducing_points", "kem", {"picks": None, "slots": 6}),
        ("topk_attention", "cross_attention", {"picks": 3}),
        ("heads", "kem", {"heads": 2, "slots": 6}),
    ):
        save_tiny(name, name, interaction, options, tmp_path)
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def results_folder(checkpoints, tmp_path, monkeypatch) -> Path:
    """Where this test's results of commands lie; empty so far."""
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def open_page(checkpoints) -> Callable[..., AppTest]:
    """Open the app with query parameters, and go to a page such as ``pages/1_predictions.py``."""

    def opened(path: str | None = None, **query: str | list[str]) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        at.query_params.update(query)
        at.run()
        if path is not None:
            at.switch_page(path).run()
        return at

    return opened


def spec(at: AppTest, index: int) -> dict[str, Any]:
    """One of the page's Plotly figures as JSON."""
    return json.loads(at.get("plotly_chart")[index].proto.spec)


def specs(at: AppTest) -> list[str]:
    """All figures of the page as they are sent."""
    return [chart.proto.spec for chart in at.get("plotly_chart")]


def click_token(at: AppTest, row: int, column: int) -> AppTest:
    """Pick a token by its row and column; real clicks are tested in a browser."""
    at.number_input(key="row").set_value(row)
    at.number_input(key="column").set_value(column)
    return at.run()


def png(width: int = 96, height: int = 64, seed: int = 0) -> bytes:
    """A small image file."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def upload(at: AppTest, name: str, content: bytes) -> AppTest:
    """Choose the upload source and drop a file."""
    at.segmented_control(key="source").set_value("upload").run()
    at.file_uploader(key="upload_file").set_value((name, content, "image/png"))
    return at.run()


def said(at: AppTest) -> str:
    """Everything the page says in words."""
    parts = (*at.title, *at.markdown, *at.caption, *at.error, *at.info, *at.warning)
    return "\n".join(str(part.value) for part in parts)
