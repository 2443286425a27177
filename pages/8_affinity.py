"""Which pixels does each task consider alike, and where do they disagree?"""

import streamlit as st

from mtlviz.ui import (
    affinity,
    affinity_details,
    affinity_diffusion,
    affinity_walk,
    affinity_words,
    frame,
    panels,
    state,
)

DETAILS = {
    "overview": affinity_details.overview,
    "agreement": affinity_details.agreement,
    "fusion weights": affinity_details.fusion,
    "diffusion": affinity_diffusion.draw,
    "random walk": affinity_walk.draw,
}


def main() -> None:
    """Choose, compute, answer, and draw the detail that is asked for."""
    answer = st.container()
    view = affinity.choose()
    if view is None:
        return
    rows = affinity.rows_of(view)
    with answer:
        panels.headline(affinity_words.answer(rows, view.trace.layout))
    affinity.draw_rows(view, rows)
    state.check_query("affinity_detail", list(DETAILS))
    detail = st.segmented_control(
        "Details", list(DETAILS), default="overview", required=True,
        key="affinity_detail", bind="query-params", persist_state="session",
    )  # fmt: skip
    DETAILS[detail or "overview"](view)


frame.bootstrap()
with frame.page(affinity.QUESTION):
    main()
