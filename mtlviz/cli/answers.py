"""What a command says: text for a person, or one JSON object on the last line of standard output."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console, RenderableType
from rich.table import Table

AsJson = Annotated[
    bool,
    typer.Option("--json", help="End standard output with one JSON object; text goes to standard error."),
]

FILE_WIDTH = 160
"""Columns of a table where no terminal says how wide it is."""


def answer(values: Mapping[str, Any], as_json: bool, *texts: RenderableType) -> None:
    """End a command.

    Args:
        values: everything it found, for JSON.
        as_json: print ``values``, and the texts on standard error.
        texts: sentences and tables for a person.
    """
    console = Console(stderr=as_json, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    for text in texts:
        console.print(text, soft_wrap=isinstance(text, str))
    if as_json:
        sys.stdout.write(json_text(values, ascii_only=True) + "\n")  # the same whatever the stream's encoding
        sys.stdout.flush()


def json_text(values: Mapping[str, Any], indent: int | None = None, *, ascii_only: bool = False) -> str:
    """Strict JSON: arrays become lists, paths strings, and what is not a finite number null."""
    return json.dumps(plain(values), indent=indent, allow_nan=False, ensure_ascii=ascii_only)


def plain(value: Any) -> Any:  # noqa: ANN401
    """``value`` in the types that JSON knows."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], text: Sequence[int] = (0,)) -> Table:
    """A table for a person.

    Args:
        columns: headings.
        rows: cells; see ``number``.
        text: positions of the columns that hold words; the others hold numbers.
    """
    made = Table(box=None, pad_edge=False, header_style="bold")
    for position, column in enumerate(columns):
        words = position in text
        made.add_column(column, justify="left" if words else "right", no_wrap=not words, overflow="fold")
    for row in rows:
        made.add_row(*(number(cell) for cell in row))
    return made


def number(cell: object) -> str:
    """A cell as text: numbers with four significant digits, nothing for None and NaN."""
    if cell is None or cell != cell:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
