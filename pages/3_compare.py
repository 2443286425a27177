"""What does one way of sharing change against another on this image?"""

import streamlit as st

from mtlviz.ui import frame, negative_controls, panels, pick, state
from mtlviz.ui.compare import answer as compare_answer
from mtlviz.ui.compare import cards, cost, numbers, page, predictions, reading

PARTS = ("predictions", "what the token reads", "reading in numbers", "nearer to the truth", "over a set", "cost")


def main() -> None:
    """Choose, run both, answer, and draw the part that is asked for."""
    answer = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair = page.pair()
        page.swap_button()
    with answer:
        panels.headline(compare_answer.answer(pair))
        compare_answer.caveat(pair)
    picked = page.pick_token(pair)
    state.check_query("compare_part", PARTS)
    part = st.segmented_control(
        "Show", PARTS, default=PARTS[0], required=True,
        key="compare_part", bind="query-params", persist_state="session",
    )  # fmt: skip
    draw(part or PARTS[0], pair, picked)


def draw(part: str, pair: page.Pair, picked: pick.Token) -> None:
    """One part of the comparison; the others are not computed."""
    if part in ("over a set", "cost"):
        negative_controls.not_of_sets(pair.control)
    if part == "predictions":
        predictions.draw(pair, picked.task)
    elif part == "what the token reads":
        if said := compare_answer.reads(pair, picked):
            panels.headline(said)
        reading.draw(pair, picked)
    elif part == "reading in numbers":
        numbers.draw(pair, picked)
    elif part == "nearer to the truth":
        predictions.truth(pair, picked)
    elif part == "over a set":
        cards.over_a_set(pair)
    else:
        cost.draw(pair)


frame.bootstrap()
with frame.page(page.question()):
    main()
