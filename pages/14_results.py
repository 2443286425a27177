"""What does each way of sharing gain, and what does it cost?"""

import streamlit as st

from mtlviz.ui import frame, panels, results, results_figures, results_published, results_sweep, results_table
from mtlviz.ui.results_words import headline

frame.bootstrap()


def main() -> None:
    """Answer, choose, draw the part that is asked for."""
    answer = st.container()
    view, part, row = results.controls()
    if view is not None and part in results.OF_REGIME:
        with answer:
            panels.headline(headline(view))
    if part in DRAW:
        DRAW[part](row)
    elif view is None:
        results.nothing()
    else:
        DRAW_VIEW[part](view, row)


DRAW = {results.SWEEP: results_sweep.draw, results.PUBLISHED: results_published.draw}
"""Parts that need no comparison."""
DRAW_VIEW = {
    results.TABLE: results_table.draw,
    results.GAIN: results_figures.gain,
    results.TASKS: results_figures.tasks,
    results.COST: results_figures.cost,
    results.TRAINING: results_figures.training,
}

with frame.page(results.QUESTION):
    main()
