"""The sentence that answers the Compare page's question, and what it does not prove."""

import streamlit as st

from mtlviz.analysis.reading import Reading
from mtlviz.plots.compare import amount
from mtlviz.plots.style import task_title
from mtlviz.ui import pick
from mtlviz.ui.compare import Pair
from mtlviz.ui.panels import plain

PHRASES = {
    "classes": "give different classes to **{}** of the pixels",
    "depth": "differ by **{}** in depth",
    "normals": "by **{}** in the direction of surfaces",
    "binary": "by **{}** in the probability of {}",
}


def answer(pair: Pair, found: dict[str, Reading], picked: pick.Token) -> str:
    """How far the predictions are apart, and what the picked token reads in each model."""
    if pair.itself:
        return f"{plain(pair.first.title)} is compared with itself: every difference is exactly **0**."
    return " ".join([_predictions(pair), _reading(pair, found, picked)])


def caveat(pair: Pair) -> None:
    """What a reader must not conclude."""
    if pair.itself:
        st.caption("Choose another second model in the sidebar to compare two.")
        return
    seeds = " and ".join(str(side.run.card.seed) for side in pair.sides)
    st.caption(
        f"One image, and one training run per model (seeds {seeds}). What differs here is a fact about these two sets "
        "of weights on this image; it does not say which way of sharing is better."
    )


def _predictions(pair: Pair) -> str:
    said = []
    for task in pair.tasks:
        difference = pair.difference(task)
        kind = difference.task.kind
        amounts = amount(difference.task, difference.mean), task_title(task).lower()
        said.append(PHRASES[kind].format(*amounts))
    first, second = (plain(title) for title in pair.titles)
    return f"{first} and {second} {', '.join(said[:-1])}{' and ' if len(said) > 1 else ''}{said[-1]}, on average."


def _reading(pair: Pair, found: dict[str, Reading], picked: pick.Token) -> str:
    who = f"The {task_title(picked.task)} token at row {picked.row}, column {picked.column}"
    parts = []
    for side in pair.sides:
        if side.letter not in found:
            parts.append(f"nothing in {plain(side.title)}, whose tasks do not interact")
            continue
        row = found[side.letter].statistics
        tokens = int((found[side.letter].row > 0).sum())
        parts.append(
            f"**{tokens:,}** of {int(row.candidates[0]):,} tokens in {plain(side.title)} (entropy "
            f"**{row.entropy[0]:.2f}** of 1)"
        )
    return f"{who} reads {' and '.join(parts)}."
