"""Who leaks into whom over the set, and which models no stored result holds."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import streamlit as st

from mtlviz.checkpoints import ModelCard
from mtlviz.plots.noise import pair_figure
from mtlviz.ui import linked, panels
from mtlviz.ui.noise import results
from mtlviz.ui.noise.page import View
from mtlviz.ui.noise.results import Experiment, StoredNoise

WHAT = {"features": "leak into features", "change": "change of the prediction", "gain": "gain"}
"""Families of measures that have a number for every watched task."""


def draw(view: View, found: StoredNoise, key: str) -> None:
    """For A and B, by disturbed task, the chosen kind of effect on every other task."""
    cards = [side.card for side in view.sides]
    held = [(side, model) for side, card in zip(view.sides, cards, strict=True)
            if (model := found.of(card)) is not None]  # fmt: skip
    rows = {row["experiment"] for _, model in held for row in model.by_task}
    titles = {one.title: group for group, one in found.experiments.items() if group in rows}
    if not titles:
        panels.empty("The stored result names no disturbed tasks of these models.", command(cards))
        return
    group = titles[linked.select("Disturbance", list(titles), "noise_matrix", width=260,
                                 start=_middle(found.experiments, titles))]  # fmt: skip
    family = key.split(":")[0] if ":" in key else "features"
    matrices = {side.title: _leaks(model.tasks, model.by_task, group, family) for side, model in held}
    scales = _column_scales(
        [(model.tasks, matrices[side.title]) for side, model in held], together=family == "features"
    )
    for (side, model), column in zip(held, st.columns(2, gap="medium"), strict=False):
        values = matrices[side.title]
        with column:
            panels.figure(
                pair_figure(
                    values, model.tasks, f"{side.title}: {WHAT.get(family, family)}",
                    axes=("task that is watched", "disturbed"), signed=family == "gain", shares=family == "features",
                    colours=values / np.array([scales[task] for task in model.tasks]),
                    sentence="%{y} disturbed, %{x} watched: %{text}",
                ),
                f"noise_leaks_{side.model.letter}", how_to_read="",
                alt=f"{side.title}: {WHAT.get(family, family)} by disturbed and watched task, {found.images} images",
            )  # fmt: skip
    scale = (
        "one colour scale for both"
        if family == "features"
        else "in the units of the watched task, so that each column has a colour scale of its own, the same for both"
        + (" (blue better, red worse)" if family == "gain" else "")
    )
    panels.maps(
        [], view.sides[0].run, "noise_leaks",
        how_to_read=f"A row is the task that was disturbed, a column one that was not; means over n = {found.images} "
        f"images, {scale}.",
        data={**matrices, **{f"{side.title} tasks": np.array(model.tasks) for side, model in held}},
    )  # fmt: skip


def _column_scales(matrices: Sequence[tuple[Sequence[str], np.ndarray]], *, together: bool) -> dict[str, float]:
    """By watched task the size that ends its colour scale: the largest of all matrices, one for all tasks together."""
    found: dict[str, float] = {}
    for tasks, values in matrices:
        for task, column in zip(tasks, np.nan_to_num(np.abs(values)).T, strict=True):
            found[task] = max(found.get(task, 0.0), float(column.max()))
    most = max(found.values(), default=0.0)
    return {task: (most if together else size) or 1.0 for task, size in found.items()}


def _leaks(tasks: Sequence[str], rows: Iterable[Mapping[str, object]], group: str, family: str) -> np.ndarray:
    values = np.full((len(tasks), len(tasks)), np.nan)
    for row in rows:
        if row.get("experiment") != group or row.get("task") not in tasks:
            continue
        for column, task in enumerate(tasks):
            cell = row.get(f"{family}:{task}")
            if isinstance(cell, Mapping) and cell.get("mean") is not None:
                values[tasks.index(str(row["task"])), column] = float(cell["mean"])
    return values


def _middle(experiments: Mapping[str, Experiment], titles: Mapping[str, str]) -> str:
    """The experiment of level 1, where there is one."""
    return next((title for title, group in titles.items() if experiments[group].level == 1), next(iter(titles)))


def say_missing(view: View, found: StoredNoise | None) -> None:
    """Say which of the two models no stored result holds, and how to measure it."""
    cards = [side.card for side in view.sides]
    absent = [card for card in cards if found is None or found.of(card) is None]
    if absent:
        names = " and ".join(panels.plain(card.title) for card in absent)
        st.info(f"No stored result over a set holds the weights of {names}. {command(cards)}", icon=":material/info:")


def command(cards: Sequence[ModelCard]) -> str:
    """A sentence with the command that measures these models over a set."""
    return f"`{results.command(cards)}` measures them; a restart is not needed."
