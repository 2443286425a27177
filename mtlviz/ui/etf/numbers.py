"""The numbers of the ETF page: for every side, for random directions and for an exact frame, with definitions."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import streamlit as st

from mtlviz.analysis.class_cloud import ClassCloud
from mtlviz.analysis.etf_geometry import Numbers
from mtlviz.analysis.etf_spread import FEWEST, RESAMPLES, number_spread
from mtlviz.ui.etf.side import Side


@dataclass(frozen=True)
class Definition:
    """One number.

    Attributes:
        name: in the table.
        formula: LaTeX.
        meaning: one sentence.
        pattern: how a value is written.
    """

    name: str
    formula: str
    meaning: str
    pattern: str = "{:.3f}"


DEFINITIONS: dict[str, Definition] = {
    "equinorm": Definition(
        "Equal lengths (CV)", r"\operatorname{Std}_c|m_c|\,/\,\operatorname{Avg}_c|m_c|",
        "Coefficient of variation of the lengths of the centred class means (NC2 equinorm).",
    ),
    "mean_deviation": Definition(
        "Mean |cos + 1/(K−1)|", r"\operatorname{Avg}_{c\ne c'}\left|\cos(m_c,m_{c'})+\tfrac{1}{K-1}\right|",
        "Mean distance of the cosines between centred class means from that of a frame (NC2 max-angle).",
    ),
    "max_deviation": Definition(
        "Largest |cos + 1/(K−1)|", r"\max_{c\ne c'}\left|\cos(m_c,m_{c'})+\tfrac{1}{K-1}\right|",
        "The pair that is farthest from the frame's cosine.",
    ),
    "equiangular": Definition(
        "Equal angles (Std)", r"\operatorname{Std}_{c\ne c'}\cos(m_c,m_{c'})",
        "Standard deviation of the cosines, whatever their mean (NC2 equiangular).",
    ),
    "angle_gap": Definition(
        "Gap to the equal angle",
        r"\operatorname{Avg}_{c\ne c'}\left|\angle(m_c,m_{c'})-\arccos\tfrac{-1}{K-1}\right|",
        "Mean distance of the angles from the equal angle, in degrees.", "{:.1f}°",
    ),
    "etf_error": Definition(
        "ETF error",
        r"\left\|\tfrac{MM^\top}{\|MM^\top\|_F}-\tfrac{1}{\sqrt{K-1}}\left(I-\tfrac1K 11^\top\right)\right\|_F",
        "Distance between the Gram matrices of the centred means and of a simplex frame, lengths and angles together; "
        "0 to 2.",
    ),
}  # fmt: skip
VERTEX_ANGLE = Definition(
    "Angle to the vertex", r"\operatorname{Avg}_c\,\angle(m_c,\,v_c)",
    "Mean angle between each centred class mean and the vertex it is meant for.", "{:.1f}°",
)  # fmt: skip
FIXED_CHANCE = 90.0
"""Mean angle in degrees between a random direction and a vertex that was not turned towards it."""
SYMBOLS = (
    r"m_c=\mu_c-\tfrac1K\sum_{c'}\mu_{c'},\quad \mu_c \text{ mean feature of class } c,\quad "
    r"K \text{ classes present},\quad M=(m_1,\dots,m_K)^\top"
)


def table(sides: Sequence[Side], *, controls: bool = True) -> pd.DataFrame:
    """One row a number; a column a side, then random directions and an exact frame.

    Args:
        sides: models or places, with titles that differ.
        controls: add the last two columns.
    """
    columns: dict[str, list[str]] = {"": [*(one.name for one in DEFINITIONS.values()), VERTEX_ANGLE.name]}
    for one in sides:
        columns[one.title] = _column(one)
    if not controls:
        return pd.DataFrame(columns)
    known = {(len(one.cloud.present), one.width): one.chance for one in sides
             if one.geometry is not None}  # fmt: skip
    for (classes, width), control in known.items():
        name = "Random directions" if len(known) == 1 else f"Random: {classes} in {width} dimensions"
        alike = [one for one in sides if (len(one.cloud.present), one.width) == (classes, width)]
        columns[name] = [*_written(control.numbers), _vertex_chance(alike)]
    columns["Exact frame"] = [*_written(Numbers(*[0.0] * len(fields(Numbers)))), VERTEX_ANGLE.pattern.format(0)]
    return pd.DataFrame(columns)


def draw(sides: Sequence[Side]) -> None:
    """The table, what its numbers mean, and what they rest on."""
    st.table(table(sides).set_index(""))
    first = sides[0]
    note = (
        "Class means count alike and are seen from their plain mean, so a class of many pixels does not pull the "
        f"origin towards itself. Random directions: {first.chance.draws} draws of independent class means."
    )
    if any(len(one.blocks) >= FEWEST for one in sides):
        note += f" ± is the bootstrap standard deviation over groups of rooms ({RESAMPLES} resamples)."
    st.caption(note)
    with st.expander("Definitions", icon=":material/function:"):
        st.latex(SYMBOLS)
        for one in (*DEFINITIONS.values(), VERTEX_ANGLE):
            st.markdown(f"**{one.name}.** {one.meaning}")
            st.latex(one.formula)
        st.caption(
            "Papyan, Han and Donoho (2020), Prevalence of neural collapse; the ETF error as in later work on it."
        )


def _vertex_chance(sides: Sequence[Side]) -> str:
    """What chance gives for the vertices that sides of one number of classes and dimensions are measured by."""
    fits = {one.vertices.fit for one in sides if one.vertices is not None}
    said = []
    if "frame" in fits:
        said.append(f"{VERTEX_ANGLE.pattern.format(FIXED_CHANCE)}\u00a0(own)")
    if fits != {"frame"}:
        said.append(_said(VERTEX_ANGLE.pattern, sides[0].chance.vertex_angle, "does not fit"))
    return ", ".join(said)


def _column(one: Side) -> list[str]:
    if one.geometry is None:
        return ["–"] * (len(DEFINITIONS) + 1)
    vertex = "does not fit"
    if one.vertices is not None and one.vertex_angles is not None:
        vertex = VERTEX_ANGLE.pattern.format(float(one.vertex_angles.mean()))
        vertex += "\u00a0(own)" if one.vertices.fit == "frame" else ""
    spread = _spread(one.blocks, (one.card.weights_sha256, one.task.name, one.view.place, one.cloud.images))
    return [*_written(one.geometry.numbers, spread), vertex]


def _written(numbers: Numbers, spread: Numbers | None = None) -> list[str]:
    texts = []
    for key, definition in DEFINITIONS.items():
        text = _said(definition.pattern, getattr(numbers, key))
        if spread is not None:
            text += f"\u00a0±\u00a0{definition.pattern.format(getattr(spread, key))}"
        texts.append(text)
    return texts


def _said(pattern: str, value: float, otherwise: str = "–") -> str:
    return pattern.format(value) if np.isfinite(value) else otherwise


@st.cache_data(max_entries=128, show_spinner=False)
def _spread(_blocks: Sequence[ClassCloud], key: tuple[object, ...]) -> Numbers | None:
    return number_spread(_blocks)
