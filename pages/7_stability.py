"""Does the selection survive a small change?"""

import streamlit as st

from mtlviz.ui import (
    frame,
    panels,
    stability,
    stability_curve,
    stability_image,
    stability_set,
    stability_shares,
    stability_words,
)


def main() -> None:
    """Choose, change, compare, explain."""
    sides = stability.sides()
    if not sides:
        stability.without_slots()
        return
    answer = st.container()
    choice = stability.controls(sides)
    found = [(side, stability.compared(side, choice)) for side in sides]
    with answer:
        panels.headline(stability_words.answer(found, choice))
    st.caption(f"{choice.perturbation.about.explanation} {stability_words.class_source(sides)}")
    stability_image.maps(found, choice)

    st.subheader("Slot by slot", anchor="slots")
    st.markdown(stability_words.WHY)
    figure, table = st.columns([3, 2], gap="medium")
    with figure:
        stability_image.slots(found)
    with table:
        stability_image.numbers(found)

    st.subheader("Over all strengths", anchor="curve")
    stability_curve.draw(sides, choice)

    st.subheader("Does every class of this image get its share of the picks?", anchor="shares")
    stability_shares.of_image(sides)

    st.subheader("Over a set of images", anchor="set")
    stability_set.draw(sides)


frame.bootstrap()
with frame.page(stability.QUESTION):
    main()
