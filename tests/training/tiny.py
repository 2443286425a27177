"""The smallest configuration that trains everything, and what a kill must not change."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mtlviz.training import TrainConfig, parse_config, train

Killed = Callable[[int | None], None]

NETWORK = {
    "encoder": {"widths": [8] * 5, "blocks": [0] * 5, "out": 8},
    "width": 8,
    "decoder_widths": [8, 8],
    "interaction": "kem",
    "options": {"slots": 4, "pre_norm": True, "temperature": True},
}


def tiny_config(rooms: Path, **changes: Any) -> TrainConfig:
    """Twelve steps of four images, with fields replaced, ``data`` and ``network`` field by field."""
    data = {"train": rooms / "train", "val": rooms / "val", "workers": 0, "letterbox": 0.3}
    values = {
        "budget": 48,
        "batch": 4,
        "accelerator": "cpu",
        "threads": 1,
        "save_every": 16,
        "log_every": 2,
        "optimiser": {"warmup": 8},
        **changes,
    }
    values["data"] = data | changes.get("data", {})
    values["network"] = NETWORK | changes.get("network", {})
    return parse_config(values)


def same_after_kills(config: TrainConfig, out: Path, killed: Killed, kills: Sequence[int] = (6,)) -> dict[str, Any]:
    """Train into ``out/whole``, and into ``out/killed`` with deaths in these steps; weights of both, the same bits."""
    expected = load_file(train(config, out / "whole"))
    for last in kills:
        killed(last)
        with pytest.raises(KeyboardInterrupt):
            train(config, out / "killed")
    killed(None)
    found = load_file(train(config, out / "killed"))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    return found
