"""What one token reads in each of two models: maps, shares by source task, numbers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from jaxtyping import Float, Int

from mtlviz.analysis.attention import Readable
from mtlviz.analysis.attention_statistics import MapStatistics
from mtlviz.analysis.reading import Quantity, Reading, read_token, whole_map
from mtlviz.analysis.token_labels import token_classes, token_depth_bins
from mtlviz.engine import Run
from mtlviz.plots.attention import (
    WeightScale,
    percent,
    source_bars,
    source_matrix,
    weight_panels,
    weight_scale,
)
from mtlviz.plots.style import task_title
from mtlviz.trace import InteractionTrace, SlotTrace
from mtlviz.ui import panels, pick, state
from mtlviz.ui.compare import Pair, Side

READERS = {"token": "The picked token", "all": "All tokens, on average"}
SCALES = {"log": "Logarithmic", "linear": "Linear"}
RANGES = {"shared": "One for both", "own": "Each its own"}
ORACLES = {"semseg": "Same class", "depth": "Similar depth"}
ABSENT = "–"
FORMULA = (
    r"a_i=\mathrm{softmax}_{j\notin t(i)}\!\left(\frac{q_i\cdot k_j}{\sqrt d}\right)\ \text{(cross-attention)}"
    r"\qquad a_i=\sum_l A_w[i,l]\,A_r[l,:]\ \text{(KEM)}"
)
SOURCE = "SGW-based Multi-Task Learning in Vision Tasks (2024), sections on Retrieve and Write, and its baseline."


@dataclass(frozen=True)
class View:
    """How the maps are drawn: whose weights, on which colour scale, over which range, how opaque."""

    reader: str
    scale: str
    range: str
    opacity: float


def readings(pair: Pair, picked: pick.Token, oracle: str | None) -> dict[str, Reading]:
    """By side's letter, what the picked token reads; a side without an interaction is left out."""
    found = {}
    for side in pair.sides:
        if side.trace is not None:
            labels = None if oracle is None else _labels(side.run, oracle)
            whole = _whole(side.trace, labels, (*_key(side), oracle))
            found[side.letter] = read_token(side.trace, pair.token(side, picked), whole, labels)
    return found


def choose_oracle(pair: Pair) -> str | None:
    """Which label decides what is worth reading; None where there is none, or nobody reads."""
    known = [task for task in ORACLES if task in pair.first.run.sample.labels]
    if not known or all(side.trace is None for side in pair.sides):
        return None
    state.check_query("compare_oracle", {task: ORACLES[task] for task in known})
    return st.segmented_control(
        "For the noise, worth reading is a token of", known, default=known[0], required=True,
        format_func=ORACLES.__getitem__, key="compare_oracle", bind="query-params", persist_state="session",
    )  # fmt: skip


