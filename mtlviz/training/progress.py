"""What a training tells while it runs: a bar on a terminal, else plain lines, and always ``log.jsonl``."""

import json
import math
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor

from mtlviz.errors import OptionError
from mtlviz.files import write_whole
from mtlviz.training.config import TrainConfig
from mtlviz.training.state import LOG

TENSORBOARD = "tensorboard"
"""Folder for TensorBoard, in that of a training."""


class Progress:
    """Context manager that averages the losses between two lines of the log.

    Args:
        out: folder of the training; lines of its log from ``start`` on, left by a killed run, are removed.
        config: the training.
        start: first step.
        shown: False on all processes but one, which then write nothing.
    """

    def __init__(self, out: Path, config: TrainConfig, start: int, shown: bool = True) -> None:
        self.path = out / LOG
        self.config = config
        self.start = start
        self.shown = shown
        self._sums: dict[str, Tensor] = {}
        self._steps = 0
        self._since = time.perf_counter()
        self._board = tensorboard(out / TENSORBOARD, start) if shown and config.tensorboard else None
        terminal = shown and sys.stderr.isatty()
        self._bar = _bar() if terminal else None
        self._row = self._bar.add_task("", total=config.steps * config.batch) if self._bar else None

    def __enter__(self) -> "Progress":
        if self.shown:
            cut_log(self.path, self.start)
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        if self._board:
            self._board.close()

    def advance(self, step: int, losses: dict[str, Tensor], norm: Tensor | None, rate: float) -> None:
        """Count one step; losses are looked at only when a line is due, so that devices need not wait."""
        if not self.shown:
            return
        for name, value in (losses if norm is None else {**losses, "gradient": norm}).items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value.clone()
        self._steps += 1
        if self._bar and self._row is not None:
            self._bar.update(self._row, completed=(step + 1) * self.config.batch)
        if (step + 1) % self.config.log_every == 0 or step + 1 == self.config.steps:
            self._line(step, rate)

    def _line(self, step: int, rate: float) -> None:
        now = time.perf_counter()
        means = {name: round(float(total) / self._steps, 5) for name, total in self._sums.items()}
        speed = self._steps * self.config.batch / (now - self._since)
        finite = {name: value if math.isfinite(value) else None for name, value in means.items()}
        entry = {"step": step + 1, "images": (step + 1) * self.config.batch, "rate": rate, **finite}
        with self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps({**entry, "images_per_second": round(speed, 1)}) + "\n")
        if self._board:
            for name, value in {"rate": rate, **means}.items():
                self._board.add_scalar(name, value, entry["images"])
        text = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
        if self._bar and self._row is not None:
            self._bar.update(self._row, description=text)
        else:
            done = f"{entry['images']}/{self.config.steps * self.config.batch}"
            sys.stderr.write(f"{done} images  {text}  {speed:.0f} images/s\n")
        self._sums, self._steps, self._since = {}, 0, now


def tensorboard(folder: Path, start: int) -> Any:  # noqa: ANN401 - the library is optional
    """A writer that drops what a killed run said about steps from ``start`` on.

    Raises:
        OptionError: if TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise OptionError(
            "tensorboard: true needs TensorBoard, which is not installed; run pip install tensorboard, or leave it "
            "out: log.jsonl says the same."
        ) from error
    return SummaryWriter(str(folder), purge_step=start)


def _bar() -> Bar:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    return Bar(*columns, console=Console(stderr=True))


def cut_log(path: Path, steps: int) -> None:
    """Drop what the log says about steps that are taken again."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    kept = [line for line in lines if _step(line) <= steps]
    write_whole(path, "".join(line + "\n" for line in kept))


def _step(line: str) -> float:
    """Step of a line of the log; infinite for one that a killed run left unfinished."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
