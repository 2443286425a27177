"""The estimated rank against the exact one, and against spectra that are known."""

from dataclasses import replace

import numpy as np
import pytest

from mtlviz.analysis import effective_rank as ranks
from mtlviz.analysis.attention import attention_rows
from mtlviz.analysis.effective_rank import effective_rank, estimated_rank, rank_method, rank_of_spectrum
from mtlviz.trace import AttentionTrace, TokenLayout
from tests.analysis.slot_traces import random_trace


def attention(grid: tuple[int, int], width: int = 12, sharpness: float = 1.0, valid=None) -> AttentionTrace:
    """Smooth random queries and keys over the grid, as networks have them: the spectrum falls fast."""
    draw = np.random.default_rng(4)
    layout = TokenLayout(("semseg", "depth"), grid, valid)
    queries, keys = (draw.normal(size=(layout.tokens, width)).astype(np.float32) for _ in range(2))
    queries += 0.5 * keys
    return AttentionTrace(layout, sharpness * queries, keys, keys, keys, 1.0)


@pytest.mark.parametrize("sharpness", [0.5, 1.5])
def test_the_estimate_is_close_to_the_exact_rank(monkeypatch, sharpness):
    monkeypatch.setattr(ranks, "DIRECTIONS", 128)
    trace = attention((16, 20), sharpness=sharpness)
    exact = effective_rank(trace)
    assert rank_method(trace) == "exact"
    for seed in range(2):
        assert estimated_rank(trace, seed) == pytest.approx(exact, rel=0.05)


def test_the_estimate_leaves_out_padding():
    valid = np.arange(16 * 20) % 20 < 12
    trace = attention((16, 20), valid=valid)
    rows = np.flatnonzero(trace.layout.valid_tokens())
    exact = rank_of_spectrum(np.linalg.svdvals(attention_rows(trace, rows)[:, rows]))
    assert estimated_rank(trace) == pytest.approx(exact, rel=0.05)


def test_the_estimate_is_exact_where_few_directions_are_all(monkeypatch):
    trace = attention((10, 15), sharpness=0.0)  # every token reads the other task alike
    assert estimated_rank(trace) == pytest.approx(2, rel=1e-3)
    keys = np.eye(300, dtype=np.float32)  # every token reads its twin: all singular values are 1
    twins = replace(attention((10, 15)), queries=np.roll(keys, 150, 0) * 1e4, keys=keys)
    monkeypatch.setattr(ranks, "DIRECTIONS", 64)
    assert estimated_rank(twins) == pytest.approx(300, rel=0.02)


def test_the_same_seed_gives_the_same_estimate(monkeypatch):
    monkeypatch.setattr(ranks, "DIRECTIONS", 16)
    trace = attention((10, 12))
    first, again, other = (estimated_rank(trace, seed) for seed in (3, 3, 4))
    assert first == pytest.approx(again, rel=1e-6)
    assert first != pytest.approx(other, rel=1e-6)


def test_large_maps_are_estimated_and_slots_never_are(monkeypatch):
    trace = attention((10, 12))
    monkeypatch.setattr(ranks, "EXACT_ROWS", 239)
    assert rank_method(trace) == "estimate"
    assert effective_rank(trace) == pytest.approx(estimated_rank(trace), rel=1e-6)
    slots = random_trace(0)
    monkeypatch.setattr(ranks, "EXACT_ROWS", 1)
    assert rank_method(slots) == "factors"
    whole = np.linalg.svdvals(attention_rows(slots, np.arange(slots.layout.tokens)))
    assert effective_rank(slots) == pytest.approx(rank_of_spectrum(whole), rel=1e-6)