def choose_view() -> View:
    """The controls above the maps."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reader = _choice("Reader", "compare_reader", READERS)
        scale = _choice("Colour scale", "compare_scale", SCALES)
        extent = _choice("Colour range", "compare_range", RANGES)
        opacity = st.slider(
            "Opacity", 0.0, 1.0, 0.85, 0.05, key="compare_opacity", width=160, bind="query-params",
            persist_state="session",
        )  # fmt: skip
    return View(reader, scale, extent, opacity)


def maps(pair: Pair, found: dict[str, Reading], picked: pick.Token, view: View) -> None:
    """For every task one column: what A reads there above what B reads there."""
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
    for index, (task, column) in enumerate(zip(pair.tasks, st.columns(len(pair.tasks)), strict=True)):
        with column:
            for side in pair.sides:
                if side.letter in drawn:
                    tasks = found[side.letter].trace.layout.tasks
                    panel = drawn[side.letter][tasks.index(task)]
                    key = f"compare_reads_{side.letter}_{index}"
                    panels.maps([panel], side.run, key, columns=1, height=220, picked=_place(pair, side, picked))
    _explain(pair, found, view)


def sources(pair: Pair, found: dict[str, Reading], picked: pick.Token) -> None:
    """Shares of the source tasks, and the arrays behind the maps as data."""
    titles = {side.letter: side.title for side in pair.sides}
    bars = [(f"{titles[letter]}, this token", one.statistics.sources[0]) for letter, one in found.items()]
    bars += [(f"{titles[letter]}, all tokens", one.whole.rows.sources.mean(0)) for letter, one in found.items()]
    panels.figure(
        source_bars(bars, next(iter(found.values())).trace.layout.tasks),
        "compare_sources",
        alt=f"From which tasks the {task_title(picked.task)} token at {picked.place} reads in each model",
        how_to_read="Each bar is all that is read, divided by the task whose tokens it comes from. "
        "Cross-attention cannot read the reader's own task; KEM can.",
        formula=FORMULA,
        source=SOURCE,
        data={f"{letter}_{name}": array for letter, one in found.items() for name, array in _arrays(one).items()},
        provenance=[side.run.provenance for side in pair.sides],
    )


def exchange(pair: Pair, found: dict[str, Reading]) -> None:
    """Which task reads which, over the whole image, side by side."""
    shown = [side for side in pair.sides if side.letter in found]
    for side, column in zip(shown, st.columns(2), strict=False):
        reading = found[side.letter]
        with column:
            panels.figure(
                source_matrix(reading.whole.sources, reading.trace.layout.tasks, side.title),
                f"compare_exchange_{side.letter}",
                alt=f"{side.title}: share of what each task reads from each task",
                how_to_read="",
            )
    panels.maps(
        [], pair.first.run, "compare_exchange",
        how_to_read="A row is a reading task; its cells say from which task's tokens it takes what it reads, on "
        "average over the image. Colours go from 0 to 100 % in every matrix.",
    )  # fmt: skip


def numbers(pair: Pair, found: dict[str, Reading]) -> None:
    """All numbers, one row a quantity, for the picked token and for the whole image; and what they mean."""
    quantities = {side.title: found[side.letter].quantities for side in pair.sides if side.letter in found}
    first = next(iter(quantities.values()))
    columns = {"Number": [quantity.title for quantity in first]}
    for part, scope in (("token", "this token"), ("whole", "whole image")):
        for title, those in quantities.items():
            columns[f"{title}, {scope}"] = [_said(quantity, getattr(quantity, part)) for quantity in those]
    table = pd.DataFrame(columns).set_index("Number")
    st.table(table[(table != ABSENT).any(axis=1)])
    with st.popover("What the numbers mean", icon=":material/function:", type="tertiary"):
        for quantity in first:
            st.markdown(f"**{quantity.title}.** {panels.plain(quantity.definition)}")


def no_interaction(side: Side) -> None:
    """Why a side has no maps of what its tokens read."""
    panels.empty(
        f"**{panels.plain(side.title)} has no attention map:** its tasks share the encoder and then go their own "
        "ways, so no token reads another.",
        "Its predictions are compared above. For maps, choose a model with an interaction in the sidebar.",
    )


def _said(quantity: Quantity, value: float) -> str:
    if not np.isfinite(value):
        return ABSENT
    if quantity.unit == "tokens":
        return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.1f}"
    if quantity.unit == "share":
        return percent(value)
    return f"{value:.2f}×" if quantity.unit == "times" else f"{value:.3g}"


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


def _explain(pair: Pair, found: dict[str, Reading], view: View) -> None:
    extent = "One colour range for all maps" if view.range == "shared" else "Each model has its own colour range"
    hatched = "hatched tokens cannot be read by this model, pale ones could be but have weight 0"
    panels.maps(
        [], pair.first.run, "compare_reads",
        how_to_read=f"Colour is how much the reader takes from a token, as a share of all it takes; {hatched}. "
        f"{extent}. A weight says where from, not how much it matters. Click a token of any map to pick it.",
    )  # fmt: skip
    for side in pair.sides:
        if isinstance(side.trace, SlotTrace) and side.letter in found:
            _slot_notes(side)


def _slot_notes(side: Side) -> None:
    options = side.run.card.architecture.options
    if options.get("heads", 1) > 1:
        st.caption(f"{side.title} has {options['heads']} heads; the maps show the first.")
    if options.get("gate"):
        st.caption(f"{side.title}'s slots also keep some of their old content, which comes from no token.")


def _arrays(reading: Reading) -> dict[str, np.ndarray]:
    return {
        "row": reading.row, "candidates": reading.readable.candidates, "read": reading.readable.read,
        "column_mass": reading.whole.columns, "task_matrix": reading.whole.sources,
        "token": np.array(reading.token), "tasks": np.array(reading.trace.layout.tasks),
    }  # fmt: skip


def _labels(run: Run, oracle: str) -> Int[np.ndarray, " N"]:
    grid = run.card.token_grid
    stride = run.card.input_size[0] // grid[0]
    label = run.sample.labels[oracle]
    if oracle == "semseg":
        return token_classes(label, run.letterbox.box, grid, stride)
    valid = run.sample.valid.get(oracle, np.ones(label.shape, bool))
    return token_depth_bins(label, valid, run.letterbox.box, grid, stride)


def _key(side: Side) -> tuple[str, str]:
    return side.run.provenance.weights_sha256, side.run.provenance.image_sha256


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=16, show_spinner="Summing up what all tokens read; this takes about a second.")
def _whole(
    _trace: InteractionTrace, _labels: Int[np.ndarray, " N"] | None, key: tuple[str | None, ...]
) -> MapStatistics:
    return whole_map(_trace, _labels)
