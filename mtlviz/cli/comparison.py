"""``comparison``: train and score all systems alike."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mtlviz.cli.answers import AsJson, answer
from mtlviz.cli.options import Out
from mtlviz.cli.outputs import check_folder
from mtlviz.cli.systems_texts import tables, texts

PlanFile = Annotated[Path, typer.Argument(metavar="FILE", help="What is compared, e.g. configs/comparison.yaml.")]


def comparison(plan: PlanFile, out: Out, as_json: AsJson = False) -> None:
    """Train every system in every regime and every task alone, score them all, and say what they cost.

    What has been trained before is kept, so that a stopped comparison goes on; ``comparison.json`` in the folder is
    written after every training.

    Example:
        python -m mtlviz comparison configs/comparison.yaml --out runs/comparison
    """
    check_folder(out)
    from dataclasses import asdict

    from mtlviz.bench.systems import system_costs
    from mtlviz.training.comparison import run_comparison

    def say(line: str) -> None:
        sys.stderr.write(line + "\n")

    found = run_comparison(plan, out, system_costs, say)
    answer({**asdict(found), "command": "comparison", "made_by": found.command, "tables": tables(found)}, as_json,
           *texts(found))  # fmt: skip
