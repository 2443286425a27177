"""What the cards of two models report over a whole set, as a counterweight to a single image."""

from typing import Any

import pandas as pd
import streamlit as st

from mtlviz.checkpoints import ModelCard
from mtlviz.plots.style import metric_text, metric_title, task_title
from mtlviz.tasks import Task
from mtlviz.ui import panels
from mtlviz.ui.compare.page import Pair
from mtlviz.ui.protocols import card_protocols, draw_protocols


def over_a_set(pair: Pair) -> None:
    """Headline metrics of both models over the first set that both cards report."""
    cards = [side.engine.card for side in pair.sides]
    shared = [name for name in cards[0].metrics if name in cards[1].metrics]
    if not shared:
        panels.empty(
            "**The cards of these two models report no set in common,** so a single image is all there is.",
            "`python -m mtlviz evaluate --checkpoint NAME --data rooms:val` measures a model over a set.",
        )
        return
    name = shared[0]
    st.table(_table(pair, name))
    images = " and ".join(dict.fromkeys(str(card.metrics[name].get("images", "unknown")) for card in cards))
    st.caption(
        f"**How to read this.** Over all images of {panels.plain(name)} (n = {images}), as measured when the models "
        "were published. “Off” is the same network with its interaction switched off (w_r = 0); “constant” is the best "
        "answer that never looks at the image. One training run a model: how far another seed would move these numbers "
        "is not known."
    )
    draw_protocols(card_protocols(cards, name))


def _table(pair: Pair, name: str) -> pd.DataFrame:
    rows = []
    for task_name in pair.tasks:
        task = pair.first.run.card.task(task_name)
        row = {"Task": task_title(task_name), "Metric": _title(task)}
        for side in pair.sides:
            row[side.title] = _said(task, _value(side.engine.card, name, task, "tasks", "metrics"))
            if side.interacts:
                row[f"{side.title}, off"] = _said(task, _value(side.engine.card, name, task, "interaction_off"))
        row["constant"] = _said(task, _value(pair.first.engine.card, name, task, "tasks", "constant"))
        rows.append(row)
    return pd.DataFrame(rows).set_index("Task")


def _title(task: Task) -> str:
    return f"{metric_title(task)} {'↑' if task.higher_is_better else '↓'}"


def _said(task: Task, value: float | None) -> str:
    return "–" if value is None else metric_text(task, value, 3)


def _value(card: ModelCard, name: str, task: Task, part: str, kind: str = "") -> float | None:
    """The headline metric of a task on a card; None where the card does not have it."""
    found: Any = card.metrics[name]
    for key in (part, task.name, *([kind] if kind else []), task.metric):
        found = found.get(key) if isinstance(found, dict) else None
    return float(found) if isinstance(found, int | float) else None
