"""What the interaction did with one image, read once and then written as arrays, statistics and figures."""

from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import UInt8
from PIL import Image

from mtlviz.analysis.reading import Reading, read_token, whole_map
from mtlviz.analysis.routing import routing_statistics
from mtlviz.analysis.token_labels import token_classes
from mtlviz.cli.answers import json_text
from mtlviz.cli.figure_files import write_figures
from mtlviz.cli.inside_affinity import AffinityReading, affinity_figures, affinity_statistics, read_affinity
from mtlviz.cli.run_facts import save_arrays
from mtlviz.engine import Run
from mtlviz.errors import OptionError
from mtlviz.plots.attention import source_bars, source_matrix, weight_panels, weight_scale
from mtlviz.plots.maps import Geometry, board
from mtlviz.plots.routing import routing_figures
from mtlviz.plots.style import task_title
from mtlviz.trace import AffinityTrace, InteractionTrace, SlotTrace, TokenLayout

PICTURE_SIDE = 480


@dataclass(frozen=True)
class Inside:
    """The interaction of one run.

    Attributes:
        reading: of the token that is looked at, and of the whole map.
        geometry: of the image and its tokens.
        attention: what tokens read, as plain data; None where they read nothing with weights that are shares.
        routing: what the slots hold and who reads them, as plain data; None without slots.
        affinity: what each task takes to be alike, as plain data; None where tasks compare no places.
    """

    reading: Reading | AffinityReading
    geometry: Geometry
    attention: dict[str, Any] | None
    routing: dict[str, object] | None
    affinity: dict[str, Any] | None


def read_inside(run: Run, trace: InteractionTrace, task: str | None, row: int | None, column: int | None) -> Inside:
    """Everything that is written about a run.

    Args:
        run: of a model with an interaction.
        trace: of its interaction.
        task: of the token that is looked at; by default the first one.
        row: of that token; by default the middle of the image.
        column: of that token; by default the middle of the image.

    Raises:
        OptionError: if there is no such token, or it covers only padding.
    """
    geometry = Geometry.of(run.letterbox, trace.layout.grid)
    token = _token(trace.layout, geometry, task, row, column)
    if isinstance(trace, AffinityTrace):
        found = read_affinity(trace, token)
        return Inside(found, geometry, None, None, affinity_statistics(found))
    labels = None
    if "semseg" in run.sample.labels:
        stride = run.card.input_size[0] // trace.layout.grid[0]
        labels = token_classes(run.sample.labels["semseg"], run.letterbox.box, trace.layout.grid, stride)
    reading = read_token(trace, token, whole_map(trace, labels), labels)
    routing = routing_statistics(trace) if isinstance(trace, SlotTrace) else None
    return Inside(reading, geometry, _attention_statistics(reading), routing, None)


def write_inside(run: Run, inside: Inside, folder: Path) -> list[str]:
    """Write trace, statistics and figures; returns the names of the files."""
    stamp = run.provenance.stamp()
    files = ["trace.npz"]
    save_arrays(folder / "trace.npz", _trace_arrays(run), run)
    for kind in ("attention", "routing", "affinity"):
        statistics = getattr(inside, kind)
        if statistics is not None:
            files.append(f"{kind}.json")
            text = json_text({**statistics, "stamp": stamp}, indent=1) + "\n"
            (folder / files[-1]).write_text(text, encoding="utf-8")
    title = f"{run.card.title}: inside of {run.sample.name}"
    return [*files, *write_figures(_figures(run, inside), folder, title, stamp)]


