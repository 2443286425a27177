"""What one token reads in each of two models: maps, and shares by source task."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from jaxtyping import Float, Int

from mtlviz.analysis.attention import Readable
from mtlviz.analysis.attention_statistics import MapStatistics, map_statistics
from mtlviz.analysis.reading import Reading, read_token, whole_map
from mtlviz.analysis.token_labels import token_classes, token_depth_bins
from mtlviz.engine import Run
from mtlviz.plots.attention import (
    WeightScale,
    source_bars,
    weight_panels,
    weight_scale,
)
from mtlviz.plots.maps import Panel
from mtlviz.plots.style import task_title
from mtlviz.trace import RowTrace, SlotTrace
from mtlviz.ui import panels, pick, state
from mtlviz.ui.affinity import compare
from mtlviz.ui.compare.page import Pair, Side
from mtlviz.ui.heads import head_note

READERS = {"token": "The picked token", "all": "All tokens, on average"}
SCALES = {"log": "Logarithmic", "linear": "Linear"}
RANGES = {"shared": "One for both", "own": "Each its own"}
FORMULA = (
    r"a_i=\mathrm{softmax}_{j\notin t(i)}\!\left(\frac{q_i\cdot k_j}{\sqrt d}\right)\ \text{(attention between tasks)}"
    r"\qquad a_i=\sum_l A_w[i,l]\,A_r[l,:]\ \text{(through slots)}"
)
SOURCE = "SGW-based Multi-Task Learning in Vision Tasks (2024), sections on Retrieve and Write, and its baseline."


@dataclass(frozen=True)
class View:
    """How the maps are drawn: whose weights, on which colour scale, over which range, how opaque."""

    reader: str
    scale: str
    range: str
    opacity: float


def draw(pair: Pair, picked: pick.Token) -> None:
    """What the picked token, or all tokens on average, read in each model."""
    st.markdown(f"**Who moves what.** {compare.who_moves_what(pair)}")
    signed = [side for side in pair.sides if compare.affinity_of(side) is not None]
    if anyone_reads(pair, but=signed):
        found = readings(pair, picked, None, rank=False)
        view = _choose_view(several=len(found) > 1)
        _maps(pair, found, picked, view)
        _sources(pair, found, picked)
    for side in signed:
        compare.draw(side, pair, picked)


def anyone_reads(pair: Pair, but: Sequence[Side] = ()) -> bool:
    """Whether there are rows of shares to draw; says why not for every side of which there are none.

    Args:
        pair: the sides.
        but: sides of which nothing is said.
    """
    for side in pair.sides:
        if side in but:
            continue
        if side.trace is None:
            _no_rows(side)
        elif note := head_note(side.run.card, side.head):
            st.caption(f"{panels.plain(side.title)}: {note}")
    return any(side.trace is not None for side in pair.sides)


def readings(pair: Pair, picked: pick.Token, oracle: str | None, rank: bool) -> dict[str, Reading]:
    """By side's letter, what the picked token reads; a side without rows of weights is left out.

    Args:
        pair: the sides.
        picked: the reading token.
        oracle: task whose label says what is worth reading; None leaves the noise out.
        rank: compute the effective rank of the whole map too, which takes about a second.
    """
    found = {}
    for side in pair.sides:
        if side.trace is not None:
            labels = None if oracle is None else reader_labels(side.run, oracle)
            whole = _whole(side.trace, labels, rank, (*_key(side), oracle))
            found[side.letter] = read_token(side.trace, pair.token(side, picked), whole, labels)
    return found


def _choose_view(*, several: bool) -> View:
    """The controls above the maps; with one model there is one range."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reader = _choice("Reader", "compare_reader", READERS)
        scale = _choice("Colour scale", "compare_scale", SCALES)
        extent = _choice("Colour range", "compare_range", RANGES) if several else "shared"
        opacity = st.slider(
            "Opacity", 0.0, 1.0, 0.85, 0.05, key="compare_opacity", width=160, bind="query-params",
            persist_state="session",
        )  # fmt: skip
    return View(reader, scale, extent, opacity)


def _maps(pair: Pair, found: dict[str, Reading], picked: pick.Token, view: View) -> None:
    """For every task one column: what A reads there above what B reads there."""
    drawn = _panels(pair, found, picked, view)
    own = _panels(pair.real, readings(pair.real, picked, None, rank=False), picked, view) if pair.real else None
    for index, (task, column) in enumerate(zip(pair.tasks, st.columns(len(pair.tasks)), strict=True)):
        with column:
            for side in pair.sides:
                if side.letter in drawn:
                    tasks = found[side.letter].trace.layout.tasks
                    panel = drawn[side.letter][tasks.index(task)]
                    key = f"compare_reads_{side.letter}_{index}"
                    real = None if own is None else [own[side.letter][tasks.index(task)]]
                    panels.maps(
                        [panel], side.run, key, columns=1, height=220, picked=_place(pair, side, picked), real=real
                    )
    _explain(pair, view)


def _panels(pair: Pair, found: dict[str, Reading], picked: pick.Token, view: View) -> dict[str, tuple[Panel, ...]]:
    """By side's letter one map a task of what is read there."""
    rows = {letter: _shown(reading, view) for letter, reading in found.items()}
    scales = _scales({letter: row for letter, (row, _) in rows.items()}, view)
    drawn = {}
    for side in pair.sides:
        if side.letter in found:
            row, there = rows[side.letter]
            drawn[side.letter] = weight_panels(
                row, there, found[side.letter].trace.layout, scales[side.letter], model=side.title,
                opacity=view.opacity, reading_task=picked.task if view.reader == "token" else "",
            )  # fmt: skip
    return drawn


