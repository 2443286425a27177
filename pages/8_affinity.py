"""Which pixels does each task consider alike, and where do they disagree?"""

import streamlit as st

from mtlviz.ui import frame, panels, state
from mtlviz.ui.affinity import details, diffusion, page, walk, words

DETAILS = {
    "overview": details.overview,
    "agreement": details.agreement,
    "fusion weights": details.fusion,
    "diffusion": diffusion.draw,
    "random walk": walk.draw,
}


def main() -> None:
    """Choose, compute, answer, and draw the detail that is asked for."""
    answer = st.container()
    view = page.choose()
    if view is None:
        return
    rows = page.rows_of(view)
    with answer:
        panels.headline(words.answer(rows, view.trace.layout))
    page.draw_rows(view, rows)
    state.check_query("affinity_detail", list(DETAILS))
    detail = st.segmented_control(
        "Details", list(DETAILS), default="overview", required=True,
        key="affinity_detail", bind="query-params", persist_state="session",
    )  # fmt: skip
    DETAILS[detail or "overview"](view)


frame.bootstrap()
with frame.page(page.QUESTION):
    main()
