"""``inspect``: what the interaction did with one image, as arrays, numbers and figures."""

from typing import Annotated, Any

import typer
from rich.console import RenderableType

from mtlviz.cli.answers import AsJson, answer, json_text, table
from mtlviz.cli.options import (
    CheckpointName,
    Checkpoints,
    Device,
    ImageName,
    Out,
    checkpoint_folder,
    open_image,
)
from mtlviz.cli.outputs import check_folder, written_together
from mtlviz.cli.run_facts import facts
from mtlviz.errors import OptionError

TaskName = Annotated[
    str | None, typer.Option("--task", help="Task of the token that is looked at; by default the first.")
]
Row = Annotated[
    int | None,
    typer.Option("--row", help="Its row on the token grid, from 0 at the top; by default the middle."),
]
Column = Annotated[int | None, typer.Option("--column", help="Its column, from 0 at the left; by default the middle.")]


def inspect(
    image: ImageName,
    out: Out,
    checkpoint: CheckpointName = "kem",
    task: TaskName = None,
    row: Row = None,
    column: Column = None,
    folder: Checkpoints = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Show how the tasks of a model share on one image: trace as NPZ, statistics as JSON, figures as HTML.

    KEM gives slot routing and what tokens read through the slots, cross-attention what they read directly, CTAL which
    places each task takes to be alike.

    Example:
        python -m mtlviz inspect room.jpg --checkpoint kem --out out/inside
    """
    check_folder(out)
    sample = open_image(image)
    from mtlviz.cli.inside import read_inside, write_inside
    from mtlviz.engine import load
    from mtlviz.trace import Capture

    run = load(checkpoint, folder=checkpoint_folder(folder), device=device).run(sample, capture=Capture(features=True))
    if run.trace.interaction is None:
        raise OptionError(
            f"In checkpoint {checkpoint!r} tasks share the encoder and then go their own ways: there is no "
            "interaction to inspect; choose one with an interaction, such as kem or cross_attention."
        )
    inside = read_inside(run, run.trace.interaction, task, row, column)
    found = {"command": "inspect", **facts(run), "attention": inside.attention, "routing": inside.routing,
             "affinity": inside.affinity}  # fmt: skip
    with written_together(out) as partial:
        found["files"] = [*write_inside(run, inside, partial), "inspect.json"]
        (partial / "inspect.json").write_text(json_text(found, indent=1) + "\n", encoding="utf-8")
    texts = (found["stamp"], "", *_tables(found), "", *found["notes"])
    answer(
        {**found, "folder": out},
        as_json,
        *texts,
        f"{len(found['files'])} files are in {out}; open index.html.",
    )


def _tables(found: dict[str, Any]) -> list[RenderableType]:
    """The numbers for a person."""
    attention, routing = found["attention"] or found["affinity"], found["routing"]
    token = "{task} token, row {row}, column {column}".format(**attention["token"])
    if found["affinity"] is not None:
        return _affinity_tables(attention, token)
    rows = [(one["name"], one["token"], one["image"]) for one in attention["numbers"]]
    tables: list[RenderableType] = [table(("what tokens read", token, "whole image"), rows)]
    if routing is not None:
        numbers = [(one["name"], one["value"]) for one in routing["numbers"].values()]
        tables = [table(("slot routing", "whole image"), numbers), "", *tables]
    return tables


def _affinity_tables(affinity: dict[str, Any], token: str) -> list[RenderableType]:
    rows = [(one["name"], one["token"], one["image"]) for one in affinity["numbers"]]
    agreement = [(name, *row.values()) for name, row in affinity["cka"].items()]
    return [
        table((f"affinity, gamma {affinity['gamma']:g}, n {affinity['positions']}", token, "whole image"), rows), "",
        table(("linear CKA", *affinity["tasks"]), agreement),
    ]  # fmt: skip
