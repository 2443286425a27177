"""The routing page's details: sources of the token, one slot, tasks and slots, numbers."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from mtlviz.analysis.composite import TokenProvenance
from mtlviz.analysis.routing import SlotRouting, slot_routing
from mtlviz.analysis.routing_numbers import IMAGE_NUMBERS, SLOT_NUMBERS, NumberDefinition
from mtlviz.analysis.slot_card import slot_card
from mtlviz.engine import Run
from mtlviz.plots.routing_exchange import exchange_matrices, exchange_sankey
from mtlviz.plots.routing_maps import slot_panels
from mtlviz.plots.routing_provenance import MOST_LINES, provenance_figure
from mtlviz.plots.style import slot_label, task_title
from mtlviz.trace import SlotTrace
from mtlviz.ui import negative_controls, panels, state
from mtlviz.ui.slots import page, words
from mtlviz.ui.slots.page import SOURCE, View

COMPOSITE = r"A=A_wA_r,\qquad A_{ij}=\sum_l w_{il}\,a_{lj}"


def draw_sources(run: Run, provenance: TokenProvenance) -> None:
    """Where the picked token received from."""
    layout = trace_of(run).layout
    places = [layout.place(int(token)) for token in provenance.sources]
    table = pd.DataFrame(places, columns=["task", "row", "column"]).assign(weight=provenance.weights)
    through = pd.DataFrame(provenance.through, columns=[slot_label(slot) for slot in range(len(provenance.slots))])
    first = places[0]
    fig = provenance_figure(provenance, layout, state.geometry(run), run.sample.image)
    panels.figure(
        fig,
        "slots_sources",
        how_to_read=f"Lines run from the outlined token to {_which(provenance)} it received from, in the colour of the "
        "slot in between; width and strength are the weight. A coloured cell is the sum of all weights that end "
        "there; the percentage above a map is that task's share.",
        alt=f"{len(places)} sources; the strongest is {task_title(first[0])}, row {first[1]}, column {first[2]}, "
        f"with {provenance.weights[0]:.3f}",
        formula=COMPOSITE,
        source="The composite map of Write after Retrieve; it has at most L·K columns that are not 0 and its rows sum "
        "to 1 when a slot's Retrieve weights do, so it compares one to one with an attention matrix.",
        data=pd.concat([table, through], axis=1),
        provenance=(run.provenance,),
        shape=fig.layout.yaxis.range[0] / fig.layout.xaxis.range[1],
    )


def _which(provenance: TokenProvenance) -> str:
    lines = int((provenance.through > 0).sum())
    if lines <= MOST_LINES:
        return "every token"
    return f"the tokens (the {MOST_LINES} strongest of {lines:,} lines)"


def draw_slot(run: Run, routing: SlotRouting, view: View, real: Run | None = None) -> None:
    """The chosen slot's own card.

    Args:
        run: what is drawn.
        routing: of its trace.
        view: gives the slot.
        real: of the model itself, where ``run`` is a negative control.
    """
    layout = trace_of(run).layout
    card = slot_card(trace_of(run), routing, view.slot)
    if real is not None and not negative_controls.one_slot_beside(run):
        real = None
    own = None if real is None else slot_card(trace_of(real), slot_routing(trace_of(real)), view.slot)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        drawn = slot_panels(card, layout, opacity=1 - view.photograph / 2)
        beside = None if own is None else slot_panels(own, layout)
        page.maps_on_pale(drawn, run, "slots_card", view.photograph, real=beside)
        page.explain(
            run,
            "slots_card",
            "Brightness is how much a token reads this slot, on one scale for all tasks; markers are the tokens that "
            "won it, the larger the larger their Retrieve weight. An even colour means that all read it alike.",
            f"{SLOT_NUMBERS['occupancy'].formula}\\qquad {SLOT_NUMBERS['readers'].formula}",
            {"read_weight": card.read_weight.reshape(len(layout.tasks), *layout.grid)},
        )
    with right:
        st.subheader(slot_label(card.slot).capitalize(), anchor=False)
        st.markdown(words.slot(card, routing.slots))
        st.caption("Its picks, best first")
        picks = [(task_title(pick.task), pick.row, pick.column, pick.weight) for pick in card.picks]
        table = pd.DataFrame(picks, columns=["task", "row", "column", "weight"])
        weight = st.column_config.NumberColumn(format="%.3f")
        st.dataframe(table, hide_index=True, width="stretch", column_config={"weight": weight})
        st.caption("Who writes into it and who reads it")
        shares = [(task_title(task), card.writers[task], card.readers[task]) for task in card.writers]
        share = st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1, width="small")
        st.dataframe(
            pd.DataFrame(shares, columns=["task", "writes", "reads"]), hide_index=True, width="stretch",
            column_config={"writes": share, "reads": share},
        )  # fmt: skip


def draw_tasks(run: Run, routing: SlotRouting, view: View) -> None:
    """Who writes, who reads, and what flows between the tasks."""
    exchange = routing.exchange
    panels.figure(
        exchange_matrices(exchange.writers, exchange.readers, exchange.tasks),
        "slots_matrices",
        how_to_read="A row is a slot. On the left, whose tokens fill it; on the right, whose tokens read it. Rows sum "
        "to 1 on either side, from dark (0) to bright (1); a dot is exactly 0.",
        alt=f"Share of each task in writing and in reading {routing.slots} slots",
        formula=f"{SLOT_NUMBERS['writers'].formula}\\qquad {SLOT_NUMBERS['readers'].formula}",
        source=SOURCE,
        data=slot_table(routing),
        provenance=(run.provenance,),
    )
    panels.figure(
        exchange_sankey(exchange, view.alone),
        "slots_flows",
        how_to_read="Left to right: the tasks that write, the slots, the tasks that read. A slot is as high as it is "
        "read; what flows in is scaled to what flows out, so both sides of a slot have the same height.",
        alt="Flows from writing tasks through slots to reading tasks",
        formula=r"\text{in}_{tl}=o_l\,\frac{\sum_{k:P_{lk}\in t}a_{lk}}{\sum_k a_{lk}},\qquad "
        r"\text{out}_{lt}=\frac1V\sum_{i\in t}w_{il}",
        source="A unit of flow is the whole Write mass of the image.",
        data=_flow_table(routing),
        provenance=(run.provenance,),
    )


def draw_numbers(run: Run, routing: SlotRouting) -> None:
    """Every number of the image with its definition, and a table of the slots."""
    values = routing.numbers
    panels.numbers(
        [
            (number.name, _written(values[key], number, routing.slots), meaning(number))
            for key, number in IMAGE_NUMBERS.items()
        ]
    )
    st.dataframe(slot_table(routing), hide_index=True, width="stretch", column_config=_columns(routing.exchange.tasks))
    definitions(IMAGE_NUMBERS | SLOT_NUMBERS)


def definitions(numbers: dict[str, NumberDefinition]) -> None:
    """What the numbers mean, folded away."""
    with st.expander("Definitions", icon=":material/function:"):
        for number in numbers.values():
            st.markdown(f"**{number.name}.** {meaning(number)}")
            st.latex(number.formula)


def meaning(number: NumberDefinition) -> str:
    """Definition and range in words."""
    return f"{number.definition} {number.lowest}; {number.highest}."


def slot_table(routing: SlotRouting) -> pd.DataFrame:
    """One row a slot: its numbers and its shares by task."""
    exchange, twins = routing.exchange, routing.likeness.twins
    table = pd.DataFrame(
        {
            "slot": range(routing.slots),
            "occupancy": routing.occupancy,
            "won": routing.won,
            "norm": routing.relative_norms,
            "dead": routing.dead,
            "twins": [", ".join(str(other) for other in row.nonzero()[0]) for row in twins],
        }
    )
    for kind, shares in (("writes", exchange.writers), ("reads", exchange.readers)):
        for column, task in enumerate(exchange.tasks):
            table[f"{task_title(task)} {kind}"] = shares[:, column]
    return table


def _flow_table(routing: SlotRouting) -> pd.DataFrame:
    exchange = routing.exchange
    into = [(task_title(task), slot_label(slot), exchange.inflow[index, slot])
            for index, task in enumerate(exchange.tasks) for slot in range(routing.slots)]  # fmt: skip
    out = [(slot_label(slot), task_title(task), exchange.outflow[slot, index])
           for slot in range(routing.slots) for index, task in enumerate(exchange.tasks)]  # fmt: skip
    return pd.DataFrame([*into, *out], columns=["from", "to", "flow"])


def _columns(tasks: Sequence[str]) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    shares = {f"{task_title(task)} {kind}": number(format="%.2f") for task in tasks for kind in ("writes", "reads")}
    return shares | {
        "occupancy": number(SLOT_NUMBERS["occupancy"].name, help=meaning(SLOT_NUMBERS["occupancy"]), format="%.3f"),
        "won": number(SLOT_NUMBERS["won"].name, help=meaning(SLOT_NUMBERS["won"]), format="%.3f"),
        "norm": number(SLOT_NUMBERS["norm"].name, help=meaning(SLOT_NUMBERS["norm"]), format="%.2f"),
        "dead": st.column_config.CheckboxColumn("Dead", help=meaning(IMAGE_NUMBERS["dead"])),
        "twins": st.column_config.TextColumn("Twins", help=meaning(IMAGE_NUMBERS["twins"])),
    }


def _written(value: float, number: NumberDefinition, slots: int) -> str:
    return f"{value:.{number.decimals}f}" + (f" of {page}" if number.decimals == 0 else "")


def trace_of(run: Run) -> SlotTrace:
    """What the slots did in a run of a model that has some."""
    trace = run.trace.interaction
    if not isinstance(trace, SlotTrace):
        raise TypeError(f"expected a SlotTrace, got {type(trace).__name__}")
    return trace
