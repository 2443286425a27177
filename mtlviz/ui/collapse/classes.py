"""Single classes at one place: which lag behind, and whether the rare ones do."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtlviz.analysis.collapse.record import ClassPlace
from mtlviz.plots.collapse_classes import MEASURES, ClassLine, Measure, frequency_figure, lag_figure, order
from mtlviz.plots.style import PLACE_TITLES
from mtlviz.ui import panels
from mtlviz.ui.collapse import words
from mtlviz.ui.collapse.page import Side, View, download, measure_control, show


def draw(shown: Sequence[Side], view: View) -> None:
    """The whole section."""
    places = {side.index: place for side in shown if (place := _place(side, view)) is not None}
    having = _of_one_kind([side for side in shown if side.index in places], view.task or "")
    measure = MEASURES[measure_control(list(MEASURES))]
    lines = [ClassLine(side.title, side.index, places[side.index].classes) for side in having]
    labels = order(lines[0].rows, measure) if lines else []
    if not labels:
        panels.empty(
            "No class has enough labelled positions here.",
            "More images give the rare classes more positions; the command takes --limit.",
        )
        return
    st.markdown(" ".join(words.rare_classes(side, places[side.index].classes, measure) for side in having))
    _figures(having[0], view, lines, measure, labels)
    _absent(having, places)
    _details(having, places, view, measure)


def _of_one_kind(sides: Sequence[Side], task: str) -> list[Side]:
    """The sides whose classes are those of the first one; others are named, since a task's name may mean others."""
    alike = [side for side in sides if side.card.task(task).class_names == sides[0].card.task(task).class_names]
    for side in sides:
        if side not in alike:
            st.caption(f"The classes of {panels.plain(side.title)} are others than those of "
                       f"{panels.plain(sides[0].title)}, so it is left out here.")  # fmt: skip
    return alike


def table(side: Side, view: View, place: ClassPlace) -> pd.DataFrame:
    """One row a class with all its numbers."""
    rows = [
        {"model": side.card.name, "task": view.task, "place": view.place, **vars(row)} for row in place.classes
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _figures(first: Side, view: View, lines: Sequence[ClassLine], measure: Measure, labels: Sequence[int]) -> None:
    where = PLACE_TITLES[view.place]
    left, right = st.columns(2, gap="medium")
    with left:
        alt = f"{len(labels)} classes by {measure.title} at the {where}, the one that lags most on top"
        show(lag_figure, lines, measure, labels, key="collapse_lag", alt=alt, of=[first])
    with right:
        palette = first.card.task(view.task or "").palette
        colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in palette]
        alt = f"{measure.title} of {len(labels)} classes against how often they occur"
        show(frequency_figure, lines[:1], measure, colours, labels, key="collapse_frequency", alt=alt, of=[first])
    st.caption(
        f"**How to read this.** At the {where}. First: classes from the one that lags most in "
        f"{panels.plain(first.title)}, with their share of the labelled positions. Then: the numbers of "
        f"{panels.plain(first.title)} against how often a class occurs, in the colours of the classes. A class's "
        "numbers do not depend on how classes are weighed."
    )


def _details(having: Sequence[Side], places: dict[int, ClassPlace], view: View, measure: Measure) -> None:
    both = pd.concat([table(side, view, places[side.index]) for side in having], ignore_index=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Formula", icon=":material/function:", type="tertiary"):
            direction = "Higher" if measure.higher_is_better else "Lower"
            st.markdown(f"**{measure.title.capitalize()}.** {measure.meaning} {direction} is more collapsed.")
            st.latex(measure.formula)
        download("collapse_classes", both, having)
    with st.expander("All numbers of the classes", icon=":material/table:"):
        number = st.column_config.NumberColumn
        columns = {
            "count": number("positions"),
            "share": number("share", format="percent"),
            "norm": number("distance of its mean (mean 1)", format="%.2f"),
            "variance": number("variance", format="%.3g"),
            "scatter": number("spread", help=MEASURES["spread within the class"].meaning, format="%.3f"),
            "vertex_angle": number("angle to vertex (°)", format="%.0f"),
            "agreement": number("agreement", format="percent"),
            "recall": number("nearest mean right", format="percent"),
            "accuracy": number("prediction right", format="percent"),
        }
        st.dataframe(
            both.drop(columns=["task", "place", "label"]).sort_values(["share", "name"], ascending=[False, True]),
            hide_index=True, width="stretch", column_config=columns,
        )  # fmt: skip


def _absent(having: Sequence[Side], places: dict[int, ClassPlace]) -> None:
    """Classes that enter no statistic, named."""
    said = []
    for side in having:
        place = places[side.index]
        left_out = [row.name for row in place.classes if row.label not in place.present]
        if left_out:
            names = panels.plain(words.listed(left_out))
            said.append(f"{panels.plain(side.title)} has fewer than {side.result.protocol.least} positions of {names}")
    if said:
        st.caption(f"{'; '.join(said)}: in no statistic.")


def _place(side: Side, view: View) -> ClassPlace | None:
    task = side.result.classes.get(view.task or "")
    return None if task is None else task.places.get(view.place)
