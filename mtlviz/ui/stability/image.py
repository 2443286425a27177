"""The current image: maps of the picks before and after, slot by slot, and the numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from mtlviz.analysis.stability.comparison import Comparison
from mtlviz.analysis.stability.names import CHANGE, PAIRED, measure
from mtlviz.engine import Provenance, Run
from mtlviz.plots.maps import Panel
from mtlviz.plots.stability import SlotLine, slot_figure
from mtlviz.plots.stability_maps import Mark, mark_traces, pick_marks, pick_panel
from mtlviz.ui import charts, negative_controls, panels, state
from mtlviz.ui.downloads import file_stamp
from mtlviz.ui.stability import words
from mtlviz.ui.stability.page import Choice, Side

Found = Sequence[tuple[Side, Comparison]]

MAP_HEIGHT = 400
BY_SLOT = ("tokens", "classes", "retrieved", "margin")
READ_MAPS = (
    "Of each model first the image as it is, then the changed one. A mark is a token that the slot with its number "
    "picked: blue circles are kept, red squares lost, yellow diamonds new, grey circles lie where the other image "
    "shows nothing. Marks around one point share that token."
)
READ_SLOTS = (
    "One column a slot, one mark a model; dashed is what a selection that does not change would have (0 for the "
    "margin). A slot whose tokens change (first row) while its classes and content stay (second and third) has only "
    "swapped equals."
)


def maps(found: Found, choice: Choice, own: Found | None = None) -> None:
    """Two maps a model: the picks before and after.

    Args:
        found: what is drawn.
        choice: what the controls say.
        own: of the models themselves, where ``found`` is that of a negative control.
    """
    for number, (side, one) in enumerate(found):
        drawn = _drawn(side, one, choice)
        beside = [panel for panel, _, _ in drawn]
        real = [panel for panel, _, _ in _drawn(*own[number], choice)] if own else [None, None]
        for index, (column, (panel, marks, run)) in enumerate(zip(st.columns(2), drawn, strict=True)):
            with column:
                _map(panel, marks, run, beside, f"stability_map_{side.index}_{index}")
                negative_controls.beside(panel, real[index], numbered=negative_controls.numbered(run))
    panels.maps((), found[0][0].run, "stability_maps", clickable=False, how_to_read=READ_MAPS, data=_arrays(found))


def slots(found: Found) -> None:
    """Overlap, cosine and margin of every slot."""
    lines = [SlotLine(side.title, side.index, one.by_slot) for side, one in found]
    shown = [key for key in BY_SLOT if any(np.isfinite(line.values[key]).any() for line in lines)]
    means = ", ".join(f"{side.title} {one.numbers['tokens']:.2f}" for side, one in found)
    panels.figure(
        slot_figure(lines, [measure(key) for key in shown]),
        "stability_slots",
        how_to_read=READ_SLOTS,
        alt=f"Overlap of every slot before and after; mean token overlap {means}",
        formula=r"J_l=\frac{|P_l\cap P'_l|}{|P_l\cup P'_l|},\qquad " + PAIRED["classes"].formula
        + r",\qquad " + PAIRED["margin"].formula,
        source=words.SOURCE,
        data=_slot_table(found),
        provenance=_provenance(found),
    )  # fmt: skip


def numbers(found: Found) -> None:
    """All numbers of the image as a table."""
    keys = list(dict.fromkeys(key for _, one in found for key in one.numbers))
    tasks = [task for side, _ in found for task in side.run.card.tasks]
    rows = []
    for key in keys:
        about, values = measure(key, tasks), [one.numbers.get(key, np.nan) for _, one in found]
        row = {"Measure": about.title + (f" ({about.unit})" if about.unit not in ("", "°") else "")}
        row |= {side.title: words.number(value, about) for (side, _), value in zip(found, values, strict=True)}
        row["Unchanged"] = "" if about.same is None else f"{about.same:g}"
        rows.append(row)
    st.table(pd.DataFrame(rows).set_index("Measure"))
    words.definitions([measure(key) for key in keys if not key.startswith(CHANGE)])


def _drawn(side: Side, one: Comparison, choice: Choice) -> list[tuple[Panel, Sequence[Mark], Run]]:
    """The map as it is and the changed one, each with its marks and its run."""
    before, after = pick_marks(one, choice.task)
    grid, slots = side.run.card.token_grid, len(one.before.picks)
    return [
        (pick_panel(f"{side.title}, as it is", before, grid, slots), before, side.run),
        (pick_panel(f"{side.title}, {choice.perturbation.title}", after, grid, slots), after, one.changed),
    ]


def _map(panel: Panel, marks: Sequence[Mark], run: Run, beside: Sequence[Panel], key: str) -> None:
    geometry = state.geometry(run)
    spec = charts.map_spec(panel, geometry, run, beside=beside, height=MAP_HEIGHT, clickable=False)
    drawn = [trace.to_plotly_json() for trace in mark_traces(marks, geometry)]
    fig = charts.mark({**spec, "data": [*spec["data"], *drawn]}, geometry, None)
    charts.show_map(fig, geometry, key, f"{panel.title}: {panel.note}", None, file_stamp((run.provenance,)))


def _arrays(found: Found) -> dict[str, np.ndarray]:
    """Picks before and after, named by the original's tokens, -1 where one image does not show them."""
    return {
        f"{letter}_{when}_{what}": values
        for letter, (_, one) in zip("ab", found, strict=False)
        for when, chosen in (("before", one.before), ("after", one.after))
        for what, values in (("picks", chosen.picks), ("classes", chosen.classes))
    }


def _slot_table(found: Found) -> pd.DataFrame:
    parts = []
    for side, one in found:
        table = pd.DataFrame(one.by_slot)
        table.insert(0, "slot", range(len(table)))
        table.insert(0, "model", side.run.card.name)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _provenance(found: Found) -> list[Provenance]:
    return [run.provenance for side, one in found for run in (side.run, one.changed)]
