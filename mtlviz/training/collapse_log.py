"""Collapse statistics while a training runs: one line of ``collapse.jsonl`` every so many images."""

from pathlib import Path

from mtlviz.analysis.collapse.record import WEIGHTINGS, LogEntry, LogStatistics, Protocol, log_line
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.training.collapse_pass import CollapseFound, Normalisation, collapse_statistics
from mtlviz.training.config import TrainConfig
from mtlviz.training.progress import cut_log
from mtlviz.training.sources import checked_held_out, network_sized
from mtlviz.training.state import COLLAPSE_LOG

PROTOCOL = Protocol(resamples=0)
"""Lines hold no bands, so nothing is drawn again."""


class CollapseLog:
    """Writes the log of a training, or nothing where its configuration asks for none.

    Args:
        out: folder of the training; lines from step ``start`` on, left by a killed run, are removed.
        config: the training.
        start: steps that were taken before.
        shown: False on all processes but one, which then write nothing.

    Raises:
        DataError: if the held-out images are missing or too few.
    """

    def __init__(self, out: Path, config: TrainConfig, start: int, shown: bool = True) -> None:
        self.path, self.config = out / COLLAPSE_LOG, config
        self.shown = shown and config.collapse_every is not None
        if self.shown:
            self.samples = network_sized(checked_held_out(config, config.collapse_rooms), config)
            cut_log(self.path, start)

    def advance(self, steps: int, network: MultiTaskNetwork) -> None:
        """Look at the network if a line is due; its weights and all random numbers stay what they are.

        Args:
            steps: taken so far; a line is due at 0, every ``collapse_every`` images and at the end.
            network: that is trained.
        """
        every = max(1, (self.config.collapse_every or 1) // self.config.batch)
        if not self.shown or (steps % every and steps != self.config.steps):
            return
        config = self.config
        norm = Normalisation(config.mean, config.std)
        found = collapse_statistics(network, self.samples, config.task_list(), norm=norm, protocol=PROTOCOL)
        entry = LogEntry(steps, steps * config.batch, len(self.samples), log_statistics(found))
        with self.path.open("a", encoding="utf-8") as log:
            log.write(log_line(entry) + "\n")


def log_statistics(found: CollapseFound) -> LogStatistics:
    """The numbers alone: by task, place, key and weighting."""
    statistics: dict[str, dict[str, dict[str, dict[str, float | None]]]] = {}
    for name, task in found.classes.items():
        statistics[name] = {
            place: {key: {one: both.of(one).value for one in WEIGHTINGS} for key, both in part.statistics.items()}
            for place, part in task.places.items()
        }
    for name, regression in found.regression.items():
        statistics[name] = {
            place: {key: {"pixel": one.value} for key, one in part.statistics.items()}
            for place, part in regression.places.items()
        }
    return statistics
