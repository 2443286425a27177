"""``sweep``: a grid over fields of a training's configuration, by as many processes as one likes."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from mtlviz.cli.answers import AsJson, answer, number, table
from mtlviz.cli.options import Out
from mtlviz.cli.outputs import check_folder

File = Annotated[Path, typer.Argument(metavar="SWEEP", help="YAML file, for example configs/sweep-kem.yaml.")]
Retry = Annotated[bool, typer.Option("--retry", help="Train trials that failed once more.")]


def sweep(file: File, out: Out, retry: Retry = False, as_json: AsJson = False) -> None:
    """Train every combination of the values of some fields, score it, and average over seeds.

    What has been trained is kept, so that a stopped sweep goes on. The same command may run several times at once, on
    one machine or on several that share the folder: each takes trials that no other has. DIR/sweep.json says after
    every trial what is known.

    Example:
        python -m mtlviz sweep configs/sweep-kem.yaml --out runs/sweep-kem
    """
    check_folder(out)
    from mtlviz.training.sweep import read_sweep, run_sweep

    found = run_sweep(read_sweep(file), out, retry=retry, told=lambda text: print(text, file=sys.stderr))
    answer({"command": "sweep", "out": out, **found}, as_json, *_texts(found, out))


def _texts(found: Mapping[str, Any], out: Path) -> list[RenderableType]:
    labels, tasks = found["labels"], found["tasks"]
    fields = [field for field in found["fields"] if any(field in cell["values"] for cell in found["cells"])]
    columns = [
        *(labels[field] for field in fields),
        "seeds",
        *(" ".join(part for part in (name, task["metric"], task["unit"]) if part) for name, task in tasks.items()),
    ]
    rows = [
        (
            *(_value(cell["values"][field]) for field in fields),
            len(cell["seeds"]) or 1,
            *(_spread(cell["scores"].get(name, {}).get(task["metric"])) for name, task in tasks.items()),
        )
        for cell in found["cells"]
    ]
    counts = ", ".join(f"{count} {state}" for state, count in found["counts"].items())
    texts: list[RenderableType] = [f"{len(found['trials'])} trials: {counts}."]
    if rows:
        texts += ["", table(columns, rows, text=()), "Means over seeds ± their sample standard deviation."]
    failed = [f"{one['name']} failed: {one['error']}" for one in found["trials"] if one["state"] == "failed"]
    if failed:
        texts += ["", *failed, "Add --retry to train what failed once more."]
    return [*texts, "", f"The result is {out / 'sweep.json'}."]


def _value(value: object) -> str:
    return "none" if value is None else str(value)


def _spread(score: Mapping[str, float | None] | None) -> str:
    if score is None:
        return ""
    return number(score["mean"]) + ("" if score["std"] is None else f" ± {score['std']:.2g}")
