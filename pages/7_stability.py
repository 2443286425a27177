"""Does the selection survive a small change?"""

import streamlit as st

from mtlviz.ui import (
    frame,
    negative_controls,
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
    control = stability.control()
    sides = stability.sides(control)
    if not sides:
        stability.without_slots()
        return
    answer = st.container()
    choice = stability.controls(sides)
    found = [(side, stability.compared(side, choice)) for side in sides]
    with answer:
        panels.headline(stability_words.answer(found, choice))
    st.caption(f"{choice.perturbation.about.explanation} {stability_words.class_source(sides)}")
    own = stability.own_sides(sides) if control.on else sides
    beside = [(side, stability.compared(side, choice)) for side in own] if control.on else None
    stability_image.maps(found, choice, beside)

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
    negative_controls.not_of_sets(control)
    stability_set.draw(own)


frame.bootstrap()
with frame.page(stability.QUESTION):
    main()
