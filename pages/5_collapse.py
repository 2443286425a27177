"""Have the classes collapsed, and which lag behind?"""

import streamlit as st

from mtlviz.ui import frame, panels
from mtlviz.ui.collapse import classes, live, page, places, regression, training, words

frame.bootstrap()


def main() -> None:
    """Answer, choose, draw, explain; what is missing is computed last, so that nothing waits for it."""
    sides = page.sides()
    shown = [side for side in sides if side.found.result is not None]
    answer, controls, offers = st.container(), st.container(), st.container()
    if shown:
        with controls:
            view = page.controls(shown)
            page.legend(shown)
            live.again(shown)
        with answer:
            panels.headline(words.answer(shown, view))
        draw(shown, view)
    with offers:
        live.offers([side for side in sides if side not in shown])


def draw(shown: list[page.Side], view: page.View) -> None:
    """All sections."""
    if view.task is None:
        panels.empty(*words.no_classes(shown))
    else:
        if changed := words.weighting_changes(shown, view):
            st.markdown(changed)
        st.subheader(places.title(view), anchor="places")
        places.draw(shown, view)
        st.subheader("The classifier against the class means", anchor="classifier")
        places.draw_classifier(shown, view)
        st.subheader("Which classes lag behind", anchor="classes")
        classes.draw(shown, view)
    st.subheader("Regression tasks", anchor="regression")
    regression.draw(shown, view)
    st.subheader("Over the training", anchor="training")
    training.draw(shown, view)
    places.definitions()


with frame.page(page.QUESTION):
    main()
