"""The first page: what the app answers, and with which models."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import pandas as pd
import streamlit as st

from mtlviz.checkpoints import ModelCard
from mtlviz.plots.style import metric_text, metric_title, task_title
from mtlviz.ui import state
from mtlviz.ui.panels import plain
from mtlviz.ui.pickers import BADGES
from mtlviz.ui.protocols import card_protocols, draw_protocols

SCORED = "rooms:val"
"""The set whose scores are shown."""
TRAINED_ON = "Trained on"
COLUMNS = 3
"""Pages side by side."""


@dataclass(frozen=True)
class Link:
    """A page as home offers it.

    Attributes:
        page: what the link opens.
        title: of the page.
        icon: Material symbol.
        question: what the page answers.
        group: heading that it stands under.
    """

    page: "st.Page"
    title: str
    icon: str
    question: str
    group: str


def draw(links: Sequence[Link]) -> None:
    """The pages with their questions, and how the models were trained."""
    st.markdown(
        "One network predicts several things about every pixel of an image at once, and its tasks pass one another "
        "what they know. mtlviz shows what they predict and what they pass, place by place. Choose an image and models "
        "in the sidebar, or drop an image of your own there; then ask a question."
    )
    _questions(links)
    _models()


def _questions(links: Sequence[Link]) -> None:
    for group, grouped in groupby(links, key=lambda link: link.group):
        st.markdown(f"**{group}**")
        _cards(list(grouped))


def _cards(links: Sequence[Link]) -> None:
    for start in range(0, len(links), COLUMNS):
        for column, link in zip(st.columns(COLUMNS), links[start : start + COLUMNS], strict=False):
            with column.container(border=True, height="stretch"):
                st.page_link(link.page, label=f"**{link.title}**", icon=link.icon)
                st.markdown(link.question)


def _models() -> None:
    st.subheader("The models", anchor=False)
    cards = [state.card(name) for name in state.model_names()]
    models = pd.DataFrame([_row(card) for card in cards]).set_index("Model").fillna("–")
    if models[TRAINED_ON].nunique() == 1:
        st.markdown(f"All of them were trained on {models.pop(TRAINED_ON).iloc[0]}.")
    st.markdown("\n".join(f"- **{plain(card.name)}** · {plain(card.title)}. {plain(card.summary)}" for card in cards))
    st.table(models)
    scored = [card.metrics[SCORED]["images"] for card in cards if SCORED in card.metrics]
    if scored:
        images = " or ".join(f"{count:,}" for count in dict.fromkeys(scored))
        st.caption(
            f"Scores over {images} held-out rooms, one training run a model: how far another seed would move them is "
            "not known. ↑ higher is better, ↓ lower is better. The cards in checkpoints/ hold all scores, those of a "
            "constant predictor and those without sharing among them."
        )
        draw_protocols(card_protocols(cards, SCORED))
    if any(card.trained == "random" for card in cards):
        st.warning("Some models here have random weights: their maps show noise, not knowledge.")


def _row(card: ModelCard) -> dict[str, str]:
    row = {
        "Model": card.name,
        TRAINED_ON: card.data or BADGES[card.trained][2],
        "Parameters": f"{card.parameters.get('total', 0) / 1e6:.2f} M",
    }
    scored = card.metrics.get(SCORED, {}).get("tasks", {})
    for task in card.tasks:
        value = scored.get(task.name, {}).get("metrics", {}).get(task.metric)
        if value is not None:
            better = "↑" if task.higher_is_better else "↓"
            row[f"{task_title(task.name)}: {metric_title(task)} {better}"] = metric_text(task, value, 3)
    return row
