"""Which pixels, slots or tasks is this prediction owed to?"""

import streamlit as st

from mtlviz.ui import frame, panels
from mtlviz.ui.attribution import job, page, results, words


def main() -> None:
    """Choose target and method, say the cost, compute, show and test."""
    answer = st.container()
    view = page.choose()
    found = job.answers(view)
    with answer:
        panels.headline(words.answer(view, found))
    results.draw(view, found)


frame.bootstrap()
with frame.page(page.QUESTION):
    main()
