"""``results``: the stored comparison of all systems, as a table."""

from pathlib import Path
from typing import Annotated

import typer

from mtlviz.cli.answers import AsJson, answer
from mtlviz.cli.systems_texts import tables, texts
from mtlviz.errors import DataError

ResultFile = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="What comparison wrote; by default the stored result.")
]


def results(file: ResultFile = None, as_json: AsJson = False) -> None:
    """Print the comparison of all systems: scores, gain over each task alone, with the interaction off, and cost.

    Example:
        python -m mtlviz results --json
    """
    from mtlviz.analysis.system_record import KIND
    from mtlviz.analysis.systems import read_comparison
    from mtlviz.results import find_results, read_result

    found = [read_result(file, KIND)] if file is not None else find_results(KIND)
    if not found:
        raise DataError(
            "No comparison is stored; make one: python -m mtlviz comparison configs/comparison.yaml --out "
            "runs/comparison, and name its comparison.json."
        )
    comparison = read_comparison(found[0])
    answer({**found[0], "command": "results", "made_by": comparison.command, "tables": tables(comparison)}, as_json,
           *texts(comparison))  # fmt: skip
