"""Does the selection survive a small change?"""

import streamlit as st

from mtlviz.ui import frame, negative_controls, panels
from mtlviz.ui.stability import curve, image, image_set, page, shares, words


def main() -> None:
    """Choose, change, compare, explain."""
    control = page.control()
    sides = page.sides(control)
    if not sides:
        page.without_slots()
        return
    answer = st.container()
    choice = page.controls(sides)
    found = [(side, page.compared(side, choice)) for side in sides]
    with answer:
        panels.headline(words.answer(found, choice))
    st.caption(f"{choice.perturbation.about.explanation} {words.class_source(sides)}")
    own = page.own_sides(sides) if control.on else sides
    beside = [(side, page.compared(side, choice)) for side in own] if control.on else None
    image.maps(found, choice, beside)

    st.subheader("Slot by slot", anchor="slots")
    st.markdown(words.WHY)
    figure, table = st.columns([3, 2], gap="medium")
    with figure:
        image.slots(found)
    with table:
        image.numbers(found)

    st.subheader("Over all strengths", anchor="curve")
    curve.draw(sides, choice)

    st.subheader("Does every class of this image get its share of the picks?", anchor="shares")
    shares.of_image(sides)

    st.subheader("Over a set of images", anchor="set")
    negative_controls.not_of_sets(control)
    image_set.draw(own)


frame.bootstrap()
with frame.page(page.QUESTION):
    main()
