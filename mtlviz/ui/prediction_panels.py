"""The parts of the Predictions page."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from mtlviz.analysis.compare import difference
from mtlviz.analysis.scene import class_shares, describe
from mtlviz.analysis.scores import Score, image_score
from mtlviz.data.sample import valid_pixels
from mtlviz.engine import Run
from mtlviz.plots import predictions as plots
from mtlviz.plots.maps import Panel
from mtlviz.plots.style import metric_text, metric_title, png_bytes, task_title
from mtlviz.tasks import Task
from mtlviz.ui import panels, pick, state
from mtlviz.ui.downloads import npz_bytes, zip_bytes
from mtlviz.ui.protocols import draw_protocols

HOW = {
    "classes": "Colours are classes; their names are beside the bars above.",
    "depth": "Metres along the optical axis, on one scale for all maps.",
    "normals": "The direction a surface faces: right in red, up in green, towards the camera in blue.",
}
HOW_WRONG = {
    "classes": "An error, in red, is a pixel whose class is not the true one.",
    "depth": "Errors: red is predicted too near, blue too far.",
    "normals": "Errors: the angle between the predicted and the true direction.",
    "binary": "Errors: red is missed, blue is a false alarm.",
}


def choose_runs() -> list[Run]:
    """The first model of the sidebar and whatever is put beside it, each run on the current image."""
    first = state.model_name("a")
    others = [name for name in state.model_names() if name != first]
    state.check_query("models", state.model_names())
    beside = st.pills(
        f"Beside {first}, show", others, selection_mode="multi", key="models", bind="query-params",
        persist_state="session",
    )  # fmt: skip
    return [state.run(state.engine_named(name)) for name in (first, *beside) if name in (first, *others)]


def choose_view(runs: Sequence[Run]) -> plots.View:
    """Opacity and fading, with a depth scale that fits all runs and the labels."""
    state.check_query_number("opacity", 0, 100)
    opacity = st.slider(
        "Opacity of the maps over the image (%)", 0, 100, 100, 5, key="opacity", width=280, bind="query-params",
        persist_state="session",
    )  # fmt: skip
    fade = st.toggle(
        "Fade uncertain pixels", True, key="fade", bind="query-params", persist_state="session",
        help="A class colour is as opaque as its softmax probability, so that a guess looks like a guess.",
    )  # fmt: skip
    depths = [run.prediction("depth").values for run in runs if "depth" in run.outputs]
    if "depth" in runs[0].sample.labels:
        sample = runs[0].sample
        depths.append(np.where(sample.valid.get("depth", np.True_), sample.labels["depth"], np.nan))
    return plots.View(plots.depth_range(*depths) if depths else (0.0, 1.0), opacity / 100, fade)


def answer(run: Run) -> None:
    """One sentence with the numbers of the first model."""
    said = describe({task: run.prediction(task) for task in run.outputs})
    panels.headline(f"In {panels.plain(run.sample.name)}, **{panels.plain(run.card.title)}** finds {said}.")


def resolution_note(run: Run) -> str:
    """At which resolution the maps were predicted and drawn, and what depth assumes."""
    (height, width), (model_height, model_width) = run.sample.size, run.card.input_size
    padding = 1 - float(run.letterbox.inside.mean())
    if (height, width) == (model_height, model_width):
        return f"Predicted and drawn at the image's own {width} × {height} pixels."
    note = f"Drawn at {width} × {height} pixels, predicted at {model_width} × {model_height}"
    if padding > 0:
        note += f" of which {padding:.0%} is padding; it is masked while tasks share, and cut off here"
    note += "."
    if run.sample.labels:
        return note
    if run.card.trained == "synthetic":
        note += " The model was trained on rendered rooms only: a photograph is new to it."
    if "depth" in run.outputs:
        note += " Metres assume a scale and a field of view like those it was trained on."
    return note


def draw_image(runs: Sequence[Run], view: plots.View) -> None:
    """The image, beside it what is in it; without labels also the first model's segmentation."""
    run = runs[0]
    maps = [Panel("Image", note="click to read one point")]
    if _alone(runs) and "semseg" in run.outputs:
        maps.append(plots.prediction_panel(run.prediction("semseg"), task_title("semseg"), view))
    pictures, legend = st.columns([len(maps), 3 - len(maps)])
    with pictures:
        panels.maps(maps, run, "image", columns=len(maps))
        st.caption(f"At the mark: {_at_mark(run)} (a class has its probability in brackets). {resolution_note(run)}")
    with legend:
        _draw_shares(runs)


