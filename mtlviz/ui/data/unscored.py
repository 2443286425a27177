"""Ground truth that no chosen model can be compared with: said in one sentence, and shown without a score."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from mtlviz.analysis.scene import class_shares
from mtlviz.data.sample import Sample, valid_pixels
from mtlviz.engine import Run
from mtlviz.plots import predictions as plots
from mtlviz.plots.maps import Hover, Panel, Scale
from mtlviz.plots.style import task_title
from mtlviz.tasks import Task
from mtlviz.ui import panels, state

MOST_CLASSES = 12


def sentence(where: str = " Predictions shows this ground truth by itself.") -> str:
    """What is not scored and why; empty where everything is.

    Args:
        where: the ground truth can be seen.
    """
    tasks = {task.name: task for task in state.whole().tasks}
    parts = [f"{task_title(name).lower()} ({why})" for name, why in state.unscored().items() if name in tasks]
    if not parts:
        return ""
    named = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"Not scored: {named}.{where}"


def draw(run: Run, view: plots.View) -> None:
    """The section of a page; nothing where everything is scored.

    Args:
        run: of the image.
        view: how maps are drawn.
    """
    current = state.whole()
    tasks = [task for task in current.tasks if task.name in state.unscored()]
    if not tasks:
        return
    st.subheader("Ground truth that is not scored", anchor=False)
    st.caption(panels.plain(sentence("")))
    maps = [_panel(task, current.sample, view) for task in tasks]
    pictures, legend = st.columns([len(maps), 3 - len(maps)]) if len(maps) < 3 else (st.container(), st.container())
    with pictures:
        panels.maps(
            maps, run, "unscored", columns=min(3, len(maps)), clickable=False,
            data={task.name: current.sample.labels[task.name] for task in tasks},
            how_to_read="Labels in their own classes, colours and units; grey has no label. Hover for values.",
        )  # fmt: skip
    with legend:
        for task in tasks:
            if task.kind == "classes":
                _classes(task, current.sample)


def _panel(task: Task, sample: Sample, view: plots.View) -> Panel:
    label, valid = sample.labels[task.name], valid_pixels(sample, task)
    if task.kind != "depth":
        return plots.truth_panel(task, label, valid, view, task.title)
    known = np.where(valid, label, np.nan).astype(np.float32)
    low, high = (float(one) for one in np.nanpercentile(known, (1, 99)))
    own = replace(view, depth=(low, high if high > low else low + 1))
    panel = plots.truth_panel(task, label, valid, own, task.title)
    hover = panel.hover and Hover(on="image", values=panel.hover.values, template=f"%{{z:.3g}} {task.unit}")
    return replace(panel, scale=Scale(*own.depth, f"{task.title.lower()} ({task.unit or 'no unit'})"), hover=hover)


def _classes(task: Task, sample: Sample) -> None:
    """The legend of the class colours: what is there, largest first."""
    shares = class_shares(task, np.where(valid_pixels(sample, task), sample.labels[task.name], np.uint8(255)))
    shown = shares[:MOST_CLASSES]
    panels.figure(
        plots.shares_figure(task, {"the ground truth": shown}), f"unscored_{task.name}",
        how_to_read=f"The legend of {panels.plain(task.title.lower())}: share of the labelled pixels by class, "
        f"the {len(shown)} largest of {len(shares)} that are there.",
        alt=f"Classes of the ground truth; the largest is {shown[0].name} with {shown[0].share:.0%}",
        data=pd.DataFrame([{"class": one.name, "share": one.share} for one in shares]),
    )  # fmt: skip
