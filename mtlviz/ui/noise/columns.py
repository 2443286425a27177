"""Maps of the reading models, a column a task."""

from collections.abc import Mapping, Sequence

import streamlit as st

from mtlviz.plots.maps import Panel
from mtlviz.ui import panels
from mtlviz.ui.noise.page import View


def draw(
    view: View, key: str, drawn: Mapping[str, Sequence[Panel]], real: Mapping[str, Sequence[Panel]] | None
) -> None:
    """What A reads in a task above what B reads there.

    Args:
        view: what the controls say.
        key: begins those of the maps.
        drawn: by side's letter one map a task.
        real: the same of the models themselves where ``drawn`` are those of a control.
    """
    tasks = list(dict.fromkeys(task for side in view.reading for task in side.layout.tasks))
    per_row = len(tasks) if len(tasks) <= 4 else 3
    for start in range(0, len(tasks), per_row):
        for task, column in zip(tasks[start : start + per_row], st.columns(per_row), strict=False):
            with column:
                for side in view.reading:
                    if task in side.layout.tasks:
                        letter, index = side.model.letter, side.layout.tasks.index(task)
                        panels.maps(
                            [drawn[letter][index]], side.run, f"{key}_{letter}_{task}", columns=1, height=220,
                            picked=side.place, real=None if real is None else [real[letter][index]],
                        )  # fmt: skip