def draw_tasks(runs: Sequence[Run], view: plots.View) -> None:
    """Every task: in one row for one model without labels, else a row a task with truth, models and errors."""
    picked = pick.current(runs[0]).place
    if _alone(runs):
        rest = [task for task in runs[0].card.tasks if task.name != "semseg"]
        maps = [plots.prediction_panel(runs[0].prediction(task.name), task_title(task.name), view) for task in rest]
        how = "Hover for values. " + " ".join(f"{task_title(task.name)}: {_how(task)}" for task in rest)
        panels.maps(maps, runs[0], "tasks", picked=picked, clickable=False, how_to_read=how)
        return
    for task in runs[0].card.tasks:
        having = [run for run in runs if task.name in run.outputs]
        st.subheader(task.title, anchor=False)
        row, columns = _row(task, having, view)
        panels.maps(
            row, runs[0], f"row_{task.name}", columns=columns, picked=picked, clickable=False,
            how_to_read=f"{_how(task)} {HOW_WRONG[task.kind] if task.name in runs[0].sample.labels else ''}",
        )  # fmt: skip
    labelled = [task for task in runs[0].outputs if task in runs[0].sample.labels]
    draw_protocols({task: score_of(runs[0], task).protocol for task in labelled})


def read_point(runs: Sequence[Run]) -> None:
    """The values of every task at the picked token's centre."""
    pick.token(runs[0], with_task=False)
    x, y = _marked_pixel(runs[0])
    sample, rows = runs[0].sample, {}
    for task in runs[0].card.tasks:
        cells = {}
        if task.name in sample.labels:
            known = valid_pixels(sample, task)[y, x]
            truth = plots.value_text(task, sample.labels[task.name], None, y, x) if known else "no label"
            cells["Ground truth"] = truth
        for run in (run for run in runs if task.name in run.outputs):
            found = run.prediction(task.name)
            cells[run.card.title] = plots.value_text(task, found.values, found.certainty, y, x)
        rows[task_title(task.name)] = cells
    st.table(pd.DataFrame.from_dict(rows, "index"))
    st.caption(
        f"Values at pixel x {x}, y {y}, the centre of the marked cell; a class has its probability in brackets, a "
        "normal its components to the right, up and towards the camera."
    )


