"""The collapse part of the bench, on less than it measures."""

import torch

import mtlviz.bench.collapse as part
from mtlviz.bench.catalogue import chosen_entries
from mtlviz.bench.timing import take_turns
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS


def tiny_network() -> MultiTaskNetwork:
    torch.manual_seed(0)
    tiny = EncoderConfig(widths=(4, 6, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8)
    config = NetworkConfig.model_validate({"encoder": tiny, "width": 8, "decoder_widths": (8, 8)})
    return MultiTaskNetwork(config, [TASKS[name] for name in part.TASK_NAMES]).eval()


def measured(key, tmp_path):
    (finding,) = part.measure(chosen_entries([key]), tmp_path, lambda sentence: None)
    return finding


def test_the_cost_is_measured_beside_the_bare_forward_pass(monkeypatch, tmp_path):
    monkeypatch.setattr(part, "DIFFERENT", 2)
    monkeypatch.setattr(part, "BATCH", 1)
    monkeypatch.setattr(part, "TIMED", 2)
    monkeypatch.setattr(part, "take_turns", lambda calls, **_: take_turns(calls, most=2))
    monkeypatch.setattr(part, "kem_network", lambda folder: (tiny_network(), (32, 64), "random"))
    finding = measured("collapse_over_bare", tmp_path)
    assert finding.value > finding.detail["streaming_over_bare"] > 0
    assert set(finding.detail["ms_per_image"]) == {"bare", "places", "statistics"}


def test_memory_does_not_grow_with_the_number_of_images(monkeypatch, tmp_path):
    monkeypatch.setattr(part, "COUNTS", (16, 64))
    monkeypatch.setattr(part, "TOGETHER", 8)
    monkeypatch.setattr(part.tracemalloc, "start", lambda: None)  # slow beside checks of every call's types
    finding = measured("collapse_memory_growth", tmp_path)
    assert finding.value <= 1.05
    assert set(finding.detail["peak_bytes"]) == {"16", "64"}