def _token(layout: TokenLayout, geometry: Geometry, task: str | None, row: int | None, column: int | None) -> int:
    if task is not None and task not in layout.tasks:
        raise OptionError(f"--task {task!r} is not a task of this model; choose one of {', '.join(layout.tasks)}.")
    seen_rows, seen_columns = (np.flatnonzero(geometry.visible.any(axis)) for axis in (1, 0))
    middle = geometry.clip(layout.grid[0] // 2, layout.grid[1] // 2)
    place = [middle[axis] if given is None else given for axis, given in enumerate((row, column))]
    for name, index, seen in (("row", place[0], seen_rows), ("column", place[1], seen_columns)):
        if not seen[0] <= index <= seen[-1]:
            raise OptionError(f"--{name} {index} does not show the image; choose {seen[0]} to {seen[-1]}.")
    return layout.token(task or layout.tasks[0], place[0], place[1])


def _attention_statistics(reading: Reading) -> dict[str, Any]:
    """What one token and all tokens read, as plain data; tokens are named by task, row and column from 0."""
    layout = reading.trace.layout
    task, row, column = layout.place(reading.token)
    return {
        "tasks": list(layout.tasks),
        "grid": list(layout.grid),
        "tokens": int(layout.valid_tokens().sum()),
        "residual": float(reading.trace.residual),
        "token": {"task": task, "row": row, "column": column, "index": reading.token},
        "numbers": [
            {
                "name": one.title,
                "token": one.token,
                "image": one.whole,
                "unit": one.unit,
                "definition": one.definition,
            }
            for one in reading.quantities
        ],
        "token_reads_from": dict(zip(layout.tasks, reading.statistics.sources[0].tolist(), strict=True)),
        "tasks_read_from": {
            reader: dict(zip(layout.tasks, shares, strict=True))
            for reader, shares in zip(layout.tasks, reading.whole.sources.tolist(), strict=True)
        },
    }


def _trace_arrays(run: Run) -> dict[str, np.ndarray]:
    """What the trace recorded by field name, the features around the interaction, and the token layout."""
    interaction, features = run.trace.interaction, run.trace.features
    if interaction is None:
        raise ValueError("the run has no trace of an interaction")
    layout = interaction.layout
    arrays = _fields(interaction)
    if features is not None:
        arrays |= {
            "features_before": np.asarray(features.before),
            "features_after": np.asarray(features.after),
        }
    return {
        **arrays,
        "tasks": np.array(layout.tasks),
        "grid": np.array(layout.grid),
        "valid_tokens": layout.valid_tokens(),
    }


def _fields(record: object, prefix: str = "") -> dict[str, np.ndarray]:
    """What a record holds as arrays, a record within it as ``FIELD_NAME``; what was not recorded is left out."""
    arrays: dict[str, np.ndarray] = {}
    for field in fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if is_dataclass(value) and field.name != "layout":
            arrays |= _fields(value, f"{prefix}{field.name}_")
        elif value is not None and field.name != "layout":
            arrays[f"{prefix}{field.name}"] = np.asarray(value)
    return arrays


def _small(image: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """The image as it lies under the maps: a figure holds it once a task and has a budget of 3 MB."""
    shrink = PICTURE_SIDE / max(image.shape[:2])
    if shrink >= 1:
        return image
    height, width = (max(1, round(side * shrink)) for side in image.shape[:2])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def _figures(run: Run, inside: Inside) -> dict[str, go.Figure]:
    reading, geometry, image = inside.reading, inside.geometry, _small(run.sample.image)
    if isinstance(reading, AffinityReading):
        return affinity_figures(reading, geometry, image)
    trace, layout = reading.trace, reading.trace.layout
    task, row, column = layout.place(reading.token)
    scale = weight_scale([reading.row], logarithmic=True)
    panels = weight_panels(reading.row, reading.readable, layout, scale, model=run.card.title, reading_task=task)
    bars = [
        (f"{task_title(task)} token ({row}, {column})", reading.statistics.sources[0]),
        ("all tokens", reading.whole.rows.sources.mean(0)),
    ]
    figures = {
        "attention": board(panels, geometry, image=image, picked=(row, column), columns=2),
        "sources": source_bars(bars, layout.tasks),
        "tasks": source_matrix(reading.whole.sources, layout.tasks, run.card.title),
    }
    if isinstance(trace, SlotTrace):
        return {**routing_figures(trace, geometry, image, token=reading.token), **figures}
    return figures
