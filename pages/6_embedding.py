"""Which tokens look alike to the network?"""

import streamlit as st

from mtlviz.ui import frame, negative_controls, panels, pick, state
from mtlviz.ui.embedding import details, page, umap, view, words


def main() -> None:
    """Choose, compute, draw, explain."""
    engine = state.engine()
    answer = st.container()
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    with controls:
        choice = page.choose(engine)
        control = negative_controls.choose(engine.card, only=page.CONTROLS)
    source = page.gathered(engine, choice, control)
    if source is None:
        return
    if source.run is not None:
        pick.token(source.run, with_task=choice.place != "encoder")
    with controls:
        shown = page.shown(source, choice)
        class_task = page.choose_classes(shown.cloud)
        error = page.choose_error(shown.cloud, choice.by)
    colouring = page.colouring(shown.cloud, choice.by, class_task, error)
    numbers = view.numbers_of(shown)
    with answer:
        panels.headline(words.answer(shown.cloud, numbers.task, numbers.classes.get(class_task or "")))
    projection = umap.projected(shown.cloud, shown.key, choice.method, choice.axes)
    highlight = view.highlighted(shown, choice)
    view.draw(shown, choice, projection, colouring, highlight)
    page.beside(source, choice)
    view.numbers(shown, projection, numbers, class_task)
    details.draw(shown, choice, colouring, highlight, numbers, class_task)


frame.bootstrap()
with frame.page("Which tokens look alike to the network?"):
    main()
