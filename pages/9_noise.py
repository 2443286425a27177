"""How much of what a token reads has nothing to do with it?"""

import streamlit as st

from mtlviz.ui import (
    frame,
    negative_controls,
    noise,
    noise_doses,
    noise_floor,
    noise_image,
    noise_oracle,
    noise_table,
    noise_token,
    noise_words,
    panels,
)

frame.bootstrap()


def main() -> None:
    """Answer, choose, draw the part that is asked for; the others are not computed."""
    answer = st.container()
    view, part, row = noise.controls()
    with answer:
        panels.headline(noise_words.answer(view))
    if part not in noise.OF_IMAGE:
        negative_controls.not_of_sets(view.pair.control)
    DRAW[part](view, row)


DRAW = dict(
    zip(
        noise.PARTS,
        (
            noise_token.draw,
            noise_image.draw,
            noise_floor.draw,
            noise_doses.draw,
            noise_oracle.draw,
            noise_table.draw,
        ),
        strict=True,
    )
)
"""By part what draws it."""

with frame.page(noise.QUESTION):
    main()
