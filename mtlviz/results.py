"""Results of analyses over many images: JSON files that commands write and pages show."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtlviz.errors import DataError
from mtlviz.files import write_whole

FOLDER = Path(os.environ.get("MTLVIZ_RESULTS") or Path(__file__).resolve().parent.parent / "results")
"""Where the results of the shipped checkpoints lie."""


def write_result(path: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Write a result whole or not at all.

    Args:
        path: JSON file; its folder is made.
        kind: of the analysis, e.g. ``"collapse"``; readers ask for it.
        content: plain values; says which weights, images and versions made it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"kind": kind, **content}, indent=1, allow_nan=False)
    write_whole(path, text + "\n")


def read_result(path: Path, kind: str) -> dict[str, Any]:
    """A result of one kind.

    Raises:
        DataError: if the file is missing, damaged or of another kind.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} is not a readable result; make it again.") from error
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise DataError(f"{path.name} does not hold a result of kind {kind!r}; give a file that the command wrote.")
    return content


def find_results(kind: str, folder: Path | None = None) -> list[dict[str, Any]]:
    """All readable results of one kind in a folder, by file name."""
    found = []
    for path in sorted((FOLDER if folder is None else folder).glob("*.json")):
        try:
            found.append(read_result(path, kind))
        except DataError:
            continue
    return found
