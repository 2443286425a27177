"""Two cards side by side, with what differs marked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from mtlviz.checkpoints import ModelCard, OwnArchitecture
from mtlviz.models.interactions import interaction_config
from mtlviz.plots.style import metric_text, metric_title, task_title
from mtlviz.ui import panels
from mtlviz.ui.linked import LINKED
from mtlviz.ui.models import card as models_card

ABSENT, DIFFERS = "–", "≠"
ROW_HEIGHT, MOST_ROWS = 35, 16
TINT = "rgba(209, 113, 31, 0.20)"
"""Behind what differs; the sign beside it says the same without colour."""


@dataclass(frozen=True)
class Setting:
    """One line of two cards.

    Attributes:
        part: of the card.
        name: dotted.
        first: what one says.
        second: what the other says.
    """

    part: str
    name: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        """Whether they say different things."""
        return self.first != self.second


def settings(first: ModelCard, second: ModelCard) -> list[Setting]:
    """Everything that either card states, apart from names, classes and scores by class."""
    parts = (_parts(first), _parts(second))
    found = []
    for part in dict.fromkeys([*parts[0], *parts[1]]):
        sides = [side.get(part, {}) for side in parts]
        for name in dict.fromkeys([*sides[0], *sides[1]]):
            found.append(Setting(part, name, *(side.get(name, ABSENT) for side in sides)))
    return found


def draw(first: ModelCard, second: ModelCard) -> None:
    """The settings of two models, those that differ tinted and marked."""
    every = settings(first, second)
    different = [one for one in every if one.differs]
    st.subheader(f"{panels.plain(first.title)} beside {panels.plain(second.title)}", anchor="beside")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"They differ in **{len(different)} of {len(every)}** entries of their cards; "
            f"{_configured(different)}."
        )  # fmt: skip
        only = st.toggle("Differences only", value=True, key="models_differences", **LINKED)
    shown = different if only else every
    titles = [first.title, second.title]
    if titles[0] == titles[1]:
        titles = [f"{card.title} ({card.name})" for card in (first, second)]
    table = pd.DataFrame(
        [[one.part, one.name, DIFFERS if one.differs else "", one.first, one.second] for one in shown],
        columns=["Part", "Entry", DIFFERS, *titles],
    )  # fmt: skip
    st.dataframe(
        table.style.apply(_tinted, axis=1), hide_index=True, width="stretch", key="models_pair_table",
        height=ROW_HEIGHT * (min(len(shown), MOST_ROWS) + 1) + 3,
        column_config={DIFFERS: st.column_config.TextColumn(DIFFERS, width=40, help="Marks what differs.")},
    )  # fmt: skip
    st.caption(
        "**How to read this.** Options that a card leaves out are shown with their defaults; – marks what one of the "
        "two does not state. Scores are single training runs: how far another seed would move them is not known."
    )


def _tinted(row: pd.Series) -> list[str]:
    return [f"background-color: {TINT}" if row[DIFFERS] else ""] * len(row)


def _configured(different: list[Setting]) -> str:
    """Which of the differences are choices rather than outcomes."""
    choices = [f"{one.name}" for one in different if one.part in ("architecture", "tasks", "training")]
    if not choices:
        return "none of them is a setting"
    names = ", ".join(choices[:4]) + (f" and {len(choices) - 4} more" if len(choices) > 4 else "")
    return f"the settings among them are {panels.plain(names)}"


def _parts(card: ModelCard) -> dict[str, dict[str, str]]:
    """By part of the card its entries as text."""
    size = models_card.megabytes(card)
    return {
        "architecture": _flat(_architecture(card)),
        "tasks": {"predicts": ", ".join(task_title(task.name) for task in card.tasks),
                  "input": f"{card.input_size[0]} × {card.input_size[1]}",
                  "tokens": f"{card.token_grid[0]} × {card.token_grid[1]}"},
        "training": {"trained on": card.data or models_card.TRAINED[card.trained], "seed": str(card.seed),
                     **_flat({key: value for key, value in card.training.items()
                              if key not in ("title", "summary", "tasks", "seed", "mean", "std")})},
        "score": _scores(card),
        "cost": {**{f"parameters.{key}": f"{value:,}" for key, value in card.parameters.items()},
                 **{f"operations.{key}": f"{value:,}" for key, value in card.operations.items()},
                 "file": ABSENT if size is None else f"{size:.1f} MB"},
        "origin": {"licence": card.licence, "provenance": card.provenance or ABSENT,
                   "weights sha256": card.weights_sha256[:12],
                   **{f"version.{key}": value for key, value in card.versions.items()}},
    }  # fmt: skip


def _architecture(card: ModelCard) -> dict[str, Any]:
    """The architecture with the defaults of its interaction's options."""
    found: dict[str, Any] = card.architecture.model_dump(mode="json")
    if isinstance(card.architecture, OwnArchitecture):
        return found
    config = interaction_config(card.architecture.interaction, card.architecture.options)
    return {"interaction": found.pop("interaction"), "options": config.model_dump(mode="json"), **{
        key: value for key, value in found.items() if key != "options"
    }}  # fmt: skip


def _scores(card: ModelCard) -> dict[str, str]:
    found = {}
    for data in models_card.scored_sets(card):
        for name, value in models_card.headlines(card, data).items():
            task = card.task(name)
            arrow = "↑" if task.higher_is_better else "↓"
            found[f"{data}: {task_title(name)} {metric_title(task)} {arrow}"] = metric_text(task, value, 3)
    return found


def _text(value: object) -> str:
    """A setting as a reader knows it."""
    return "none" if value is None else json.dumps(value)


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Nested settings by dotted name, each as text."""
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value if isinstance(value, str) else _text(value)
    return found
