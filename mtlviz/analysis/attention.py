"""What a token reads in any model: one row of weights over the tokens of all tasks (kem.md 2.6, 3.17).

Cross-attention has the row itself, the softmax over the tokens of all other tasks. KEM has the composite
row of A_w A_r: the Write weights of the token over the slots, through the tokens that each slot retrieved.
Both are ``(S,)`` over the same tokens, so that they compare one to one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mtlviz.analysis.composite import composite_rows
from mtlviz.trace import AttentionTrace, RowTrace, SlotTrace

BLOCK_ENTRIES = 4_000_000
"""Weights that are held at once when a whole map is streamed (32 MB at most)."""


@dataclass(frozen=True)
class Readable:
    """Which tokens a token can read.

    Attributes:
        candidates: ``(S,)`` bool, tokens that take part in the competition for being read. Cross-attention:
            the valid tokens of the other tasks. KEM: all valid tokens, its own task's included. Silenced tasks are
            out of it.
        read: ``(S,)`` bool, candidates whose weight can be more than 0. Cross-attention: all candidates, or
            the K that the token likes best. KEM: the at most L * K tokens that a slot picked.
    """

    candidates: Bool[np.ndarray, " S"]
    read: Bool[np.ndarray, " S"]


def readable(trace: RowTrace, token: int) -> Readable:
    """The tokens that may compete for ``token``'s attention, and those that are in fact read."""
    candidates = trace.layout.valid_tokens()
    if isinstance(trace, AttentionTrace):
        silent = [trace.layout.tasks.index(name) for name in trace.silenced]
        candidates = candidates & ~np.isin(_task_of_tokens(trace), [token // trace.layout.tokens_per_task, *silent])
        if trace.picks is None:
            return Readable(candidates, candidates)
        return Readable(candidates, attention_rows(trace, [token])[0] > 0)
    candidates = candidates & ~np.isneginf(np.asarray(trace.logits)).all(0)
    picks = np.asarray(trace.picks)
    read = np.zeros(trace.layout.tokens, bool)
    read[picks[picks >= 0]] = True
    return Readable(candidates, read)


def attention_rows(trace: RowTrace, tokens: Int[np.ndarray, " rows"] | list[int]) -> Float[np.ndarray, "rows S"]:
    """Weights with which each of ``tokens`` reads every token; 0 where it reads none.

    Rows sum to 1, except under KEM's ``mask`` competition, where a slot keeps less than its whole mass, and
    under edits that take weight away.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        tokens: indices into the S tokens.

    Raises:
        IndexError: if a token is not one of the S.
    """
    wanted = np.asarray(tokens, np.int64).reshape(-1)
    if wanted.size and not (wanted.min() >= 0 and wanted.max() < trace.layout.tokens):
        raise IndexError(f"token {wanted.min()}..{wanted.max()} is outside 0..{trace.layout.tokens - 1}")
    if isinstance(trace, SlotTrace):
        return composite_rows(trace, wanted)
    return _softmax_rows(trace, wanted)


def row_blocks(
    trace: RowTrace, tokens: Int[np.ndarray, " rows"] | None = None, entries: int = BLOCK_ENTRIES
) -> Iterator[tuple[Int[np.ndarray, " block"], Float[np.ndarray, "block S"]]]:
    """Rows of the map in blocks, so that S x S weights are never held at once.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        tokens: whose rows; None takes every token that is not padding.
        entries: weights held at once.

    Yields:
        The tokens of a block and their rows.
    """
    wanted = np.flatnonzero(trace.layout.valid_tokens()) if tokens is None else np.asarray(tokens, np.int64)
    step = max(1, entries // trace.layout.tokens)
    for start in range(0, len(wanted), step):
        block = wanted[start : start + step]
        yield block, attention_rows(trace, block)


def noise_floor(candidates: int, relevant: int, half_range: float) -> float:
    """The least mass that softmax leaves on irrelevant tokens, 1 / (1 + m / (n - m) e^(2 B)) (kem.md 2.6).

    Args:
        candidates: n, tokens in the softmax.
        relevant: m, how many of them matter.
        half_range: B, half the spread of the logits.
    """
    if relevant >= candidates:
        return 0.0
    if relevant == 0:
        return 1.0
    return float(1 / (1 + relevant / (candidates - relevant) * np.exp(2 * half_range)))


def logit_half_range(trace: AttentionTrace, token: int) -> float:
    """B of ``noise_floor`` for one token: half the distance between its largest and smallest logit."""
    candidates = readable(trace, token).candidates
    logits = np.asarray(trace.queries)[token] @ np.asarray(trace.keys)[candidates].T * _scale(trace)
    return float(np.ptp(logits) / 2)


def _softmax_rows(trace: AttentionTrace, tokens: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows S"]:
    layout, queries = trace.layout, np.asarray(trace.queries)[tokens]
    logits = queries @ np.asarray(trace.keys).T * _scale(trace)  # (rows, S)
    task = _task_of_tokens(trace)
    silent = np.isin(task, [layout.tasks.index(name) for name in trace.silenced])
    logits[(task[None] == (tokens // layout.tokens_per_task)[:, None]) | silent | ~layout.valid_tokens()] = -np.inf
    if trace.pairwise:
        by_task = _softmax(logits.reshape(len(tokens), len(layout.tasks), -1), trace.picks)
        weights = by_task.reshape(len(tokens), -1) / np.float32(len(layout.tasks) - 1)
    elif trace.distractors is not None:
        beside = queries @ np.asarray(trace.distractors).T * _scale(trace)
        weights = _softmax(np.concatenate([logits, beside], 1), trace.picks)[:, : layout.tokens]
    else:
        weights = _softmax(logits, trace.picks)
    if trace.oracle is not None:
        labels = np.tile(np.asarray(trace.oracle), len(layout.tasks))
        weights = weights * ((labels[None] == labels[tokens][:, None]) & (labels >= 0))
    return weights


def _softmax(logits: Float[np.ndarray, "*rows S"], picks: int | None) -> Float[np.ndarray, "*rows S"]:
    """Softmax over the last axis, in place; 0 where nothing is allowed and below the ``picks`` largest."""
    if picks is not None and picks < logits.shape[-1]:
        least = np.partition(logits, -picks, axis=-1)[..., -picks, None]
        logits[logits < least] = -np.inf
    top = logits.max(-1, keepdims=True)
    weights: Float[np.ndarray, "*rows S"] = np.exp(logits - np.where(np.isfinite(top), top, 0), out=logits)
    weights /= np.maximum(weights.sum(-1, keepdims=True), np.finfo(weights.dtype).tiny)
    return weights


def _scale(trace: AttentionTrace) -> np.float32:
    return np.float32(np.asarray(trace.queries).shape[1] ** -0.5)


def _task_of_tokens(trace: RowTrace) -> Int[np.ndarray, " S"]:
    return np.arange(trace.layout.tokens) // trace.layout.tokens_per_task
