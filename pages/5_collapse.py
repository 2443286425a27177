"""Have the classes collapsed, and which lag behind?"""

import streamlit as st

from mtlviz.ui import (
    collapse,
    collapse_classes,
    collapse_live,
    collapse_places,
    collapse_regression,
    collapse_training,
    collapse_words,
    frame,
    panels,
)

frame.bootstrap()


def main() -> None:
    """Answer, choose, draw, explain; what is missing is computed last, so that nothing waits for it."""
    sides = collapse.sides()
    shown = [side for side in sides if side.found.result is not None]
    answer, controls, offers = st.container(), st.container(), st.container()
    if shown:
        with controls:
            view = collapse.controls(shown)
            collapse.legend(shown)
            collapse_live.again(shown)
        with answer:
            panels.headline(collapse_words.answer(shown, view))
        draw(shown, view)
    with offers:
        collapse_live.offers([side for side in sides if side not in shown])


def draw(shown: list[collapse.Side], view: collapse.View) -> None:
    """All sections."""
    if view.task is None:
        panels.empty(*collapse_words.no_classes(shown))
    else:
        if changed := collapse_words.weighting_changes(shown, view):
            st.markdown(changed)
        st.subheader(collapse_places.title(view), anchor="places")
        collapse_places.draw(shown, view)
        st.subheader("The classifier against the class means", anchor="classifier")
        collapse_places.draw_classifier(shown, view)
        st.subheader("Which classes lag behind", anchor="classes")
        collapse_classes.draw(shown, view)
    st.subheader("Regression tasks", anchor="regression")
    collapse_regression.draw(shown, view)
    st.subheader("Over the training", anchor="training")
    collapse_training.draw(shown, view)
    collapse_places.definitions()


with frame.page(collapse.QUESTION):
    main()
