"""Which tokens won which memory slot, and who reads it?"""

import streamlit as st

from mtlviz.analysis.controls import slot_count
from mtlviz.analysis.routing import slot_routing
from mtlviz.trace import Capture, SlotTrace
from mtlviz.ui import frame, heads, negative_controls, panels, state
from mtlviz.ui.slots import details, image_set, page, words

DETAILS = ("sources of the token", "one slot", "tasks and slots", "numbers", "set of images")


def main() -> None:
    """Choose, compute, draw, explain."""
    engine = state.engine()
    answer, controls = st.container(), st.container(horizontal=True, vertical_alignment="bottom")
    with controls:
        control = negative_controls.choose(engine.card) if slot_count(engine.card) else negative_controls.MODEL_ITSELF
        head = heads.choose_head(engine.card, "slots_head")
    run, real = negative_controls.run_beside(engine, control, Capture(head=head))
    trace = run.trace.interaction
    if not isinstance(trace, SlotTrace):
        page.without_slots(run)
        return
    routing = slot_routing(trace)
    with answer:
        panels.headline(words.answer(routing))
        st.caption(f"{words.terms(routing, trace.picks.shape[1])} {heads.head_note(engine.card, head)}")
    with controls:
        view = page.choose_view(routing)
    provenance = page.pick_token(run, trace)
    maps, token = st.columns([2, 1], gap="medium")
    with maps:
        page.draw_maps(run, routing, view, None if real is None else slot_routing(details.trace_of(real)))
    with token:
        page.draw_token(run, provenance, view)
    page.draw_legend(run, routing, view)

    state.check_query("slots_detail", DETAILS)
    detail = st.segmented_control(
        "Details", DETAILS, default=DETAILS[0], required=True,
        key="slots_detail", bind="query-params", persist_state="session",
    )  # fmt: skip
    if detail == "one slot":
        details.draw_slot(run, routing, view, real)
    elif detail == "tasks and slots":
        details.draw_tasks(run, routing, view)
    elif detail == "numbers":
        details.draw_numbers(run, routing)
    elif detail == "set of images":
        negative_controls.not_of_sets(control)
        image_set.draw(engine, head)
    else:
        details.draw_sources(run, provenance)


frame.bootstrap()
with frame.page("Which tokens won which memory slot, and who reads it?"):
    main()
