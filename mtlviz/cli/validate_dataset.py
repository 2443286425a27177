"""``validate-dataset``: what a data set on disk is, and every file of it that is missing or odd."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mtlviz.cli.answers import AsJson, answer, table
from mtlviz.cli.boundary import BAD_INPUT
from mtlviz.cli.progress import bar

if TYPE_CHECKING:
    from mtlviz.data.sets.validation import Report, SplitReport

DataPath = Annotated[Path, typer.Argument(metavar="PATH", help="Folder of a data set, or the YAML of your own.")]
Limit = Annotated[int, typer.Option(min=1, help="Most files listed of each split; all are counted.")]


def validate_dataset(path: DataPath, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Name a data set's form and list what is missing or odd; exit code 2 if a file cannot be used.

    Example:
        python -m mtlviz validate-dataset data/NYUD_MT
    """
    from mtlviz.data.sets.validation import validate

    with bar("Reading files") as progress:
        report = validate(path, progress)
    answer(_found(report, limit), as_json, *_texts(report, limit))
    if not report.ok:
        raise typer.Exit(BAD_INPUT)


def _found(report: "Report", limit: int) -> dict[str, Any]:
    return {
        "command": "validate-dataset",
        "path": report.path,
        "ok": report.ok,
        "variant": report.variant,
        "title": report.title,
        "tasks": report.tasks,
        "splits": {split.split: _split(split, limit) for split in report.splits},
        "notes": report.notes,
    }


def _split(split: "SplitReport", limit: int) -> dict[str, Any]:
    return {
        "samples": split.samples,
        "unusable": split.serious,
        "odd": len(split.findings) - split.serious,
        "problem": split.problem,
        "findings": [finding._asdict() for finding in split.findings[:limit]],
        "left_out": max(0, len(split.findings) - limit),
    }


def _texts(report: "Report", limit: int) -> list[Any]:
    tasks = ", ".join(report.tasks) or "no labels"
    rows = [(one.split, one.samples, one.serious, len(one.findings) - one.serious) for one in report.splits]
    texts: list[Any] = [
        f"{report.path}: {report.variant or 'no split of it can be opened'}; {tasks}.",
        table(("split", "samples", "missing or unusable", "odd"), rows),
        *report.notes,
    ]
    for one in report.splits:
        texts += [f"{one.split}: {one.problem}"] if one.problem else []
        texts += [f"{one.split}: {file} {says}." for file, says, _ in one.findings[:limit]]
        if len(one.findings) > limit:
            texts.append(f"{one.split}: {len(one.findings) - limit} more; --limit lists them.")
    return [*texts, "Every sample can be used." if report.ok else "Some files are missing or cannot be used."]
