"""How much of what a token reads has nothing to do with it?"""

import streamlit as st

from mtlviz.ui import frame, negative_controls, panels
from mtlviz.ui.noise import doses, floor, image, one_token, oracle, page, table, words

frame.bootstrap()


def main() -> None:
    """Answer, choose, draw the part that is asked for; the others are not computed."""
    answer = st.container()
    view, part, row = page.controls()
    with answer:
        panels.headline(words.answer(view))
    if part not in page.OF_IMAGE:
        negative_controls.not_of_sets(view.pair.control)
    DRAW[part](view, row)


DRAW = dict(
    zip(
        page.PARTS,
        (
            one_token.draw,
            image.draw,
            floor.draw,
            doses.draw,
            oracle.draw,
            table.draw,
        ),
        strict=True,
    )
)
"""By part what draws it."""

with frame.page(page.QUESTION):
    main()
