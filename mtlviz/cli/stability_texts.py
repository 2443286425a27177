"""The result of ``stability`` as a person reads it: one table of every measure by change and model."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from mtlviz.cli.answers import table

Values = Mapping[str, Any]


def stability_texts(found: Values) -> list[RenderableType]:
    """Tables of a result, and what its numbers are.

    Args:
        found: as ``stability_summary`` gives it, with ``data`` and by model ``scores``.
    """
    models, differences = found["models"], found["differences"]
    names = [model["name"] for model in models]
    gaps = [f"{gap['model']} − {gap['minus']}" for gap in differences]
    stability = [model["stability"] for model in models], [gap["stability"] for gap in differences]
    clean = [model["clean"] for model in models], [gap["clean"] for gap in differences]
    texts: list[RenderableType] = [
        f"{' and '.join(names)} on {found['data']}, n = {found['images']} images, seed {found['seed']}: mean over "
        "images with its 95 % bootstrap interval; differences image by image.",
        "",
        table(("measure", "change", *names, *gaps), _paired_rows(found, *stability), text=(0, 1)),
        "",
        table(("the image as it is", *names, *gaps), _clean_rows(found, *clean)),
    ]
    if any("scores" in model for model in models):
        texts += ["", table(("whole set", "constant", *names), _score_rows(models))]
    if any(model["classes"] for model in models):
        columns = [part for name in names for part in (f"picks, {name}", f"picked in, {name}")]
        texts += ["", table(("class", "tokens", "present in", *columns), _class_rows(models))]
    tasks = [(task, *(model["tasks"].get(task) for model in models)) for task in models[0]["tasks"]]
    return [*texts, "", table(("picks by task", *names), tasks), "", found["protocol"]]


def interval_text(interval: Values | None) -> str:
    """``0.612 [0.598, 0.627]``; the mean alone for a single image, nothing where there is none."""
    if not interval or interval["mean"] is None:
        return ""
    mean, low, high = (
        None if interval[key] is None else f"{round(interval[key], 3) + 0.0:.3f}" for key in ("mean", "low", "high")
    )
    return f"{mean}" + ("" if low is None or high is None else f" [{low}, {high}]")


def _paired_rows(found: Values, models: Sequence[Values], gaps: Sequence[Values]) -> list[list[str]]:
    rows = []
    for key, measure in found["measures"].items():
        title = f"{measure['title']}{_unit(measure)}"
        for change, about in found["perturbations"].items():
            cells = [interval_text(one.get(change, {}).get(key)) for one in (*models, *gaps)]
            if any(cells):
                rows.append([title, about["title"], *cells])
                title = ""
    return rows


def _clean_rows(found: Values, models: Sequence[Values], gaps: Sequence[Values]) -> list[list[str]]:
    return [
        [f"{measure['title']}{_unit(measure)}", *(interval_text(one.get(key)) for one in (*models, *gaps))]
        for key, measure in found["measures"].items()
        if any(key in one for one in models)
    ]


def _score_rows(models: Sequence[Values]) -> list[list[object]]:
    rows: list[list[object]] = []
    for name, task in models[0].get("scores", {}).items():
        metric = task["headline"]
        values = [model.get("scores", {}).get(name, {}).get("metrics", {}).get(metric) for model in models]
        rows.append([f"{name}: {metric}", task["constant"].get(metric), *values])
    return rows


def _class_rows(models: Sequence[Values]) -> list[list[object]]:
    """One row a class of the first model that knows classes; others are matched by name."""
    by_name = [{one["name"]: one for one in model["classes"]} for model in models]
    first = next(classes for classes in by_name if classes)
    rows: list[list[object]] = []
    for name, about in first.items():
        parts = [classes.get(name, {}) for classes in by_name]
        cells = [cell for one in parts for cell in (one.get("pick_share"), one.get("picked"))]
        rows.append([name, about["token_share"], about["present"], *cells])
    return rows


def _unit(measure: Values) -> str:
    return f" ({measure['unit']})" if measure["unit"] else ""