def _sources(pair: Pair, found: dict[str, Reading], picked: pick.Token) -> None:
    """Shares of the source tasks, and the arrays behind the maps as data."""
    titles = {side.letter: side.title for side in pair.sides}
    tasks = tuple(dict.fromkeys(task for one in found.values() for task in one.trace.layout.tasks))
    bars = [(f"{titles[letter]}, this token", _by_task(one.statistics.sources[0], one, tasks))
            for letter, one in found.items()]  # fmt: skip
    bars += [(f"{titles[letter]}, all tokens", _by_task(one.whole.rows.sources.mean(0), one, tasks))
             for letter, one in found.items()]  # fmt: skip
    panels.figure(
        source_bars(bars, tasks),
        "compare_sources",
        alt=f"From which tasks the {task_title(picked.task)} token at {picked.place} reads in each model",
        how_to_read="Each bar is all that is read, divided by the task whose tokens it comes from. Attention between "
        "tasks leaves out the reader's own task; slots do not.",
        formula=FORMULA,
        source=SOURCE,
        data={f"{letter}_{name}": array for letter, one in found.items() for name, array in _arrays(one).items()},
        provenance=[side.run.provenance for side in pair.sides],
    )


def _no_rows(side: Side) -> None:
    """Why a side has no maps of what its tokens read."""
    row = "" if compare.affinity_of(side) is None else " Its row of G is in “what the token reads”."
    panels.empty(
        f"**{panels.plain(side.title)} has no attention map:** {compare.why_no_shares(side)}.",
        f"Its predictions are compared in the first part.{row} For maps, choose a model such as kem in the sidebar.",
    )


def _choice(label: str, key: str, options: dict[str, str]) -> str:
    state.check_query(key, options)
    found = st.segmented_control(
        label, list(options), default=next(iter(options)), required=True, format_func=options.__getitem__,
        key=key, bind="query-params", persist_state="session",
    )  # fmt: skip
    return str(found)


def _shown(reading: Reading, view: View) -> tuple[Float[np.ndarray, " S"], Readable]:
    if view.reader == "token":
        return reading.row, reading.readable
    columns = reading.whole.columns
    return columns, Readable(reading.trace.layout.valid_tokens(), columns > 0)


def _scales(rows: dict[str, Float[np.ndarray, " S"]], view: View) -> dict[str, WeightScale]:
    logarithmic = view.scale == "log"
    if view.range == "own":
        return {letter: weight_scale([row], logarithmic=logarithmic) for letter, row in rows.items()}
    shared = weight_scale(list(rows.values()), logarithmic=logarithmic)
    return dict.fromkeys(rows, shared)


def _place(pair: Pair, side: Side, picked: pick.Token) -> tuple[int, int]:
    if side is pair.first:
        return picked.place
    x, y = pair.first.geometry.centre(picked.row, picked.column)
    return side.geometry.token_at(float(x), float(y))


def _explain(pair: Pair, view: View) -> None:
    extent = "One colour range for all maps" if view.range == "shared" else "Each model has its own colour range"
    hatched = "hatched tokens cannot be read by this model, pale ones could be but have weight 0"
    panels.maps(
        [], pair.first.run, "compare_reads",
        how_to_read=f"Colour is how much the reader takes from a token, as a share of all it takes; {hatched}. "
        f"{extent}. A weight says where from, not how much it matters. Click a token of any map to pick it.",
    )  # fmt: skip
    for side in pair.sides:
        if isinstance(side.trace, SlotTrace) and side.run.card.architecture.options.get("gate"):
            st.caption(
                f"The slots of {panels.plain(side.title)} also keep some of their old content, which comes from no "
                "token."
            )


def _by_task(shares: Float[np.ndarray, " t"], reading: Reading, tasks: tuple[str, ...]) -> Float[np.ndarray, " T"]:
    """Shares of a model's own tasks in the order of ``tasks``, 0 for those that it does not have."""
    own = dict(zip(reading.trace.layout.tasks, shares, strict=True))
    return np.array([own.get(task, 0.0) for task in tasks])


def _arrays(reading: Reading) -> dict[str, np.ndarray]:
    return {
        "row": reading.row, "candidates": reading.readable.candidates, "read": reading.readable.read,
        "column_mass": reading.whole.columns, "task_matrix": reading.whole.sources,
        "token": np.array(reading.token), "tasks": np.array(reading.trace.layout.tasks),
    }  # fmt: skip


def reader_labels(run: Run, oracle: str) -> Int[np.ndarray, " N"]:
    """The true class, or the bin of the true depth, of every place on the token grid."""
    grid = run.card.token_grid
    stride = run.card.input_size[0] // grid[0]
    label = run.sample.labels[oracle]
    if oracle == "semseg":
        return token_classes(label, run.letterbox.box, grid, stride)
    valid = run.sample.valid.get(oracle, np.ones(label.shape, bool))
    return token_depth_bins(label, valid, run.letterbox.box, grid, stride)


def _key(side: Side) -> tuple[str, ...]:
    stamp = side.run.provenance
    return stamp.weights_sha256, stamp.image_sha256, f"head {side.head}", repr(stamp.edit)


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=16, show_spinner="Summing up what all tokens read; this takes about a second.")
def _whole(
    _trace: RowTrace, _labels: Int[np.ndarray, " N"] | None, rank: bool, key: tuple[str | None, ...]
) -> MapStatistics:
    return whole_map(_trace, _labels) if rank else map_statistics(_trace, rank=False)
