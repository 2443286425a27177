"""Which head of a many-headed interaction a page shows."""

import streamlit as st

from mtlviz.checkpoints import ModelCard
from mtlviz.ui import state


def head_count(card: ModelCard) -> int:
    """How many heads the interaction has; 1 where it has no such option."""
    return int(card.architecture.options.get("heads", 1))


def choose_head(card: ModelCard, key: str, label: str = "Head") -> int:
    """The head to show, from 0; asked for only where there are several.

    Args:
        card: of the model.
        key: of the widget and of the query parameter.
        label: of the widget, without its range.
    """
    last = head_count(card) - 1
    if last == 0:
        return 0
    state.check_query_number(key, 0, last)
    if int(st.session_state.get(key, 0)) > last:  # chosen with a model of more heads
        st.session_state[key] = last
    head = st.number_input(
        f"{label} (0 to {last})", 0, last, key=key, width=150, bind="query-params", persist_state="session",
        help="Each head reads with its own part of the features; picks and weights are those of this head.",
    )  # fmt: skip
    return int(head)


def head_note(card: ModelCard, head: int) -> str:
    """What the chosen head speaks for; empty where there is only one."""
    count = head_count(card)
    if count == 1:
        return ""
    return (
        f"Head {head} of {count} (0 to {count - 1}): picks and weights are this head's; the content of a slot and what "
        "is written to a token are those of all heads together."
    )
