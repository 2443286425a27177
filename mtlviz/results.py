"""Results of analyses over many images: JSON files that commands write and pages show."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from mtlviz.errors import DataError
from mtlviz.files import write_whole

Form = TypeVar("Form")

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


def read_form(form: type[Form], content: Mapping[str, Any], kind: str) -> Form:
    """What a result holds, as the type that pages work with.

    Args:
        form: that type.
        content: of the JSON.
        kind: of the analysis, which is also the command's name.

    Raises:
        DataError: naming the first value that does not fit.
    """
    try:
        return TypeAdapter(form).validate_python(dict(content))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"This is not a result of {kind!r} ({where}: {first['msg']}); make it again with the command."
        ) from error


def find_results(kind: str, folder: Path | None = None) -> list[dict[str, Any]]:
    """All readable results of one kind in a folder, by file name."""
    found = []
    for path in sorted((FOLDER if folder is None else folder).glob("*.json")):
        try:
            found.append(read_result(path, kind))
        except DataError:
            continue
    return found
