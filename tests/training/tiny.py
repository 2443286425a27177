"""The smallest configuration that trains everything."""

from pathlib import Path
from typing import Any

from mtlviz.training import TrainConfig, parse_config

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
