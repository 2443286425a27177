"""The sentences that answer the Compare page's questions, and what they do not prove."""

from collections.abc import Sequence

import streamlit as st

from mtlviz.analysis.attention import attention_rows
from mtlviz.analysis.attention_statistics import row_statistics
from mtlviz.models.multitask import NetworkConfig
from mtlviz.plots.compare import amount
from mtlviz.plots.style import task_title
from mtlviz.ui import pick
from mtlviz.ui.affinity import compare
from mtlviz.ui.compare.page import Pair
from mtlviz.ui.compare.predictions import nearer
from mtlviz.ui.panels import plain

PHRASES = {
    "classes": "in {} on **{}** of the pixels",
    "depth": "in {} by **{}**",
    "normals": "in {} by **{}**",
    "binary": "in {} by a probability of **{}**",
}


def answer(pair: Pair) -> str:
    """How far the predictions are apart, and where labels exist, which side is nearer to them."""
    if pair.itself:
        return f"{plain(pair.first.title)} is compared with itself: every difference is exactly **0**."
    return " ".join(filter(None, (_apart(pair), _nearer(pair))))


def caveat(pair: Pair) -> None:
    """What a reader must not conclude."""
    if pair.itself:
        st.caption("Choose another second model in the sidebar to compare two.")
        return
    seeds = dict.fromkeys(str(side.run.card.seed) for side in pair.sides)
    helped = [plain(side.title) for side in pair.sides if _supervised(side.run.card.architecture)]
    alone = f" {helped[0]} alone learned with deep supervision, too." if len(helped) == 1 else ""
    st.caption(
        f"One image and one training run a model (seed {' and '.join(seeds)}): this is a fact about two sets of "
        f"weights, not about two ways of sharing.{alone}"
    )


def _supervised(architecture: object) -> bool:
    """Whether tasks learned to predict from before the interaction as well."""
    return isinstance(architecture, NetworkConfig) and architecture.deep_supervision


def reads(pair: Pair, picked: pick.Token) -> str:
    """What the picked token reads in each model."""
    parts = []
    for side in pair.sides:
        if compare.affinity_of(side) is not None:
            parts.append(compare.spreads(side, pair, picked))
            continue
        if side.trace is None:
            parts.append(f"nothing in {plain(side.title)}")
            continue
        token = pair.token(side, picked)
        row, found = attention_rows(side.trace, [token])[0], row_statistics(side.trace, [token])
        parts.append(
            f"**{(row > 0).sum():,}** of the {found.candidates[0]:,} tokens that it could read in "
            f"{plain(side.title)} (entropy **{found.entropy[0]:.2f}**)"
        )
    said = _listed([part for part in parts if part])
    where = f"The {task_title(picked.task)} token at row {picked.row}, column {picked.column}"
    scale = " Entropy is 0 where one token is read and 1 where all are read alike." if "entropy" in said else ""
    return f"{where} reads {said}.{scale}" if said else ""


def _apart(pair: Pair) -> str:
    said = []
    for task in pair.tasks:
        difference = pair.difference(task)
        phrase = PHRASES[difference.task.kind]
        said.append(phrase.format(task_title(task).lower(), amount(difference.task, difference.mean)))
    first, second = (plain(title) for title in pair.titles)
    return f"{first} and {second} differ {_listed(said)}, on average over the image."


def _nearer(pair: Pair) -> str:
    winners = nearer(pair)
    if not winners:
        return ""
    tasks = {title: [task_title(task).lower() for task, best in winners.items() if best == title]
             for title in pair.titles}  # fmt: skip
    parts = [f"**{plain(title)}** in {_listed(names)}" for title, names in tasks.items() if names]
    even = [task_title(task).lower() for task, best in winners.items() if best is None]
    parts += [f"neither in {_listed(even)}"] if even else []
    return f"Nearer to this image's labels: {', '.join(parts)}."


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