def offer_downloads(runs: Sequence[Run], view: plots.View) -> None:
    """All maps as pictures, and all values as arrays."""
    provenance = [run.provenance for run in runs]
    with st.container(horizontal=True):
        st.download_button(
            "All maps (PNG)", partial(_pictures, runs, view), "mtlviz_predictions.zip", "application/zip",
            on_click="ignore", icon=":material/image:",
        )  # fmt: skip
        st.download_button(
            "All values (NPZ)", lambda: npz_bytes(_arrays(runs), provenance), "mtlviz_predictions.npz",
            "application/octet-stream", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
    for run in runs:
        st.caption(panels.plain(run.provenance.stamp()))
        for note in run.notes:
            st.caption(note)


def _how(task: Task) -> str:
    """How to read a map of the task."""
    return HOW.get(task.kind, f"The {task.drawn_as}.")


def _marked_pixel(run: Run) -> tuple[int, int]:
    """(x, y) of the source pixel at the centre of the picked token."""
    x, y = state.geometry(run).centre(*pick.current(run).place)
    return int(x), int(y)


def _at_mark(run: Run) -> str:
    x, y = _marked_pixel(run)
    found = [run.prediction(task.name) for task in run.card.tasks]
    values = [plots.value_text(one.task, one.values, one.certainty, y, x) for one in found]
    return ", ".join(f"{task_title(one.task.name).lower()} **{said}**" for one, said in zip(found, values, strict=True))


def _alone(runs: Sequence[Run]) -> bool:
    return len(runs) == 1 and not runs[0].sample.labels


def _draw_shares(runs: Sequence[Run]) -> None:
    """Legend of the classes that are present, with their share of the pixels."""
    having = [run for run in runs if "semseg" in run.outputs]
    if not having:
        panels.empty("No model here predicts classes.", "Choose a model with a segmentation task.")
        return
    task, sample = having[0].card.task("semseg"), having[0].sample
    labels = {"the ground truth": sample.labels["semseg"]} if "semseg" in sample.labels else {}
    predicted = {run.card.title: run.prediction("semseg").values for run in having}
    first = having[0].card.title
    order = dict.fromkeys((first, *labels, *predicted))  # the truth second: marks are few
    shares = {source: class_shares(task, (labels | predicted)[source]) for source in order}
    largest = shares[first][0]
    panels.figure(
        plots.shares_figure(task, shares), "shares",
        how_to_read=f"The legend of the class colours: {plots.shares_key([panels.plain(one) for one in shares])}. "
        f"n = {sample.image[..., 0].size:,} pixels; classes below 0.1% everywhere are left out.",
        alt=f"Shares of classes; the largest is {largest.name} with {largest.share:.0%}",
        data=pd.DataFrame([{"source": source, "class": one.name, "share": one.share}
                           for source, found in shares.items() for one in found]),
        provenance=[run.provenance for run in having],
    )  # fmt: skip


def _row(task: Task, runs: Sequence[Run], view: plots.View) -> tuple[list[Panel | None], int]:
    """The maps of one task, and how many stand side by side."""
    sample, found = runs[0].sample, [run.prediction(task.name) for run in runs]
    titles = [run.card.title for run in runs]
    if task.name not in sample.labels:
        return [plots.prediction_panel(one, title, view) for one, title in zip(found, titles, strict=True)], max(
            3, len(runs)
        )
    label, valid = sample.labels[task.name], valid_pixels(sample, task)
    errors = [difference(task, one.values, label, valid) for one in found]
    limit = plots.error_limit(*errors)
    predicted = [
        plots.prediction_panel(one, title, view, note=_scored(run, task))
        for one, title, run in zip(found, titles, runs, strict=True)
    ]
    wrong = [
        plots.error_panel(error, limit, view, f"Error of {title}") for error, title in zip(errors, titles, strict=True)
    ]
    gap: list[Panel | None] = [None] if len(runs) > 1 else []
    return [plots.truth_panel(task, label, valid, view), *predicted, *gap, *wrong], max(3, 1 + len(runs))


def _scored(run: Run, task: Task) -> str:
    score = score_of(run, task.name)
    if not score.pixels:
        return "nothing here to score"
    return f"{metric_title(task)} {metric_text(task, score.headline)}, n = {score.pixels:,} px"


def score_of(run: Run, task: str) -> Score:
    """How good a prediction of a labelled image is, computed once."""
    return _score_of(run, task, run.provenance.stamp())


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=256, show_spinner=False)
def _score_of(_run: Run, task: str, stamp: str) -> Score:
    return image_score(_run.prediction(task), _run.sample)


def _pictures(runs: Sequence[Run], view: plots.View) -> bytes:
    files = {}
    for run in runs:
        for task in run.card.tasks:
            drawn = plots.picture(task, run.prediction(task.name).values, view.depth)
            files[f"{run.card.name}_{task.name}.png"] = png_bytes(drawn, run.provenance.stamp())
    return zip_bytes(files, [run.provenance for run in runs])


def _arrays(runs: Sequence[Run]) -> dict[str, np.ndarray]:
    arrays = {}
    for run in runs:
        for task in run.outputs:
            found = run.prediction(task)
            arrays[f"{run.card.name}_{task}"] = found.values
            if found.certainty is not None:
                arrays[f"{run.card.name}_{task}_certainty"] = found.certainty
    return arrays
