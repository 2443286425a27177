"""How close do the classes come to the frame of equal angles?"""

import streamlit as st

from mtlviz.ui import frame, panels, state
from mtlviz.ui.etf import frames, image_set, models, numbers, page, view, words
from mtlviz.ui.etf import panels as etf_panels

QUESTION = "How close do the classes come to the frame of equal angles?"


def main() -> None:
    """Choose, compute, draw, explain."""
    engine = state.engine()
    if not page.class_tasks(engine.card):
        page.without_classes(engine.card)
        return
    answer = st.container()
    choice = page.choose(engine.card)
    page.remarks(choice)
    sides = image_set.pooled_sides(choice) if choice.rooms else page.image_sides(choice)
    if not sides:
        return
    if sides[0].geometry is None:
        page.too_few(sides[0], on_set=bool(choice.rooms))
        return
    with answer:
        panels.headline(words.answer(sides))

    st.subheader("Cosines between classes", anchor="cosines")
    st.caption(words.present(sides[0]))
    etf_panels.cosines(sides)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.subheader("Angles", anchor="angles")
        etf_panels.angles(sides)
    with right:
        st.subheader("Numbers", anchor="numbers")
        numbers.draw(sides)
    left, right = st.columns(2, gap="medium") if len(sides) == 1 else (st.container(), st.container())
    with left:
        st.subheader("Lengths", anchor="lengths")
        etf_panels.lengths(sides)
    with right:
        st.subheader("Distance of each class to its vertex", anchor="vertices")
        etf_panels.distances(sides)
    st.subheader("In three dimensions", anchor="space")
    view.draw(sides)
    frames.draw(engine)
    st.subheader("All models", anchor="models")
    models.draw(choice)


frame.bootstrap()
with frame.page(QUESTION):
    main()
