"""What does each way of sharing gain, and what does it cost?"""

import streamlit as st

from mtlviz.ui import frame, panels
from mtlviz.ui.results import figures, page, published, sweep, table
from mtlviz.ui.results.words import headline

frame.bootstrap()


def main() -> None:
    """Answer, choose, draw the part that is asked for."""
    answer = st.container()
    view, part, row = page.controls()
    if view is not None and part in page.OF_REGIME:
        with answer:
            panels.headline(headline(view))
    if part in DRAW:
        DRAW[part](row)
    elif view is None:
        page.nothing()
    else:
        DRAW_VIEW[part](view, row)


DRAW = {page.SWEEP: sweep.draw, page.PUBLISHED: published.draw}
"""Parts that need no comparison."""
DRAW_VIEW = {
    page.TABLE: table.draw,
    page.GAIN: figures.gain,
    page.TASKS: figures.tasks,
    page.COST: figures.cost,
    page.TRAINING: figures.training,
}

with frame.page(page.QUESTION):
    main()
