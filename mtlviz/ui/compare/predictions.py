"""What two models predict, where they differ, and which is nearer to the truth."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtlviz.analysis.compare import difference, region_errors
from mtlviz.analysis.scene import class_shares
from mtlviz.analysis.scores import Score
from mtlviz.data.sample import valid_pixels
from mtlviz.plots.attention import percent
from mtlviz.plots.compare import amount, comparison_panels, region_bars
from mtlviz.plots.maps import Panel
from mtlviz.plots.predictions import (
    View,
    depth_range,
    error_limit,
    error_panel,
    shares_figure,
    shares_key,
    truth_panel,
)
from mtlviz.plots.style import metric_text, metric_title, task_title
from mtlviz.tasks import Task
from mtlviz.ui import panels, pick
from mtlviz.ui.compare.page import Pair
from mtlviz.ui.prediction_panels import HOW_WRONG, resolution_note, score_of
from mtlviz.ui.protocols import draw_protocols


def draw(pair: Pair, task: str) -> None:
    """A, B and their difference for one task, and how far apart they are in all tasks."""
    kind = pair.first.run.card.task(task)
    how = f"{_how_to_read(kind, pair)} {resolution_note(pair.first.run)} Click a map to pick a token."
    panels.maps(_maps(pair, task, pair.key), pair.first.run, "compare_maps", how_to_read=how)
    if kind.kind != "classes":
        _differences_table(pair)
        return
    table, legend = st.columns([3, 2], gap="medium")
    with table:
        _differences_table(pair)
    with legend:
        _classes(pair, task)


def _classes(pair: Pair, task: str) -> None:
    """The legend of the class colours, with the share of each class in A, in B and in the truth."""
    kind, sample = pair.first.run.card.task(task), pair.first.run.sample
    shares = {side.title: class_shares(kind, side.run.prediction(task).values) for side in pair.sides}
    if task in sample.labels:
        shares["the ground truth"] = class_shares(kind, sample.labels[task])
    rows = [(source, one.name, one.share) for source, found in shares.items() for one in found]
    panels.figure(
        shares_figure(kind, shares),
        "compare_classes",
        alt=f"Share of every class in {', '.join(shares)}",
        how_to_read=f"The legend of the class colours: {shares_key([panels.plain(source) for source in shares])}.",
        data=pd.DataFrame(rows, columns=["source", "class", "share"]),
        provenance=[side.run.provenance for side in pair.sides],
    )


def nearer(pair: Pair) -> dict[str, str | None]:
    """By task with a label the title of the side with the better headline metric, None where they are equal."""
    found = {}
    for task in pair.tasks:
        scores = _scores(pair, task)
        if scores:
            best = _better(scores)
            found[task] = None if best is None else pair.titles[best]
    return found


def _differences_table(pair: Pair) -> None:
    """One row a task: how far apart the two are and, with labels, how good each is on this image."""
    st.table(_differences(pair, pair.key))
    _notes(pair)


def _notes(pair: Pair) -> None:
    """What the table of differences holds and how its metrics are computed."""
    scores = [score for task in pair.tasks for score in _scores(pair, task)[:1]]
    metrics = (
        "Metrics are those of this image alone, the better one in bold; n is the number of labelled pixels."
        if scores
        else "The image has no labels, so nothing here says which side is right."
    )
    st.caption(
        "**How to read this.** Difference is how far the two models are apart, mean over all pixels, for depth in "
        f"brackets as a share of what the second one says. {metrics}"
    )
    draw_protocols({score.task.name: score.protocol for score in scores})


def truth(pair: Pair, picked: pick.Token) -> None:
    """Errors of both sides in the picked token's task, beside the ground truth and by class."""
    sample, task = pair.first.run.sample, picked.task
    if task not in sample.labels:
        panels.empty(
            f"**This image has no label of {task_title(task).lower()},** so nothing says which side is nearer to it.",
            "Choose a held-out room in the sidebar: its labels are exact.",
        )
        return
    kind = pair.first.run.card.task(task)
    label, valid = sample.labels[task], valid_pixels(sample, kind)
    errors = [difference(kind, side.run.prediction(task).values, label, valid) for side in pair.sides]
    limit, view = error_limit(*errors), _view(pair, task)
    wrong = " of the pixels are wrong" if kind.kind == "classes" else " on average"
    legend = " The part “predictions” names the colours of the classes." if kind.kind == "classes" else ""
    drawn = [
        error_panel(error, limit, view, f"Error of {title}", f"{amount(kind, error.mean)}{wrong}")
        for error, title in zip(errors, pair.titles, strict=True)
    ]
    panels.maps(
        [*drawn, truth_panel(kind, label, valid, view)],
        pair.first.run,
        "compare_truth",
        picked=picked.place,
        clickable=False,
        how_to_read=f"{HOW_WRONG[kind.kind]} Both errors share one colour scale; grey pixels have no label.{legend}",
    )
    _regions(pair, kind)


