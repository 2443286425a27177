"""Shares of the picks by class against shares of the tokens, of an image or of a set."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd
import streamlit as st

from mtlviz.analysis.stability.names import CLEAN
from mtlviz.analysis.stability.shares import RARE
from mtlviz.analysis.stability.stored import StoredModel
from mtlviz.engine import Provenance
from mtlviz.plots.stability_shares import ClassDot, share_figure
from mtlviz.plots.style import task_title
from mtlviz.tasks import TASKS
from mtlviz.ui import panels
from mtlviz.ui.stability import words
from mtlviz.ui.stability.page import Side

READ = (
    "One mark a class and model, in the colour of the class. On the dashed line a class is picked as often as it "
    "occurs, above it more often; classes far from the line are named. Axes grow with the square root, so that rare "
    "classes have room."
)
FORMULA = CLEAN["proportional_gini"].formula
GREY = "#9aa0a6"
_COLOURS = {
    name: "#{:02x}{:02x}{:02x}".format(*colour)
    for task in ("human_parts", "semseg")
    for name, colour in zip(TASKS[task].class_names, TASKS[task].palette, strict=True)
}


def of_image(sides: Sequence[Side]) -> None:
    """Shares in the current image."""
    known = [side for side in sides if side.clean.classes.task is not None]
    if not known:
        panels.empty(
            "Shares by class need classes: this image has no labels and these models predict none.",
            "Choose a rendered room, or a model with semantic segmentation.",
        )
        return
    dots = [dot for side in known for dot in _image_dots(side)]
    figure, table = st.columns([3, 2], gap="medium")
    with figure:
        titles = {side.index: side.title for side in known}
        _figure(dots, titles, "stability_shares", [side.run.provenance for side in known])
    with table:
        _table({side.title: {key: (value, None) for key, value in side.clean.numbers.items()} for side in sides})
        _tasks({side.title: _task_shares(side) for side in sides})


def of_set(models: Sequence[tuple[int, str, StoredModel]], provenance: Sequence[Provenance]) -> None:
    """Shares over a stored set.

    Args:
        models: (0 for A or 1 for B, title, what is stored).
        provenance: of the set.
    """
    dots = [
        ClassDot(
            one.name, _COLOURS.get(one.name, GREY), side, one.token_share, one.pick_share or 0.0,
            f"present in {one.present} images, picked in {one.picked}",
        )
        for side, _, model in models for one in model.classes if one.present and one.token_share is not None
    ]  # fmt: skip
    if not dots:
        panels.empty("The set has no classes.", "Measure images with labels, or models that predict classes.")
        return
    figure, table = st.columns(2, gap="medium")
    with figure:
        _figure(dots, {index: title for index, title, _ in models}, "stability_set_shares", provenance)
    with table:
        _table({
            title: {key: (one.mean, (one.low, one.high)) for key, one in model.clean.items() if key in CLEAN}
            for _, title, model in models
        }, {key: one.n for _, _, model in models for key, one in model.clean.items()})  # fmt: skip
        _rare_over_set(models)
        _tasks({title: {task: share for task, share in model.tasks.items() if share is not None}
                for _, title, model in models})  # fmt: skip


def _image_dots(side: Side) -> list[ClassDot]:
    shares, task = side.clean.shares, side.clean.classes.task
    names = () if task is None else task.class_names
    colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in (() if task is None else task.palette)]
    tokens, picks = shares.tokens / max(shares.tokens.sum(), 1), shares.picks / max(shares.picks.sum(), 1)
    return [
        ClassDot(name, colours[label], side.index, float(tokens[label]), float(picks[label]),
                 f"{shares.tokens[label]} tokens, {shares.picks[label]} picks")
        for label, name in enumerate(names) if shares.tokens[label]
    ]  # fmt: skip


def _figure(dots: Sequence[ClassDot], titles: Mapping[int, str], key: str, provenance: Sequence[Provenance]) -> None:
    table = pd.DataFrame(
        [(titles[dot.side], dot.name, dot.tokens, dot.picks) for dot in dots],
        columns=["model", "class", "share of tokens", "share of picks"],
    )
    most = max(dots, key=lambda dot: abs(dot.picks - dot.tokens))
    panels.figure(
        share_figure(dots, titles), key, how_to_read=READ,
        alt=f"Shares of picks against shares of tokens; farthest from proportion is {most.name} with {most.tokens:.0%} "
        f"of the tokens and {most.picks:.0%} of the picks",
        formula=FORMULA, source="Gini coefficient of the Lorenz curve L of picks a token.", data=table,
        provenance=provenance,
    )  # fmt: skip


Value = tuple[float | None, tuple[float | None, float | None] | None]


def _table(values: Mapping[str, Mapping[str, Value]], images: Mapping[str, int] = MappingProxyType({})) -> None:
    """The numbers of ``CLEAN``, one column a model.

    Args:
        values: by model and key.
        images: by key how many have a value, where there are several.
    """
    rows = []
    for key, about in CLEAN.items():
        cells = {title: _cell(found.get(key, (None, None))) for title, found in values.items()}
        count = f" (n = {images[key]})" if key in images else ""
        rows.append({"Picks on the image as it is": about.title + count, **cells})
    st.table(pd.DataFrame(rows).set_index("Picks on the image as it is"))
    words.definitions(CLEAN)


def _cell(value: Value) -> str:
    mean, interval = value
    if mean is None or mean != mean:
        return "–"
    low, high = interval or (None, None)
    return f"{mean:.2f}" + ("" if low is None or high is None else f" [{low:.2f}, {high:.2f}]")


def _rare_over_set(models: Sequence[tuple[int, str, StoredModel]]) -> None:
    said = []
    for _, title, model in models:
        rare = [one for one in model.classes if one.present and (one.token_share or 0) < RARE]
        present, picked = sum(one.present for one in rare), sum(one.picked for one in rare)
        if present:
            said.append(f"{panels.plain(title)} **{picked / present:.0%}**")
    if said:
        st.markdown(
            f"Of the times that a class with less than {RARE:.0%} of the set's tokens is in an image, some slot picks "
            f"it: {', '.join(said)}."
        )


def _task_shares(side: Side) -> dict[str, float]:
    tasks = side.clean.shares.tasks
    return dict(zip(side.run.outputs, (tasks / max(tasks.sum(), 1)).tolist(), strict=True))


def _tasks(shares: Mapping[str, Mapping[str, float]]) -> None:
    names = list(dict.fromkeys(task for found in shares.values() for task in found))
    equal = [f"{1 / count:.0%}" for count in dict.fromkeys(len(found) for found in shares.values()) if count]
    table = pd.DataFrame(
        {title: [f"{found[task]:.0%}" if task in found else "–" for task in names] for title, found in shares.items()},
        index=pd.Index(
            [task_title(task) for task in names], name=f"Picks by task (equal share {' or '.join(equal) or '–'})"
        ),
    )
    st.table(table)
