"""What the Attribution page shows: maps or bars, what they add up to, and the test."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from mtlviz.analysis.attribution.explain import Attribution
from mtlviz.analysis.attribution.request import INTEGRATED, SLOTS, TASKS
from mtlviz.plots.attribution import attribution_panel, map_limit
from mtlviz.plots.attribution_charts import contribution_bars, curve_ends, curves_figure
from mtlviz.plots.maps import Panel
from mtlviz.ui import negative_controls, panels, state
from mtlviz.ui.attribution import image_set, words
from mtlviz.ui.attribution.job import Found, of_the_model
from mtlviz.ui.attribution.page import Side, View

MAP_HEIGHT = 420
Pairs = Sequence[tuple[Side, Attribution]]


def draw(view: View, found: Found) -> None:
    """The whole page below its controls."""
    for side in view.sides:
        if side.why:
            panels.empty(f"**{panels.plain(side.title)}**: {panels.plain(side.why)}", words.way_out(view))
    known = [(side, answer) for side in view.sides if (answer := found.get(side.index)) is not None]
    if not known:
        if any(not side.why for side in view.sides):
            panels.empty("Nothing is computed for this target and method yet.",
                         "Press “Compute and test”; what was computed before comes back at once.")  # fmt: skip
        return
    if view.request.features in (SLOTS, TASKS):
        _bars(known, view)
    else:
        _maps(known, view)
    _numbers(known)
    if view.request.method == INTEGRATED:
        image_set.draw(view)
    st.subheader("Is the map faithful?", anchor="faithful")
    _test(known)


def _maps(known: Pairs, view: View) -> None:
    """One map a model, on one scale."""
    limit = max(map_limit(answer, by_pixel=view.by_pixel) for _, answer in known)
    drawn = [_panel(side, answer, view, limit) for side, answer in known]
    real = [_real_panel(side, view, limit) for side, _ in known]
    shown: list[Panel | None] = [*drawn] if len(drawn) > 1 else [*drawn, None]
    data = {
        f"{side.engine.card.name}_{name}": values
        for side, answer in known
        for name, values in (("scores", answer.scores), ("pixels", answer.pixels), ("segments", answer.segments))
        if values is not None
    }
    panels.maps(
        shown, known[0][0].run, "attribution_map", columns=2, height=MAP_HEIGHT,
        how_to_read=words.how_to_read(view, len(known)), data=data,
        formula=words.formula(view.request), source=words.source(view.request),
    )  # fmt: skip
    for panel, own in zip(drawn, real, strict=True):
        negative_controls.beside(panel, own)


def _panel(side: Side, answer: Attribution, view: View, limit: float) -> Panel:
    return attribution_panel(answer, state.geometry(side.run), side.title, limit, by_pixel=view.by_pixel,
                             opacity=view.opacity)  # fmt: skip


def _real_panel(side: Side, view: View, limit: float) -> Panel | None:
    own = of_the_model(side)
    return None if own is None else _panel(side, own, view, limit)


def _bars(known: Pairs, view: View) -> None:
    """One chart a model, on one scale."""
    limit = max(map_limit(answer, by_pixel=False) for _, answer in known)
    columns = st.columns(2, gap="medium")
    for column, (side, answer) in zip(columns, known, strict=False):
        with column:
            st.markdown(f"**{panels.plain(side.title)}**")
            best = answer.names[int(np.argmax(answer.scores))]
            panels.figure(
                contribution_bars(answer, limit), f"attribution_bars_{side.index}",
                how_to_read=words.how_to_read(view, len(known)),
                alt=f"Contribution of {len(answer.names)} {view.request.features} in {side.title}; most by {best}",
                formula=words.formula(view.request), source=words.source(view.request),
                data=_table(answer), provenance=[side.run.provenance],
            )  # fmt: skip


def _table(answer: Attribution) -> pd.DataFrame:
    table = pd.DataFrame({"feature": answer.names, f"contribution ({answer.scalar.unit})": answer.scores})
    if answer.errors is not None:
        table["standard error"] = answer.errors
    return table


def _numbers(known: Pairs) -> None:
    """What the maps add up to, a column a model."""
    rows: dict[str, dict[str, str]] = {}
    for side, answer in known:
        for name, text in words.numbers(answer):
            rows.setdefault(name, {})[side.title] = text
    st.table(pd.DataFrame.from_dict(rows, orient="index").fillna("–"))
    for sentence in dict.fromkeys(said for _, answer in known for said in words.honest(answer)):
        st.caption(sentence)


def _test(known: Pairs) -> None:
    """Deletion and insertion, a chart a model."""
    if all(answer.curves is None for _, answer in known):
        panels.empty(
            "The map is drawn, but nothing has tested it yet.",
            "Press “Compute and test” above: features are taken away in the map's order and in random ones.",
        )
        return
    ends = curve_ends([answer.curves for _, answer in known if answer.curves is not None])
    columns = st.columns(2, gap="medium")
    for column, (side, answer) in zip(columns, known, strict=False):
        if answer.curves is None:
            continue
        with column:
            st.markdown(words.verdict(side.title, answer))
            panels.figure(
                curves_figure(answer, ends), f"attribution_curves_{side.index}",
                how_to_read=words.curves_how(answer),
                alt=f"Deletion and insertion curves of {side.title}, score {words.scores(answer)}",
                formula=words.CURVE_FORMULA, source=words.CURVE_SOURCE,
                data=_curve_table(answer), provenance=[side.run.provenance],
            )  # fmt: skip


def _curve_table(answer: Attribution) -> pd.DataFrame:
    tested = answer.curves
    if tested is None:
        raise ValueError("the attribution was not tested")
    table = pd.DataFrame({"share": tested.shares, "deletion": tested.deletion, "insertion": tested.insertion})
    for index, (deletion, insertion) in enumerate(zip(tested.random_deletion, tested.random_insertion, strict=True)):
        table[f"deletion, random {index}"], table[f"insertion, random {index}"] = deletion, insertion
    return table
