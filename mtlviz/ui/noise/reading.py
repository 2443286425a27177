"""How much of what tokens read is noise, on the current image: of the picked token, of all, and with fewer of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from mtlviz.analysis.attention import Readable, attention_rows, readable, row_blocks
from mtlviz.analysis.attention_statistics import noise_of_rows, row_noise
from mtlviz.analysis.noise.curve import CurvePoint, task_curve, token_curve
from mtlviz.analysis.noise.floors import floor_ranges, floors_of_rows
from mtlviz.analysis.noise.maps import MapNumbers, map_numbers
from mtlviz.analysis.noise.pairs import PairNoise
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.edits import Edit
from mtlviz.trace import Capture, FeatureTrace, RowTrace
from mtlviz.ui import negative_controls
from mtlviz.ui.noise.page import Side, View


@dataclass(frozen=True)
class ReaderNoise:
    """One reading token.

    Attributes:
        row: ``(S,)`` its weights.
        readable: which tokens it could read, and which it does.
        own: label of its place; ``UNKNOWN`` without one.
        relevant: ``(S,)`` bool, tokens of its own label; none without a label.
        candidates: n, tokens with a label that it could read.
        mass: on tokens of another label, as a share of the labelled mass; NaN without a label.
        chance: the same if it read all its candidates alike.
        half_range: B of its logits; NaN where some weights are exactly 0.
        floor: the least mass that its softmax has to leave; NaN likewise.
    """

    row: Float[np.ndarray, " S"]
    readable: Readable
    own: int
    relevant: np.ndarray
    candidates: int
    mass: float
    chance: float
    half_range: float
    floor: float


@dataclass(frozen=True)
class AllReaders:
    """Every token that is not padding, each ``(rows,)``; NaN where a token has no number."""

    tokens: Int[np.ndarray, " rows"]
    mass: Float[np.ndarray, " rows"]
    chance: Float[np.ndarray, " rows"]
    half_range: Float[np.ndarray, " rows"]
    floor: Float[np.ndarray, " rows"]


def reader(side: Side, oracle: str | None) -> ReaderNoise:
    """What the picked token of a side reads.

    Raises:
        ValueError: if the side's tokens read no others.
    """
    if side.token is None:
        raise ValueError(f"{side.title} has no rows of weights")
    row, able = attention_rows(side.rows, [side.token])[0], readable(side.rows, side.token)
    half_range = float(floor_ranges(side.rows, np.array([side.token]))[0])
    if oracle is None:
        nothing, nan = np.zeros(len(row), bool), float("nan")
        return ReaderNoise(row, able, UNKNOWN, nothing, int(able.candidates.sum()), nan, nan, half_range, nan)
    labels = side.labels[oracle]
    every = np.tile(labels, len(side.layout.tasks))
    own, found = int(every[side.token]), row_noise(side.rows, [side.token], labels)
    floor = floors_of_rows(side.rows, np.array([side.token]), found.chance, every != UNKNOWN)
    return ReaderNoise(
        row, able, own, (every == own) & (own != UNKNOWN), int((able.candidates & (every != UNKNOWN)).sum()),
        float(found.mass[0]), float(found.chance[0]), half_range, float(floor[0]),
    )  # fmt: skip


def all_readers(side: Side, oracle: str) -> AllReaders:
    """Noise of every token of the image."""
    return _all_readers(side.rows, side.labels[oracle], (*side.key, oracle))[0]


def numbers(view: View, side: Side) -> MapNumbers:
    """Everything about the map of the image, without its effective rank."""
    capture = Capture(features=True, head=side.model.head)
    features = negative_controls.run(side.model.engine, view.pair.control, capture=capture).trace.features
    return _numbers(side.rows, side.labels, features, (*side.key, repr(view.pair.control)))


def pairs(side: Side, oracle: str) -> Float[np.ndarray, "T T"]:
    """Noise mass of the readers of each task (rows) among what they read from each task (columns)."""
    return _all_readers(side.rows, side.labels[oracle], (*side.key, oracle))[1]


def curve_over_tasks(view: View, side: Side, oracle: str) -> dict[int, CurvePoint]:
    """Noise by the number of tasks that a reader can read; a pass of the network for every task."""
    key = (*side.key, oracle, repr(view.pair.control))
    return _curve_over_tasks(side, view.pair.control, side.labels[oracle], key)


def curve(side: Side, oracle: str) -> list[CurvePoint]:
    """Noise with fewer and fewer of the places that take part."""
    return _curve(side.rows, side.labels[oracle], (*side.key, oracle))


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=16, show_spinner="Following all tokens' weights; this takes a fraction of a second.")
def _all_readers(
    _trace: RowTrace, _labels: Int[np.ndarray, " N"], key: tuple[str, ...]
) -> tuple[AllReaders, Float[np.ndarray, "T T"]]:
    """Their noise, and that between tasks."""
    parts, known = [], np.tile(_labels, len(_trace.layout.tasks)) != UNKNOWN
    between = PairNoise(_trace, _labels)
    # Several BLAS threads spin against whatever else runs, and the matrices are too small to gain from them.
    with threadpool_limits(1, user_api="blas"):
        for tokens, rows in row_blocks(_trace):
            noise = noise_of_rows(_trace, tokens, rows, _labels)
            floors = floors_of_rows(_trace, tokens, noise.chance, known)
            parts.append((tokens, noise.mass, noise.chance, floor_ranges(_trace, tokens), floors))
            between.add(tokens, rows)
    return AllReaders(*(np.concatenate(values) for values in zip(*parts, strict=True))), between.shares


@st.cache_resource(max_entries=16, show_spinner="Summing up the map; this takes about half a second.")
def _numbers(
    _trace: RowTrace,
    _oracles: Mapping[str, Int[np.ndarray, " N"]],
    _features: FeatureTrace | None,
    key: tuple[str, ...],
) -> MapNumbers:
    with threadpool_limits(1, user_api="blas"):
        return map_numbers(_trace, _oracles, rank=False, features=_features)


@st.cache_resource(max_entries=16, show_spinner="Taking tokens away; this takes a fraction of a second.")
def _curve(_trace: RowTrace, _labels: Int[np.ndarray, " N"], key: tuple[str, ...]) -> list[CurvePoint]:
    with threadpool_limits(1, user_api="blas"):
        return token_curve(_trace, _labels, seed=0)


@st.cache_resource(max_entries=16, show_spinner="Letting tasks in one by one; this takes a fraction of a second.")
def _curve_over_tasks(
    _side: Side, _control: negative_controls.Choice, _labels: Int[np.ndarray, " N"], key: tuple[str, ...]
) -> dict[int, CurvePoint]:
    def without(silenced: tuple[str, ...]) -> RowTrace:
        """The map when nobody reads these tasks."""
        edit = Edit(silenced=silenced) if silenced else None
        capture = Capture(head=_side.model.head)
        trace = negative_controls.run(_side.model.engine, _control, capture=capture, edit=edit).trace.interaction
        if not isinstance(trace, RowTrace):
            raise TypeError(f"{_side.title} has no rows of weights")
        return trace

    with threadpool_limits(1, user_api="blas"):
        return task_curve(without, _labels, seed=0)
