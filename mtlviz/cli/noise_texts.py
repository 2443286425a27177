"""The result of ``noise`` as a person reads it: experiments, maps and the curve over tokens, by model."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from mtlviz.cli.answers import table
from mtlviz.cli.stability_texts import interval_text

Values = Mapping[str, Any]


def noise_texts(found: Values) -> list[RenderableType]:
    """Tables of a result, and what its numbers are.

    Args:
        found: as ``noise_summary`` gives it, with ``data``.
    """
    models, differences = found["models"], found["differences"]
    names = [model["name"] for model in models]
    texts: list[RenderableType] = [
        f"{' and '.join(names)} on {found['data']}, n = {found['images']} images, seed {found['seed']}: mean over "
        "images with its 95 % bootstrap interval. Effects are those on the tasks that were not disturbed.",
        *_tables(found, names, models),
    ]
    if differences:
        texts += ["", f"Less {names[0]}, image by image:"]
        texts += _tables(found, [gap["model"] for gap in differences], differences)
    for key, part, title in (("curve", "fraction", "share of the places"), ("task_curve", "tasks", "tasks read")):
        curve = _curve_rows(models, key, part)
        if curve:
            texts += ["", table((f"noise mass by {title}", title, *_CURVE), curve)]
    return [*texts, "", *_left_out(models), found["protocol"]]


def _tables(found: Values, names: Sequence[str], every: Sequence[Values]) -> Iterator[RenderableType]:
    """One table a measure of the experiments, one row an experiment; one of the maps, one row a measure."""
    for key, measure in found["measures"].items():
        if key == "dose" or key.startswith("features:"):
            continue  # in the file, and in what the mean over the tasks says
        rows = [
            [about["title"], *(interval_text(one["doses"].get(group, {}).get(key)) for one in every)]
            for group, about in found["experiments"].items()
        ]
        yield from _filled(_title(measure), names, rows)
    rows = [
        [_title(measure), *(interval_text(one["maps"].get(key)) for one in every)]
        for key, measure in found["measures"].items()
    ]
    yield from _filled("map of weights", names, rows)


def _filled(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[RenderableType]:
    """The table of the rows that say something, after an empty line; nothing if none does."""
    kept = [row for row in rows if any(row[1:])]
    if kept:
        yield from ("", table((title, *names), kept))


_CURVE = ("candidates", "noise", "chance", "floor", "outside", "outside_floor")
"""Numbers of a point of a curve."""


def _curve_rows(models: Sequence[Values], curve: str, part: str) -> list[list[object]]:
    return [
        [model["name"], point[part], *(point.get(key, {}).get("mean") for key in _CURVE)]
        for model in models
        for point in model.get(curve, ())
    ]


def _left_out(models: Sequence[Values]) -> list[str]:
    said = [
        f"{model['name']} cannot take the experiments {', '.join(model['left_out'])}: its interaction lacks the edit."
        for model in models
        if model["left_out"]
    ]
    said += [f"{model['name']}: {model['maps_note']}" for model in models if model.get("maps_note")]
    return [*said, ""] if said else []


def _title(measure: Values) -> str:
    return f"{measure['title']} ({measure['unit']})" if measure["unit"] else str(measure["title"])
