"""Noise against the number of tokens: the same map with fewer places, or fewer tasks, that take part (kem.md 2.6)."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from mtlviz.analysis.attention import row_blocks
from mtlviz.analysis.attention_statistics import candidate_counts, candidate_mask, noise_of_rows
from mtlviz.analysis.noise.floors import floors_of_rows
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.trace import RowTrace, SlotTrace

FRACTIONS = (0.125, 0.25, 0.5, 1.0)
"""Shares of the places that are kept."""
READERS = 64
"""Places whose tokens read in the curve over tasks."""

Labels = Int[np.ndarray, " N"]


@dataclass(frozen=True)
class CurvePoint:
    """Means over the readers that take part.

    Attributes:
        candidates: n, tokens that could be read.
        noise: mass on tokens of another label.
        chance: the same if all candidates were read alike.
        floor: the least that a softmax with the measured logits leaves; NaN where none holds.
        outside: mass outside a fixed set of m relevant tokens, which does not grow with n: over the places the tokens
            of the reader's label among the smallest draw, over the tasks those of the first task.
        outside_chance: the same if all candidates were read alike, 1 - m / n.
        outside_floor: as ``floor``, for the fixed set.
    """

    candidates: float
    noise: float
    chance: float
    floor: float
    outside: float
    outside_chance: float
    outside_floor: float


def token_curve(
    trace: RowTrace, labels: Labels, seed: int, fractions: tuple[float, ...] = FRACTIONS
) -> list[CurvePoint]:
    """Noise mass with a share of the places, one point a fraction.

    Places are drawn without replacement, larger draws holding the smaller ones, the same for all tasks. Attention
    follows exactly, its softmax over the tokens that are left. Of KEM, Retrieve follows exactly, its picks among the
    tokens that are left with renormalised weights; Write keeps the weights that it had with all tokens. Numbers of the
    fixed set have the places of the smallest draw for readers, so that all points have the same ones.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        labels: of each place on the token grid.
        seed: of the draw.
        fractions: shares of the places that are not padding, in rising order.
    """
    places = np.flatnonzero(trace.layout.valid_tokens()[: trace.layout.tokens_per_task])
    order = np.random.default_rng(seed).permutation(places)
    draws = [_chosen(order[: max(1, round(part * len(places)))], trace.layout.tokens_per_task) for part in fractions]
    fixed = np.tile(draws[0], len(trace.layout.tasks))
    found = []
    for kept in draws:
        small = only_places(trace, kept)
        rows = _row_numbers(small, labels, np.flatnonzero(small.layout.valid_tokens()), fixed)
        found.append(_point(rows, fixed[rows["token"].astype(int)]))
    return found


def task_curve(
    without: Callable[[tuple[str, ...]], RowTrace], labels: Labels, seed: int, readers: int = READERS
) -> dict[int, CurvePoint]:
    """Noise mass by the number of tasks that a reader can read.

    Tasks are let in one by one, in a drawn order, by passes of the network with the others silenced: exact for every
    interaction. Attention reads the other tasks only, so that one pass gives its readers one task more or less.

    Args:
        without: the trace of the image with these tasks silenced.
        labels: of each place on the token grid.
        seed: of the order and of the readers.
        readers: places whose tokens read, drawn once for all points; each gives one reader a task.
    """
    layout = without(()).layout
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(layout.tasks))
    places = np.flatnonzero(layout.valid_tokens()[: layout.tokens_per_task])
    chosen = draw.choice(places, min(readers, len(places)), replace=False)
    tokens = (np.arange(len(layout.tasks))[:, None] * layout.tokens_per_task + np.sort(chosen)).ravel()
    first = np.arange(layout.tokens) // layout.tokens_per_task == order[0]
    parts, most = [], np.zeros(len(tokens))
    for count in range(1, len(order) + 1):
        trace = without(tuple(layout.tasks[task] for task in order[count:]))
        found = _row_numbers(trace, labels, tokens, first)
        more = found["tasks"] > most  # attention's own task is nothing more to read: the row would count twice
        most = found["tasks"]
        parts.append({name: values[more] for name, values in found.items()})
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    points = {}
    for number in np.unique(rows["tasks"]).astype(int).tolist():
        if number:
            here = {name: values[rows["tasks"] == number] for name, values in rows.items()}
            points[number] = _point(here, np.ones(len(here["token"]), bool))
    return points


def only_places(trace: RowTrace, kept: Bool[np.ndarray, " N"]) -> RowTrace:
    """The trace as if the other places were padding."""
    layout = replace(trace.layout, valid=kept & trace.layout.valid_tokens()[: len(kept)])
    if not isinstance(trace, SlotTrace):
        return replace(trace, layout=layout)
    valid = layout.valid_tokens()
    if (valid == trace.layout.valid_tokens()).all():
        return trace
    logits = np.where(valid, np.asarray(trace.logits, np.float64), -np.inf)
    picks = np.argsort(-logits, axis=1, kind="stable")[:, : np.asarray(trace.picks).shape[1]]
    best = np.take_along_axis(logits, picks, 1)
    weights = np.exp(best - best.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    return replace(
        trace, layout=layout, logits=logits, picks=np.where(np.isfinite(best), picks, -1), weights=weights
    )  # fmt: skip


def _row_numbers(
    trace: RowTrace, labels: Labels, tokens: Int[np.ndarray, " rows"], fixed: Bool[np.ndarray, " S"]
) -> dict[str, Float[np.ndarray, " rows"]]:
    """By name the numbers of every reader, NaN where it has none."""
    known = np.tile(labels, len(trace.layout.tasks)) != UNKNOWN
    parts = []
    for block, rows in row_blocks(trace, tokens):
        noise = noise_of_rows(trace, block, rows, labels)
        outside = noise_of_rows(trace, block, rows, labels, fixed)
        readable = candidate_mask(trace, block).reshape(len(block), len(trace.layout.tasks), -1).any(2).sum(1)
        sure = np.where(outside.chance < 1, 0, np.nan)  # without a relevant token there is nothing to find
        numbers = {
            "token": block, "tasks": readable, "candidates": candidate_counts(trace, block),
            "noise": noise.mass, "chance": noise.chance, "floor": floors_of_rows(trace, block, noise.chance, known),
            "outside": outside.mass + sure, "outside_chance": outside.chance + sure,
            "outside_floor": floors_of_rows(trace, block, outside.chance, known) + sure,
        }  # fmt: skip
        parts.append({name: np.asarray(values, np.float64) for name, values in numbers.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _point(rows: dict[str, Float[np.ndarray, " rows"]], of_fixed: Bool[np.ndarray, " rows"]) -> CurvePoint:
    """Means; numbers of the fixed set over some of the readers."""
    read, found = np.isfinite(rows["noise"]), np.isfinite(rows["outside"]) & of_fixed
    names = [field.name for field in fields(CurvePoint)]
    return CurvePoint(**{name: _mean(rows[name], _who(name, read, found)) for name in names})


def _who(name: str, read: Bool[np.ndarray, " rows"], found: Bool[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
    if name == "candidates":
        return np.ones_like(read)
    return found if name.startswith("outside") else read


def _mean(values: Float[np.ndarray, " rows"], rows: Bool[np.ndarray, " rows"]) -> float:
    some = values[rows & np.isfinite(values)]
    return float(some.mean()) if some.size else float("nan")


def _chosen(places: Int[np.ndarray, " chosen"], count: int) -> Bool[np.ndarray, " N"]:
    kept = np.zeros(count, bool)
    kept[places] = True
    return kept
