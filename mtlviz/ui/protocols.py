"""What exactly a score is: protocols of metrics, folded away beside the scores."""

from collections.abc import Mapping, Sequence

import streamlit as st

from mtlviz.checkpoints import ModelCard
from mtlviz.plots.style import task_title
from mtlviz.ui.panels import plain


def draw_protocols(protocols: Mapping[str, str]) -> None:
    """The protocol of every task's metrics, at a click; nothing without any.

    Args:
        protocols: by task name.
    """
    if protocols:
        with st.popover("Definitions of the metrics", icon=":material/function:", type="tertiary"):
            for task, protocol in protocols.items():
                st.caption(plain(f"{task_title(task)}: {protocol}."))


def card_protocols(cards: Sequence[ModelCard], name: str) -> dict[str, str]:
    """By task the protocol of the scores that cards hold about a set; the first card that has it speaks."""
    found: dict[str, str] = {}
    for card in cards:
        for task, scores in card.metrics.get(name, {}).get("tasks", {}).items():
            if "protocol" in scores:
                found.setdefault(task, scores["protocol"])
    return found
