"""The grid of slots and picks, or of any two fields that a sweep has varied, as a heat map."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.errors import DataError
from mtlviz.metrics.delta_m import LOWER_IS_BETTER
from mtlviz.plots.style import task_title
from mtlviz.plots.sweep import SEED, further_fields, heat_map
from mtlviz.plots.systems import metric_label
from mtlviz.ui import linked, panels
from mtlviz.ui.results.page import Trained
from mtlviz.ui.stored_results import stored

KIND = "sweep"
NEEDED = ("fields", "labels", "tasks", "trials", "cells", "counts")


def draw(row: DeltaGenerator) -> None:
    """The stored sweep, or what makes one."""
    found = stored(KIND, _read)
    if not found:
        panels.empty(
            "**No sweep is stored yet,** so how many slots and picks KEM should have cannot be told here.",
            "`python -m mtlviz sweep configs/sweep-kem.yaml --out runs/sweep-kem` trains the grid; put its sweep.json "
            "into results/, no restart is needed.",
        )
        return
    sweep, x, y, task, fixed = _choose(found, row)
    try:
        figure = heat_map(sweep, x, y, task, fixed=fixed)
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"This sweep cannot be drawn ({error}); make it again with the command.") from error
    st.markdown(_sentence(sweep, task))
    panels.figure(
        figure, "results_sweep", alt=f"{sweep['labels'][x]} by {sweep['labels'][y]}: {task_title(task)}",
        how_to_read=f"A cell is the mean over seeds of {_metric(sweep, task)} on {sweep.get('images') or 'no'} images "
        f"of {panels.plain(str(sweep.get('data', 'the held-out set')))}, below it the standard deviation over seeds "
        "where there are several; lighter is better. A hatched cell says why it has no number.",
        data=_table(sweep), provenance=_made(sweep),
    )  # fmt: skip


def _choose(found: list[dict[str, Any]], row: DeltaGenerator) -> tuple[dict[str, Any], str, str, str, dict[str, Any]]:
    """Sweep, fields from left to right and from top to bottom, task, and what the other fields are held at."""
    with row:
        names = [f"{number} · {one.get('title') or 'sweep'}" for number, one in enumerate(found, 1)]
        sweep = found[names.index(linked.select("Sweep", names, "results_sweep_of"))] if len(found) > 1 else found[0]
        task = linked.select("Metric of", list(sweep["tasks"]), "results_sweep_task")
        labels = {sweep["labels"][field]: field for field in sweep["fields"] if field != SEED}
        x, y, *_ = labels
        if len(labels) > 2:
            x = linked.select("Across", list(labels), "results_sweep_x", start=x)
            y = linked.select("Down", [label for label in labels if label != x], "results_sweep_y")
        fixed = {}
        for field, values in further_fields(sweep, (labels[x], labels[y])).items():
            texts = {str(value): value for value in values}
            label = sweep["labels"][field]
            fixed[field] = texts[linked.select(f"At {label}", list(texts), f"results_sweep_at_{label}")]
    return sweep, labels[x], labels[y], task, fixed


def _sentence(sweep: Mapping[str, Any], task: str) -> str:
    """How far the sweep has come, and its best cell."""
    counts = ", ".join(f"{count} {state}" for state, count in sweep["counts"].items())
    title = panels.plain(str(sweep.get("title") or "This sweep"))
    metric = sweep["tasks"][task]["metric"]
    scored = [(cell["scores"][task][metric], cell["values"]) for cell in sweep["cells"]
              if metric in cell["scores"].get(task, {})]  # fmt: skip
    if not scored:
        return f"**{title}**: {len(sweep['trials'])} trials ({counts}), none scored so far."
    lower = LOWER_IS_BETTER.get(metric, False)
    best, values = (min if lower else max)(scored, key=lambda one: one[0]["mean"])
    where = ", ".join(f"{sweep['labels'][field]} {said}" for field, said in values.items())
    return (
        f"**{title}**: {len(sweep['trials'])} trials ({counts}). Best {_metric(sweep, task)}: **{_spread(best)}** with "
        f"**{panels.plain(where)}**."
        + ("" if any(one["count"] > 1 for one, _ in scored) else
           " There is one seed a cell, so how far another would move it is not known: cells that differ little may be "
           "alike.")
    )  # fmt: skip


def _spread(score: Mapping[str, Any]) -> str:
    """Of a cell, with what it is over."""
    said = f"{score['mean']:.4g}"
    return said if score["std"] is None else f"{said} ± {score['std']:.2g} over {score['count']} seeds"


def _metric(sweep: Mapping[str, Any], task: str) -> str:
    one = sweep["tasks"][task]
    unit = f" ({one['unit']})" if one.get("unit") else ""
    return f"{task_title(task).lower()} {metric_label(one['metric'])}{unit}"


def _table(sweep: Mapping[str, Any]) -> pd.DataFrame:
    """One row a cell, task and metric."""
    return pd.DataFrame(
        [
            {**{sweep["labels"][field]: value for field, value in cell["values"].items()}, "task": task,
             "metric": metric, **score}
            for cell in sweep["cells"] for task, metrics in cell["scores"].items() for metric, score in metrics.items()
        ]
    )  # fmt: skip


def _made(sweep: Mapping[str, Any]) -> list[Trained]:
    """One stamp a trial that was trained."""
    return [
        Trained(
            model=str(trial["name"]), weights_sha256=str(trial.get("weights_sha256", "")), trained="sweep",
            image=f"{sweep.get('images')} images of {sweep.get('data')}", image_sha256="", input_size=(0, 0), device="",
            dtype="float32", seed=int(trial["values"].get(SEED, 0)), edit={},
            versions=dict(sweep.get("provenance", {}).get("versions", {})), setting=str(sweep.get("title", "")),
        )
        for trial in sweep["trials"] if trial["state"] == "finished"
    ]  # fmt: skip


def _read(content: Mapping[str, Any]) -> dict[str, Any]:
    """A sweep over at least two fields.

    Raises:
        DataError: if it is not one.
    """
    missing = [name for name in NEEDED if not isinstance(content.get(name), Mapping | list)]
    if missing or len([field for field in content["fields"] if field != SEED]) < 2:
        raise DataError("This is no sweep over two fields; make it again with the command.")
    return dict(content)
