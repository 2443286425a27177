"""What happens to every task when a slot, a task or a token is changed?"""

import streamlit as st

from mtlviz.ui import frame, linked, negative_controls, panels, state
from mtlviz.ui.surgery import controls as surgery_controls
from mtlviz.ui.surgery import page, predictions, slots, tasks

PARTS = {
    "predictions": predictions.draw,
    "every slot": slots.draw,
    "weight and effect": slots.weights,
    "tasks": tasks.draw,
}


def main() -> None:
    """Choose, operate, answer, and draw the part that is asked for."""
    answer, controls = st.container(), st.container()
    engine = state.engine()
    inside = engine.card.architecture.interaction != "none"
    control = negative_controls.current(engine.card) if inside else negative_controls.MODEL_ITSELF
    table = page.operate(engine, control)
    if not table.subject.verbs:
        title = panels.plain(engine.card.title)
        panels.empty(f"{title} comes from an adapter whose card names no edits.", "Choose a model of which parts can "
                     "be taken out, such as kem; the image stays.")  # fmt: skip
        return
    with controls:
        surgery_controls.draft(table)
        surgery_controls.listed(table)
    with answer:
        panels.headline(page.answer(table))
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        part = linked.buttons("Show", list(PARTS), "surgery_part")
        if inside:
            negative_controls.choose(engine.card)
    PARTS[part](table, row)


frame.bootstrap()
with frame.page(page.QUESTION):
    main()
