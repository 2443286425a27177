"""What two models cost."""

import pandas as pd
import streamlit as st

from mtlviz.analysis.cost import Latency, measure_latency, part_costs
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine
from mtlviz.plots.attention import percent
from mtlviz.ui import panels
from mtlviz.ui.compare.page import Pair, Side

PARTS = {
    "encoder": "Encoder", "task_encoders": "Task encoders", "interaction": "Interaction", "decoders": "Decoders",
    "initial": "First predictions, in training alone", "total": "Whole network",
}  # fmt: skip
RUNS = 9


def draw(pair: Pair) -> None:
    """What is stored and computed by part, and how long a pass takes on this machine."""
    st.markdown(_sentence(pair))
    st.table(_table(pair).set_index("Part"))
    st.caption(
        "**How to read this.** Multiply-accumulates are those of one image of the size that the model takes, counted "
        "from the architecture."
    )
    _latency(pair)


def _table(pair: Pair) -> pd.DataFrame:
    """Parameters and multiply-accumulates by part."""
    costs = [{cost.part: cost for cost in part_costs(side.run.card)} for side in pair.sides]
    rows = []
    for part, name in PARTS.items():
        if part == "initial" and all(cost[part].parameters is None for cost in costs):
            continue
        row = {"Part": name}
        for title, cost in zip(pair.titles, costs, strict=True):
            row[f"{title}, parameters"] = _count(cost[part].parameters)
        for title, cost in zip(pair.titles, costs, strict=True):
            row[f"{title}, multiply-accumulates"] = _count(cost[part].operations)
        rows.append(row)
    return pd.DataFrame(rows)


def _latency(pair: Pair) -> None:
    """Median seconds of a forward pass on this machine, measured live, and a button to measure again."""
    turn = int(st.session_state.get("_compare_measured", 0))
    engines = {side.run.card.weights_sha256: side.engine for side in sorted(pair.sides, key=lambda one: one.title)}
    found = dict(zip(engines, _measure(list(engines.values()), pair.first.run.sample, (*engines, turn)), strict=True))
    panels.numbers([_measured(side, found[side.run.card.weights_sha256]) for side in pair.sides])
    st.button("Measure again", on_click=_measure_again, icon=":material/timer:", key="compare_measure")


def _sentence(pair: Pair) -> str:
    """How much of each forward pass the interaction is, and how the two compare."""
    counted = [side.run.card.operations for side in pair.sides]
    if not all(one.get("total") and "interaction" in one for one in counted):
        return "A card here does not say how much is computed; `python -m mtlviz train` writes cards that do."
    parts = [
        f"**{_count(one['interaction'])}** multiply-accumulates in {panels.plain(title)}, "
        f"{percent(one['interaction'] / one['total'])} of its forward pass,"
        if one["interaction"]
        else f"nothing in {panels.plain(title)}"
        for one, title in zip(counted, pair.titles, strict=True)
    ]
    return f"The interaction takes {' and '.join(parts).rstrip(',')}."


def _measured(side: Side, one: Latency) -> tuple[str, str, str]:
    definition = (
        f"Median of {one.runs} runs on this machine ({one.device}), batch 1, without decoding the image and without "
        f"recording a trace; half of the runs took {one.low * 1e3:.1f} to {one.high * 1e3:.1f} ms. Models take turns."
    )
    return f"{side.title}: forward pass", f"{one.median * 1e3:.1f} ms", definition


def _measure_again() -> None:
    st.session_state["_compare_measured"] = int(st.session_state.get("_compare_measured", 0)) + 1


def _count(value: int | None) -> str:
    if value is None:
        return "–"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return str(value)


@st.cache_data(max_entries=16, show_spinner="Timing both models; this takes about a second.")
def _measure(_engines: list[Engine], _sample: Sample, key: tuple[object, ...]) -> tuple[Latency, ...]:
    return measure_latency(_engines, _sample, RUNS)
