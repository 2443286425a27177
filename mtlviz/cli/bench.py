"""``bench``: what it costs, measured on this machine."""

import sys
from typing import Annotated

import typer

from mtlviz.cli.answers import AsJson, answer
from mtlviz.cli.options import OneFolder, one_folder

Only = Annotated[list[str] | None, typer.Option("--only", metavar="KEY", help="A figure or a part; may be repeated.")]


def bench(only: Only = None, folder: OneFolder = None, as_json: AsJson = False) -> None:
    """Measure time and memory beside their bars: tracing, KEM beside attention, rendering, the app.

    Example:
        python -m mtlviz bench --only traced_over_bare
    """
    from mtlviz.bench import as_json as as_plain
    from mtlviz.bench import run, table

    place = one_folder(folder) if folder else None
    measured = run(only or None, lambda sentence: print(sentence, file=sys.stderr), checkpoints=place)
    answer({"command": "bench", **as_plain(measured)}, as_json, table(measured))
