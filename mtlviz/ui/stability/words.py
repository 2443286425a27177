"""The sentences of the Stability page."""

from collections.abc import Mapping, Sequence

import streamlit as st

from mtlviz.analysis.stability.comparison import Comparison
from mtlviz.analysis.stability.names import Measure
from mtlviz.ui.panels import plain
from mtlviz.ui.stability.page import Choice, Side

SOURCES = {
    "labels": "the exact labels of this image",
    "prediction": "what each model itself says of the image as it is, since the image has no labels",
    "none": "nothing: neither the image nor the model knows classes",
}
WHY = (
    "**Why two overlaps?** sKEM pulls all tokens of a class to one point. Where that succeeds, any token of the class "
    "can take the place of any other, so *which* of them wins is a matter of chance and the token overlap falls; the "
    "class overlap says whether the class stayed. The cosine says whether what the slots hold stayed: where slots mix "
    "the features themselves and not what has collapsed, it falls with the token overlap. A selection that ignores "
    "the image is stable too: the row “another image” below and the change of the predictions show it."
)
SOURCE = "Claims to test for stable selection (kem.md 3.8) and what collapse does to the overlap of tokens (5.1)."


def answer(found: Sequence[tuple[Side, Comparison]], choice: Choice) -> str:
    """One sentence that answers the page's question for the current image."""
    if choice.perturbation.nothing:
        return (
            "At this strength **nothing changes**, so every overlap is **1** exactly; move the slider to see what the "
            "picks do."
        )
    first, *others = (_numbers(side, one) for side, one in found)
    said = f"Under **{choice.perturbation.title}**, {first}"
    return said + (f"; {others[0]}." if others else ".")


def number(value: float, about: Measure) -> str:
    """A value of a measure with its unit."""
    if value != value:
        return "–"
    return f"{value:.1f}°" if about.unit == "°" else signed(value, 3 if about.same == 0 else 2)


def signed(value: float, decimals: int = 2) -> str:
    """A number with a true minus sign, and without one where it is rounded to 0."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def definitions(measures: Mapping[str, Measure] | Sequence[Measure]) -> None:
    """What every number means, behind a button."""
    listed = measures.values() if isinstance(measures, Mapping) else measures
    with st.popover("What the numbers mean", icon=":material/function:", type="tertiary"):
        for one in listed:
            st.markdown(f"**{one.title.capitalize()}.** {one.meaning}")
            if one.formula:
                st.latex(one.formula)
        st.caption(SOURCE)


def class_source(found: Sequence[Side]) -> str:
    """Where the classes of tokens come from."""
    source = found[0].clean.classes.source
    return f"The class of a token is that of most of its pixels, taken from {SOURCES[source]}."


def _numbers(side: Side, one: Comparison) -> str:
    values = one.numbers
    classes = "" if values["classes"] != values["classes"] else f" and **{values['classes']:.2f}** as classes"
    return (
        f"the picks of **{plain(side.title)}** overlap to **{values['tokens']:.2f}** as tokens{classes}, and what its "
        f"slots hold has a cosine of **{values['retrieved']:.2f}**"
    )
