"""All models side by side: before and after the projection, and their numbers at one place."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from mtlviz.engine import Engine
from mtlviz.plots.etf_models import Change, change_figure
from mtlviz.plots.style import PLACE_TITLES
from mtlviz.tasks import Task
from mtlviz.ui import panels, state
from mtlviz.ui.etf import image_set, numbers
from mtlviz.ui.etf.page import Choice, class_tasks
from mtlviz.ui.etf.side import Side, View, image_side
from mtlviz.ui.linked import LINKED

BEFORE, AFTER = "task_encoder", "interaction_input"


def draw(choice: Choice) -> None:
    """The whole section, once it is asked for."""
    asked = st.toggle(
        "Compare all models that have this task", key="etf_all", **LINKED,
        help="The rungs of stable KEM stand here beside one another and beside the models without a frame.",
    )  # fmt: skip
    if not asked:
        return
    having = [name for name in state.model_names() if choice.task in map(_name, class_tasks(state.card(name)))]
    engines = [state.engine_named(name) for name in having]
    before, after = (_sides(engines, choice, place) for place in (BEFORE, AFTER))
    if not after:
        return
    known = [side for side in after if side.geometry is not None]
    if not known:
        panels.empty("No model finds two classes of this task here, and an angle needs two.",
                     "Choose another image, or pool held-out rooms.")  # fmt: skip
        return
    changes = [Change(first.title, _gap(first), _gap(last)) for first, last in zip(before, after, strict=True)]
    panels.figure(
        change_figure(changes, known[0].chance.numbers.angle_gap),
        "etf_models",
        how_to_read="One line a model: the hollow mark is the task encoder's output, before the projection, the full "
        "mark the interaction's input, after it. Left is nearer to equal angles. An interaction that compares its "
        f"input as it comes has one mark only.{_of_classes(known)}",
        alt="; ".join(f"{change.model}: {change.before:.0f}° before, {change.after:.0f}° after" for change in changes),
        formula=numbers.DEFINITIONS["angle_gap"].formula,
        source=numbers.DEFINITIONS["angle_gap"].meaning,
        data=pd.DataFrame([vars(change) for change in changes]),
        provenance=[stamp for side in after for stamp in side.provenance],
    )
    chosen = _sides(engines, choice, choice.place)
    st.caption(f"At the {PLACE_TITLES[choice.place]}:")
    st.table(numbers.table(chosen, controls=False).set_index("").T)


def _sides(engines: Sequence[Engine], choice: Choice, place: str) -> list[Side]:
    views = [(engine, View(engine.card.name, engine.card.name, choice.task, place)) for engine in engines]
    if choice.rooms:
        if place == BEFORE:  # one pass serves all places
            image_set.pool(engines, choice.rooms, "etf_models")
        found = image_set.sides(views)
    else:
        found = [side for engine, view in views if (side := image_side(engine, view)) is not None]
    return [replace(side, own=choice.own) for side in found]


def _of_classes(known: Sequence[Side]) -> str:
    """Which chance is drawn, where models say of an image without labels that it shows other numbers of classes."""
    counts = [len(side.cloud.present) for side in known]
    if len(set(counts)) == 1:
        return ""
    return f" Models find {min(counts)} to {max(counts)} classes here; the dashed line is for {counts[0]}."


def _name(task: Task) -> str:
    return task.name


def _gap(side: Side) -> float:
    return np.nan if side.geometry is None else side.geometry.numbers.angle_gap
