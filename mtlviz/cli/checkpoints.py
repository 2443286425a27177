"""``checkpoints``: list and verify."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mtlviz.cli.answers import AsJson, answer, table
from mtlviz.cli.boundary import BAD_INPUT
from mtlviz.cli.options import Checkpoints, checkpoint_folder
from mtlviz.cli.scores import headlines
from mtlviz.tasks import TASKS

if TYPE_CHECKING:
    from mtlviz.checkpoints import Folders, ModelCard, Verification

COLUMNS = ("name", "trained on", "MB", "parameters")


def checkpoints(folder: Checkpoints = None, as_json: AsJson = False) -> None:
    """List the checkpoints and verify their files; exit code 2 if one is not what the manifest says.

    Example:
        python -m mtlviz checkpoints
    """
    from mtlviz.checkpoints import verify

    place = checkpoint_folder(folder)
    records = [_record(found, place) for found in verify(place)]
    broken = [record["name"] for record in records if record["problem"]]
    tasks = [task for task in TASKS if any(task in record.get("tasks", ()) for record in records)]
    columns = (*COLUMNS, *(f"{task}\n{TASKS[task].metric}" for task in tasks), "state")
    text = table(columns, [_row(record, tasks) for record in records], text=(0, 1, len(columns) - 1))
    where = place if isinstance(place, Path) else ", ".join(map(str, place))
    verdict = f"{len(broken)} of {len(records)} have a problem." if broken else f"All are what {where} lists."
    found = {"command": "checkpoints", "folder": place, "ok": not broken, "checkpoints": records}
    answer(found, as_json, text, verdict)
    if broken:
        raise typer.Exit(BAD_INPUT)


def _record(found: "Verification", folder: "Folders") -> dict[str, Any]:
    from mtlviz.checkpoints import read_card
    from mtlviz.errors import MtlvizError

    record: dict[str, Any] = {
        "name": found.name, "part": found.part, "megabytes": found.megabytes, "problem": found.problem,
    }  # fmt: skip
    try:
        card = read_card(found.name, folder)
    except MtlvizError:
        return record
    return {**record, **_facts(card)}


def _facts(card: "ModelCard") -> dict[str, Any]:
    return {
        "title": card.title,
        "trained": card.trained,
        "tasks": [task.name for task in card.tasks],
        "interaction": card.architecture.interaction,
        "parameters": card.parameters.get("total"),
        "headlines": headlines(card.metrics),
        "licence": card.licence,
        "provenance": card.provenance,
        "weights_sha256": card.weights_sha256,
    }


def _row(record: dict[str, Any], tasks: list[str]) -> tuple[object, ...]:
    """One line: by task its headline metric, a dot where the card has none, nothing where it is not predicted."""
    scores = record.get("headlines", {})
    return (
        record["name"] if record["part"] == "network" else f"{record['name']} ({record['part']})",
        record.get("trained"),
        f"{record['megabytes']:.2f}",
        None if record.get("parameters") is None else f"{record['parameters']:,}",
        *(scores.get(task, "·") if task in record.get("tasks", ()) else None for task in tasks),
        record["problem"] or "ok",
    )