def _regions(pair: Pair, task: Task) -> None:
    sample = pair.first.run.sample
    classes = next((one for one in pair.first.run.card.tasks if one.name == "semseg"), None)
    if classes is None or "semseg" not in sample.labels:
        return
    first, second = (side.run.prediction(task.name).values for side in pair.sides)
    truth, regions, valid = sample.labels[task.name], sample.labels["semseg"], valid_pixels(sample, task)
    found = region_errors(task, first, second, truth, regions, classes.class_names, valid)
    if not found:
        return
    apart = max(found, key=lambda region: abs(region.first - region.second))
    panels.figure(
        region_bars(found, task, pair.titles),
        "compare_regions",
        alt=f"Mean error by true class; the two differ most on {apart.name}: "
        f"{amount(task, apart.first)} and {amount(task, apart.second)}",
        how_to_read="Mean error on the pixels of every true class, most frequent class first; n is beside the "
        "name, and a small n says little.",
        data=pd.DataFrame([vars(region) for region in found]),
        provenance=[side.run.provenance for side in pair.sides],
    )


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=32, show_spinner=False)
def _maps(_pair: Pair, task: str, key: tuple[str, ...]) -> tuple[Panel, Panel, Panel]:
    first, second = (side.run.prediction(task) for side in _pair.sides)
    geometry, view = _pair.first.geometry, _view(_pair, task)
    return comparison_panels(first, second, _pair.difference(task), _pair.titles, view, geometry)


@st.cache_resource(max_entries=32, show_spinner="Comparing all tasks.")
def _differences(_pair: Pair, key: tuple[str, ...]) -> pd.DataFrame:
    rows = []
    for name in _pair.tasks:
        apart = _pair.difference(name)
        relative = apart.mean_relative
        said = amount(apart.task, apart.mean) + (" of the pixels" if apart.task.kind == "classes" else "")
        row = {"Task": task_title(name), "Difference": said + (f" ({percent(relative)})" if relative >= 0 else "")}
        rows.append(row | _scored(_pair, _scores(_pair, name)))
    return pd.DataFrame(rows).fillna("–").set_index("Task")


def _scores(pair: Pair, task: str) -> list[Score]:
    labelled = task in pair.first.run.sample.labels
    return [score_of(side.run, task) for side in pair.sides] if labelled else []


def _scored(pair: Pair, scores: list[Score]) -> dict[str, str]:
    if not scores:
        return {}
    task = scores[0].task
    said = [metric_text(task, score.headline, 3) for score in scores]
    better = _better(scores)
    if better is not None:
        said[better] = f"**{said[better]}**"
    return {
        "Metric": f"{metric_title(task)} {'↑' if task.higher_is_better else '↓'}",
        **dict(zip(pair.titles, said, strict=True)),
        "n (px)": f"{scores[0].pixels:,}",
    }


def _better(scores: Sequence[Score]) -> int | None:
    """Which of two scores is better, None where they read alike."""
    task, first, second = scores[0].task, scores[0].headline, scores[1].headline
    if metric_text(task, first, 3) == metric_text(task, second, 3):
        return None
    return int((first > second) != task.higher_is_better)


def _view(pair: Pair, task: str) -> View:
    """Both sides and the truth on one depth scale; no fading, which would tint the comparison."""
    if pair.first.run.card.task(task).kind != "depth":
        return View((0.0, 1.0), fade=False)
    truth = pair.first.run.sample.labels.get(task)
    depths = [side.run.prediction(task).values for side in pair.sides]
    return View(depth_range(*depths, *(() if truth is None else (truth,))), fade=False)


def _how_to_read(task: Task, pair: Pair) -> str:
    first, second = (panels.plain(title) for title in pair.titles)
    if task.kind == "classes":
        return "A colour is a class; purple marks pixels to which the two give different classes."
    if task.kind == "normals":
        return f"Colour is a direction ({task.drawn_as}); the third map is the angle between the two."
    more = "farther" if task.kind == "depth" else "higher"
    return (
        f"The first two maps share one colour range. In the third, blue is where {first} is {more}, red where "
        f"{second} is, white where they agree; it ends at ± the 99.5th percentile."
    )
