"""The statistics of the chosen task place by place: NC1, NC2, agreement, and the classifier against the class means."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtlviz.analysis.collapse.names import STATISTICS, Statistic
from mtlviz.analysis.collapse.record import Estimate
from mtlviz.plots.collapse import Line, key_rows, place_panel
from mtlviz.plots.style import PLACE_TITLES, task_title
from mtlviz.ui import panels
from mtlviz.ui.collapse import page, words
from mtlviz.ui.collapse.page import Side, View, explain, show

COLUMNS = 3
MAIN = (
    "nc1_pinv", "nc1_quotient", "nc1_cdnv", "nc2_equinorm", "nc2_max_angle", "nc2_etf_error", "agreement",
    "recall", "accuracy", "nc3_self_duality", "nc3_cosine", "nc4", "w_etf_error",
)  # fmt: skip
"""Statistics that are shown unless all are asked for."""
PLACES_MEAN = {
    "encoder": "Output of the shared encoder, one for all tasks.",
    "task_encoder": "Output of the task's own encoder, before tasks interact.",
    "interaction_input": "The same as the interaction compares it, after its own norms and projections.",
    "interaction_output": "What the task's decoder receives.",
    "decoder": "Input of the decoder's last linear layer, on a finer grid.",
}
SYMBOLS = (
    r"$h$ is the feature at one position, $\mu_c$ the mean over class $c$, $\mu_G = \sum_c w_c \mu_c$ the centre, "
    r"$m_c = \mu_c - \mu_G$ (in NC2 and NC3 $\mu_c - \bar\mu$ with the plain mean $\bar\mu$ of the $\mu_c$, and there "
    r"$w_c$ is the classifier's row about the mean row), $v_c$ the mean of $|h - \mu_c|^2$ over the class, "
    r"$S_W = \sum_c w_c \mathrm{Cov}_c$, "
    r"$S_B = \sum_c w_c m_c m_c^\top$, $\hat y$ the final prediction, $K$ the number of classes. **Class-balanced** "
    r"weighs every class $w_c = 1/K$; **pixel-weighted** weighs it by its share of the labelled positions, and pairs "
    "by the product of theirs."
)
AT_DECODER = ("decoder",)


def draw(shown: Sequence[Side], view: View) -> None:
    """The whole section."""
    having = [side for side in shown if view.task in side.result.classes]
    everywhere = [one for one in _chosen(view) if one.places != AT_DECODER]
    panel_row(everywhere, having, view)
    explain(
        "collapse_places",
        f"Left to right as the features flow; each panel has its own scale. {_bands(having, everywhere)} "
        "Lower is more collapsed, except where the dashed line stands at 100%: higher is there.",
        [one.key for one in everywhere], table(having, view), having,
    )  # fmt: skip
    for side in having:
        if not side.interacts:
            st.caption(
                f"The tasks of {panels.plain(side.title)} do not interact: its task encoder, interaction input and "
                "interaction output are the same features."
            )


def draw_classifier(shown: Sequence[Side], view: View) -> None:
    """NC3 and NC4: the last layer's weights against the class means of its input."""
    having = [side for side in shown if view.task in side.result.classes]
    rows = [one for one in _chosen(view) if one.places == AT_DECODER]
    lines = [Line(side.title, side.index, _at_decoder(side, view)) for side in having]
    if not any(line.estimates for line in lines):
        panels.empty("No numbers at the decoder are stored.", "Make the results again; the command is in the README.")
        return
    show(key_rows, rows, lines, key="collapse_classifier", alt=_alt("Classifier and class means", having), of=having)
    explain(
        "collapse_classifier",
        "One row a statistic at the input of the decoder's last linear layer; the upright mark is its value under "
        "exact collapse, so the nearer a dot is to its mark, the more collapsed.",
        [one.key for one in rows], table(having, view, AT_DECODER), having,
    )  # fmt: skip


def panel_row(statistics: Sequence[Statistic], having: Sequence[Side], view: View) -> None:
    """One panel a statistic, three a row."""
    for start in range(0, len(statistics), COLUMNS):
        for column, one in zip(st.columns(COLUMNS), statistics[start : start + COLUMNS], strict=False):
            lines = [Line(side.title, side.index, by_place(side, view, one.key)) for side in having]
            with column:
                show(place_panel, one, lines, key=f"collapse_{one.key}", alt=_alt(one.title, having), of=having)


def by_place(side: Side, view: View, key: str) -> dict[str, Estimate]:
    """One statistic of the chosen task at every place that has it."""
    places = side.result.classes[view.task or ""].places
    return {name: place.statistics[key].of(view.weighting) for name, place in places.items() if key in place.statistics}


def table(having: Sequence[Side], view: View, places: Sequence[str] = tuple(PLACE_TITLES)) -> pd.DataFrame:
    """All statistics of the chosen task under both weightings, one row a number."""
    rows = [
        {
            "model": side.card.name, "task": view.task, "place": name, "statistic": key, "weighting": weighting,
            "value": one.value, "low": one.low, "high": one.high, "collapsed": STATISTICS[key].collapsed,
            "classes": len(place.present), "positions": place.positions, "images": side.result.images,
        }
        for side in having
        for name, place in side.result.classes[view.task or ""].places.items() if name in places
        for key, weighted in place.statistics.items() if key in STATISTICS
        for weighting, one in (("balanced", weighted.balanced), ("pixel", weighted.pixel))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def title(view: View) -> str:
    """Heading of the section."""
    return f"{task_title(view.task or '')}, place by place"


def _chosen(view: View) -> list[Statistic]:
    return [one for one in STATISTICS.values() if one.family != "nrc" and (view.everything or one.key in MAIN)]


def _at_decoder(side: Side, view: View) -> dict[str, Estimate]:
    place = side.result.classes[view.task or ""].places.get("decoder")
    return {} if place is None else {key: one.of(view.weighting) for key, one in place.statistics.items()}


def _bands(having: Sequence[Side], statistics: Sequence[Statistic]) -> str:
    """What the bands are, of the first model; the protocol is the same unless somebody changed it."""
    protocol = having[0].result.protocol
    without = [one.title for one in statistics if not one.banded]
    return (
        f"Bars behind dots are {protocol.confidence:.0%} bootstrap bands ({protocol.resamples} resamples of "
        f"{protocol.groups} groups of images), often narrower than the dot: hover for their ends."
        + (f" No band: {'; '.join(without)}." if without else "")
    )


def _alt(what: str, having: Sequence[Side]) -> str:
    return f"{what} of {' and '.join(side.title for side in having)}"


def definitions() -> None:
    """Every statistic, place and weighting, folded away."""
    with st.expander("Definitions and sources", icon=":material/function:"):
        st.markdown(SYMBOLS)
        st.markdown(words.VERDICT)
        said = [f"**{PLACE_TITLES[place].capitalize()}.** {meaning}" for place, meaning in PLACES_MEAN.items()]
        st.markdown(" ".join(said))
        page.definitions(list(STATISTICS.values()))
