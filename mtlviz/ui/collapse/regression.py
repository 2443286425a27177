"""Collapse of regression tasks (NRC): features within as many directions as the target has."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from mtlviz.analysis.collapse.names import STATISTICS
from mtlviz.analysis.collapse.record import Estimate
from mtlviz.plots.attention import percent
from mtlviz.plots.collapse import Line, Spectrum, key_rows, place_panel, spectrum_panel
from mtlviz.plots.style import PLACE_TITLES, task_title
from mtlviz.tasks import TASKS
from mtlviz.trace import PLACES
from mtlviz.ui import panels
from mtlviz.ui.collapse.page import Side, View, explain, show
from mtlviz.ui.collapse.words import listed

KEYS = ("nrc1", "nrc2", "nrc3")


def draw(shown: Sequence[Side], view: View) -> None:
    """The whole section."""
    having = [side for side in shown if side.result.regression]
    names = {name for side in having for name in side.result.regression}
    tasks = [name for name in TASKS if name in names]
    if not tasks:
        panels.empty(
            "These models regress nothing: no task of theirs predicts depth or normals.",
            "Choose a model with such a task in the sidebar.",
        )
        return
    st.markdown(_sentence(having[0]))
    left_out = {task_title(task.name) for side in shown for task in side.card.tasks if task.kind == "binary"}
    for name in tasks:
        _task(name, [side for side in having if name in side.result.regression], view)
    explain(
        "collapse_regression",
        "First, the share of variance outside the n strongest directions, n being the dimension of the target; lower "
        "is more collapsed. Then how the variance is spread over the directions at the "
        f"{PLACE_TITLES[view.place]}, and how it lies to the last layer's weights, with marks at exact collapse. A "
        "regression has no classes: every position counts once, the weighting above changes nothing here, and there "
        "are no bands.",
        KEYS, table(having), having,
    )  # fmt: skip
    if left_out:
        st.caption(
            f"Left out: {panels.plain(listed(sorted(left_out)))}. A map of probabilities has neither several classes "
            "nor a value to regress."
        )


def table(having: Sequence[Side]) -> pd.DataFrame:
    """One row a number: the statistics, and the spectrum by axis."""
    rows = []
    for side in having:
        for name, task in side.result.regression.items():
            for where, place in task.places.items():
                given = {"model": side.card.name, "task": name, "dimension": task.dimension, "place": where}
                rows += [
                    given | {"statistic": key, "axis": None, "value": one.value, "low": one.low, "high": one.high}
                    for key, one in place.statistics.items()
                ]
                rows += [
                    given | {"statistic": "spectrum", "axis": axis, "value": share}
                    for axis, share in enumerate(place.spectrum, 1)
                ]
    return pd.DataFrame(rows)


def _task(name: str, having: Sequence[Side], view: View) -> None:
    tasks = {side.index: side.result.regression[name] for side in having}
    places, decoder, spectra = [], [], []
    for side in having:
        found = tasks[side.index].places
        first = {place: one.statistics["nrc1"] for place, one in found.items() if "nrc1" in one.statistics}
        places.append(Line(side.title, side.index, first))
        last = found["decoder"].statistics if "decoder" in found else {}
        decoder.append(Line(side.title, side.index, last))
        if view.place in found:
            spectra.append(Spectrum(side.title, side.index, found[view.place].spectrum))
    dimension, title = tasks[having[0].index].dimension, f"{task_title(name)}: NRC1"
    left, middle, right = st.columns(3)
    with left:
        one = replace(STATISTICS["nrc1"], title=title)
        show(place_panel, one, places, key=f"collapse_nrc1_{name}", alt=f"{title} by place", of=having)
    with middle:
        alt = f"Variance of {task_title(name)} by principal axis"
        heading = f"{task_title(name)}: variance by direction"
        show(spectrum_panel, heading, spectra, dimension, key=f"collapse_spectrum_{name}", alt=alt, of=having)
    with right:
        rows = [STATISTICS[key] for key in KEYS[1:] if any(key in line.estimates for line in decoder)]
        alt = f"{task_title(name)}: weights of the decoder"
        show(key_rows, rows, decoder, alt, key=f"collapse_nrc_{name}", alt=alt, of=having)


def _sentence(side: Side) -> str:
    """How collapsed the regression tasks of one model are where it ends."""
    said = []
    for name, task in side.result.regression.items():
        end = next((place for place in PLACES[::-1] if place in task.places), None)
        value = Estimate(None).value if end is None else task.places[end].statistics.get("nrc1", Estimate(None)).value
        if end is not None and value is not None:
            axes = "one direction" if task.dimension == 1 else f"{task.dimension} directions"
            where = PLACE_TITLES[end]
            said.append(f"**{percent(value)}** of the variance of {task_title(name).lower()} lies outside {axes}")
    if not said:
        return f"The result of {panels.plain(side.title)} holds no numbers on regression."
    return f"At the {where} of {panels.plain(side.title)}, {' and '.join(said)} (0 is collapse)."
