"""``python -m mtlviz``: what the app shows, training and evaluation, from the command line.

Torch is imported by the commands that need it and not before, so that ``--help`` is there at once.
"""

from collections.abc import Sequence

import typer

from mtlviz.cli.attribution import attribution
from mtlviz.cli.bench import bench
from mtlviz.cli.boundary import OneSentence
from mtlviz.cli.check import check
from mtlviz.cli.checkpoints import checkpoints
from mtlviz.cli.collapse import collapse
from mtlviz.cli.comparison import comparison
from mtlviz.cli.evaluate import evaluate
from mtlviz.cli.export import export
from mtlviz.cli.faithfulness import faithfulness
from mtlviz.cli.hub import hub
from mtlviz.cli.import_checkpoint import import_checkpoint
from mtlviz.cli.inspect import inspect
from mtlviz.cli.noise import noise
from mtlviz.cli.predict import predict
from mtlviz.cli.results import results
from mtlviz.cli.rooms import rooms
from mtlviz.cli.stability import stability
from mtlviz.cli.study import study
from mtlviz.cli.sweep import sweep
from mtlviz.cli.train import train
from mtlviz.cli.validate_dataset import validate_dataset

app = typer.Typer(
    cls=OneSentence,
    add_completion=False,
    rich_markup_mode="markdown",
    help="The inside of multi-task networks: predictions, slot routing, attention, training.",
)
for _command in (
    predict, inspect, checkpoints, train, study, sweep, comparison, results, evaluate, rooms, validate_dataset,
    collapse, stability, noise, faithfulness, attribution, export, check, import_checkpoint, bench,
):  # fmt: skip
    app.command()(_command)
app.add_typer(hub, name="hub")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad input, 130 after Ctrl-C."""
    try:
        typer.main.get_command(app).main(arguments, "python -m mtlviz")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    return 0
