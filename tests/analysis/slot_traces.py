"""Slot traces made by hand, for tests of what is read from them."""

from dataclasses import replace

import numpy as np

from mtlviz.trace import SlotTrace, TokenLayout

TASKS = ("semseg", "depth", "normals")
GRID = (4, 5)


def uniform_write(layout: TokenLayout, slots: int) -> np.ndarray:
    return np.full((layout.tokens, slots), 1 / slots, np.float32)


def slot_trace(
    picks: np.ndarray,
    write: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    memory_after: np.ndarray | None = None,
    valid: np.ndarray | None = None,
    grid: tuple[int, int] = GRID,
) -> SlotTrace:
    """A trace with the given picks; what is not given is uniform, and slots hold orthogonal contents."""
    picks = np.asarray(picks, np.int64)
    slots, count = picks.shape
    layout = TokenLayout(TASKS, grid, valid)
    content = np.eye(slots, 2 * slots, dtype=np.float32) if memory_after is None else memory_after
    write = uniform_write(layout, slots) if write is None else write
    return SlotTrace(
        layout=layout,
        logits=np.zeros((slots, layout.tokens), np.float32),
        picks=picks,
        weights=np.full((slots, count), 1 / count, np.float32) if weights is None else weights,
        write=write,
        memory_before=np.zeros_like(content),
        memory_after=content,
        written=(write @ content).astype(np.float32),
        residual=1.0,
    )


def random_trace(
    seed: int, slots: int = 7, count: int = 3, valid: np.ndarray | None = None, sharpness: float = 2.0
) -> SlotTrace:
    """A trace that KEM could have left: picks are the largest logits, weights their softmax."""
    random = np.random.default_rng(seed)
    layout = TokenLayout(TASKS, GRID, valid)
    logits = random.normal(size=(slots, layout.tokens))
    logits[:, ~layout.valid_tokens()] = -np.inf
    picks = np.argsort(-logits, axis=1, kind="stable")[:, :count]
    write = softmax(sharpness * random.normal(size=(layout.tokens, slots)))
    trace = slot_trace(
        picks,
        write=write.astype(np.float32),
        weights=softmax(np.take_along_axis(logits, picks, 1)).astype(np.float32),
        memory_after=random.normal(size=(slots, 16)).astype(np.float32),
        valid=valid,
    )
    return replace(trace, logits=logits.astype(np.float32))


def permuted_slots(trace: SlotTrace, order: np.ndarray) -> SlotTrace:
    return replace(
        trace,
        logits=trace.logits[order],
        picks=trace.picks[order],
        weights=trace.weights[order],
        write=trace.write[:, order],
        memory_before=trace.memory_before[order],
        memory_after=trace.memory_after[order],
    )


def half_padding(grid: tuple[int, int] = GRID) -> np.ndarray:
    """(N,) bool: the lower half of the rows is padding."""
    valid = np.zeros(grid, bool)
    valid[: grid[0] // 2] = True
    return valid.ravel()


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
