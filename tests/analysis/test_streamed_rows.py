"""Statistics of rows made block by block: the same as of the whole map, in memory that the map would not fit in."""

import tracemalloc
from dataclasses import fields

import numpy as np
import pytest

from mtlviz.analysis.attention_statistics import TOP_PS, map_statistics, statistics_of_rows
from mtlviz.analysis.noise.maps import map_numbers
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.trace import AttentionTrace, FeatureTrace, RowTrace, SlotTrace, TokenLayout
from tests.analysis.slot_traces import slot_trace

TASKS = ("semseg", "depth", "normals", "edge")
GIGABYTE = 1e9


def attention(grid: tuple[int, int], valid: np.ndarray | None = None, width: int = 16) -> AttentionTrace:
    draw = np.random.default_rng(2)
    layout = TokenLayout(TASKS, grid, valid)
    queries, keys, values, written = (draw.normal(size=(layout.tokens, width)).astype(np.float32) for _ in range(4))
    return AttentionTrace(layout, queries, keys, values, written, 0.7)


def slots(grid: tuple[int, int], valid: np.ndarray | None = None) -> SlotTrace:
    draw = np.random.default_rng(3)
    layout = TokenLayout(("semseg", "depth", "normals"), grid, valid)
    write = draw.dirichlet(np.ones(5), layout.tokens).astype(np.float32)
    picks = draw.permutation(np.flatnonzero(layout.valid_tokens()))[:15].reshape(5, 3)
    return slot_trace(picks, write, draw.dirichlet(np.ones(3), 5).astype(np.float32), valid=valid, grid=grid)


def literal_weights(trace: RowTrace) -> np.ndarray:
    """The whole map in double precision, from its definition."""
    layout = trace.layout
    if isinstance(trace, SlotTrace):
        weights = np.zeros((layout.tokens, layout.tokens))
        for slot, (picks, shares) in enumerate(zip(trace.picks, trace.weights, strict=True)):
            for pick, share in zip(picks, shares, strict=True):
                weights[:, pick] += trace.write[:, slot].astype(float) * float(share)
        return weights
    logits = trace.queries.astype(float) @ trace.keys.astype(float).T / np.sqrt(trace.queries.shape[1])
    task = np.repeat(np.arange(len(layout.tasks)), layout.tokens_per_task)
    powers = np.exp(logits) * (task[:, None] != task) * layout.valid_tokens()
    return powers / powers.sum(1, keepdims=True)


def labels_of(trace: RowTrace) -> np.ndarray:
    labels = np.random.default_rng(5).integers(0, 4, trace.layout.tokens_per_task).astype(np.int16)
    labels[::7] = UNKNOWN
    return labels


@pytest.mark.parametrize("make", [attention, slots])
@pytest.mark.parametrize("padded", [False, True])
def test_streamed_statistics_equal_those_of_the_whole_map(make, padded):
    grid = (9, 11)
    trace = make(grid, np.arange(99) % 11 < 8 if padded else None)
    labels = labels_of(trace)
    streamed = map_statistics(trace, labels, rank=False, entries=3 * trace.layout.tokens)
    rows = np.flatnonzero(trace.layout.valid_tokens())
    weights = literal_weights(trace)[rows]
    whole = statistics_of_rows(trace, rows, weights)
    for field in fields(whole):
        found, expected = getattr(streamed.rows, field.name), getattr(whole, field.name)
        if field.name == "top_p_counts":  # a share p can be reached within rounding
            assert (np.abs(found - expected) <= 1).all()
            assert (found == expected).mean() > 0.99
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(streamed.columns, weights.mean(0), rtol=1e-6, atol=1e-6)
    every = np.tile(labels, len(trace.layout.tasks))
    known = every != UNKNOWN
    noisy = (weights * (known & (every != every[rows, None]))).sum(1)
    labelled = np.where(known[rows], (weights * known).sum(1), np.nan)
    np.testing.assert_allclose(streamed.noise.mass, noisy / labelled, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("make", [attention, slots])
def test_numbers_of_a_map_do_not_depend_on_the_blocks(make):
    trace = make((9, 11))
    labels = {"classes": labels_of(trace), "depth": labels_of(trace)[::-1].copy()}
    contents = np.random.default_rng(6).normal(size=(len(trace.layout.tasks), 99, 8)).astype(np.float32)
    places = {"interaction_input": contents, "task_encoder": contents}
    features = FeatureTrace(trace.layout, places, dict.fromkeys(places, (9, 11)))
    few, one = (
        map_numbers(trace, labels, features=features, entries=entries)
        for entries in (50 * trace.layout.tokens, trace.layout.tokens**2)
    )
    assert few.numbers.keys() == one.numbers.keys()
    for name, value in one.numbers.items():
        assert few.numbers[name] == pytest.approx(value, rel=1e-6, abs=1e-6, nan_ok=True), name
    np.testing.assert_allclose(few.pairs, one.pairs, rtol=1e-6)
    assert few.labels["depth"].keys() == one.labels["depth"].keys()
    assert tuple(few.top_p) == TOP_PS


def test_a_map_of_19200_tokens_takes_less_than_two_gigabytes():
    """Blocks are alike, so that a map of which all but a strip is padding shows what the whole one holds at once."""
    grid, shown = (60, 80), 1
    valid = np.zeros(grid, bool)
    valid[:shown] = True
    trace = attention(grid, valid.ravel(), width=64)
    assert trace.layout.tokens == 19200
    labels = {"classes": labels_of(trace)}
    tracemalloc.start()
    try:
        found = map_numbers(trace, labels, rank=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    readers = len(TASKS) * shown * grid[1]
    assert readers > 4_000_000 // 19200  # several blocks
    assert np.isfinite(found.numbers["noise:classes"])
    assert peak < 2 * GIGABYTE
    assert peak < 0.5 * 4 * 19200**2  # not half of the weights alone
