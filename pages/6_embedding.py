"""Which tokens look alike to the network?"""

import streamlit as st

from mtlviz.ui import (
    embedding,
    embedding_details,
    embedding_umap,
    embedding_view,
    embedding_words,
    frame,
    negative_controls,
    panels,
    pick,
    state,
)


def main() -> None:
    """Choose, compute, draw, explain."""
    engine = state.engine()
    answer = st.container()
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    with controls:
        choice = embedding.choose(engine)
        control = negative_controls.choose(engine.card, only=embedding.CONTROLS)
    source = embedding.gathered(engine, choice, control)
    if source is None:
        return
    if source.run is not None:
        pick.token(source.run, with_task=choice.place != "encoder")
    with controls:
        shown = embedding.shown(source, choice)
        class_task = embedding.choose_classes(shown.cloud)
        error = embedding.choose_error(shown.cloud, choice.by)
    colouring = embedding.colouring(shown.cloud, choice.by, class_task, error)
    numbers = embedding_view.numbers_of(shown)
    with answer:
        panels.headline(embedding_words.answer(shown.cloud, numbers.task, numbers.classes.get(class_task or "")))
    projection = embedding_umap.projected(shown.cloud, shown.key, choice.method, choice.axes)
    highlight = embedding_view.highlighted(shown, choice)
    embedding_view.draw(shown, choice, projection, colouring, highlight)
    embedding.beside(source, choice)
    embedding_view.numbers(shown, projection, numbers, class_task)
    embedding_details.draw(shown, choice, colouring, highlight, numbers, class_task)


frame.bootstrap()
with frame.page("Which tokens look alike to the network?"):
    main()
