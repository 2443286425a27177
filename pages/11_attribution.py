"""Which pixels, slots or tasks is this prediction owed to?"""

import streamlit as st

from mtlviz.ui import attribution, attribution_job, attribution_results, attribution_words, frame, panels


def main() -> None:
    """Choose target and method, say the cost, compute, show and test."""
    answer = st.container()
    view = attribution.choose()
    found = attribution_job.answers(view)
    with answer:
        panels.headline(attribution_words.answer(view, found))
    attribution_results.draw(view, found)


frame.bootstrap()
with frame.page(attribution.QUESTION):
    main()
