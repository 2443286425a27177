"""How close do the classes come to the frame of equal angles?"""

import streamlit as st

from mtlviz.ui import (
    etf,
    etf_frames,
    etf_models,
    etf_numbers,
    etf_panels,
    etf_set,
    etf_view,
    etf_words,
    frame,
    panels,
    state,
)

QUESTION = "How close do the classes come to the frame of equal angles?"


def main() -> None:
    """Choose, compute, draw, explain."""
    engine = state.engine()
    if not etf.class_tasks(engine.card):
        etf.without_classes(engine.card)
        return
    answer = st.container()
    choice = etf.choose(engine.card)
    etf.remarks(choice)
    sides = etf_set.pooled_sides(choice) if choice.rooms else etf.image_sides(choice)
    if not sides:
        return
    if sides[0].geometry is None:
        etf.too_few(sides[0], on_set=bool(choice.rooms))
        return
    with answer:
        panels.headline(etf_words.answer(sides))

    st.subheader("Cosines between classes", anchor="cosines")
    st.caption(etf_words.present(sides[0]))
    etf_panels.cosines(sides)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.subheader("Angles", anchor="angles")
        etf_panels.angles(sides)
    with right:
        st.subheader("Numbers", anchor="numbers")
        etf_numbers.draw(sides)
    left, right = st.columns(2, gap="medium") if len(sides) == 1 else (st.container(), st.container())
    with left:
        st.subheader("Lengths", anchor="lengths")
        etf_panels.lengths(sides)
    with right:
        st.subheader("Distance of each class to its vertex", anchor="vertices")
        etf_panels.distances(sides)
    st.subheader("In three dimensions", anchor="space")
    etf_view.draw(sides)
    etf_frames.draw(engine)
    st.subheader("All models", anchor="models")
    etf_models.draw(choice)


frame.bootstrap()
with frame.page(QUESTION):
    main()
