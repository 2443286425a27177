"""The first page: what the app answers, for which image, with which models."""

import pandas as pd
import streamlit as st

from mtlviz.checkpoints import ModelCard
from mtlviz.plots.style import metric_text, metric_title, task_title
from mtlviz.ui import frame, state
from mtlviz.ui.pickers import BADGES


def draw() -> None:
    """Questions, the current image, and how the models were trained."""
    with frame.page("What happens inside a multi-task network?"):
        st.markdown(
            "One network predicts segmentation, depth, normals and edges of an image at once, and its tasks share "
            "what they know. mtlviz shows what they predict and, pixel by pixel, what they pass to one another."
        )
        picture, questions = st.columns([1, 2], gap="large")
        with picture:
            _image()
        with questions:
            _questions()
        _models()


def _image() -> None:
    current = state.current()
    st.image(current.sample.image, width="stretch", alt="the current image")
    st.caption("The current image; choose or drop another one in the sidebar.")


def _questions() -> None:
    for entry, page in frame.page_links():
        with st.container(border=True):
            st.page_link(page, label=f"**{entry.title}**", icon=entry.icon)
            st.markdown(entry.question)


def _models() -> None:
    st.subheader("How the models were trained", anchor=False)
    cards = [state.card(name) for name in state.model_names()]
    st.table(pd.DataFrame([_row(card) for card in cards]).set_index("Model"))
    if any(card.metrics for card in cards):
        st.caption(
            "Scores on held-out rooms; higher is better for mIoU and F, lower for the others. The cards in "
            "checkpoints/ hold the whole protocol, a constant predictor's scores, and the scores without sharing."
        )
    if any(card.trained == "random" for card in cards):
        st.warning("Some models here have random weights: their maps show noise, not knowledge.")


def _row(card: ModelCard) -> dict[str, str]:
    row = {
        "Model": f"{card.name} · {card.title}",
        "What it is": card.summary,
        "Trained on": card.data or BADGES[card.trained][2],
        "Parameters": f"{card.parameters.get('total', 0) / 1e6:.2f} M",
    }
    scored = card.metrics.get("rooms:val", {}).get("tasks", {})
    for task in card.tasks:
        value = scored.get(task.name, {}).get("metrics", {}).get(task.metric)
        if value is not None:
            row[f"{task_title(task.name)}: {metric_title(task)}"] = metric_text(task, value)
    return row
