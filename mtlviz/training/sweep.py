"""A sweep: every trial of a grid is trained and scored as ``train`` does it, in a folder of its own.

A trial that was stopped goes on from its last state. Several processes, on one machine or on several that share the
folder, may work on one sweep at once; they never take the same trial.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mtlviz.errors import TrainingError
from mtlviz.files import write_whole
from mtlviz.training.evaluate import evaluate_training
from mtlviz.training.loop import pinned, train
from mtlviz.training.state import METRICS, WEIGHTS, claim
from mtlviz.training.sweep_grid import Sweep, Trial, read_sweep
from mtlviz.training.sweep_queue import SweepQueue
from mtlviz.training.sweep_record import ERROR

__all__ = ["Sweep", "Trial", "read_sweep", "run_sweep", "run_trial"]


def run_sweep(
    sweep: Sweep, out: Path, *, retry: bool = False, told: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Train and score trials until none is left that no process has taken.

    Args:
        sweep: the trials.
        out: folder of the sweep: one folder a trial, ``sweep.json`` and ``study.journal``.
        retry: take trials that failed once more.
        told: called with a sentence when a trial begins or fails.

    Returns:
        What ``sweep.json`` holds, see ``mtlviz.training.sweep_record``.

    Raises:
        OptionError: if Optuna is not installed or ``out`` holds another sweep.
        DataError: if data are missing.
    """
    queue = SweepQueue(sweep, out, retry)
    check_folders(sweep, out)
    record = queue.publish()
    while (taken := queue.take()) is not None:
        with taken.lock:
            trial = taken.trial
            if told:
                told(f"Trial {sweep.trials.index(trial) + 1} of {len(sweep.trials)}: {trial.name}")
            error = run_trial(trial, out / trial.name)
            if told and error:
                told(f"{trial.name} failed: {error}")
            queue.tell(taken, error)
        record = queue.publish()
    return record


def check_folders(sweep: Sweep, out: Path) -> None:
    """Refuse a folder whose trials were trained with other configurations.

    Raises:
        OptionError: naming the trial's folder.
    """
    for trial in sweep.trials:
        if (out / trial.name / WEIGHTS).exists():
            claim(out / trial.name, pinned(trial.config), resume=True)


def run_trial(trial: Trial, folder: Path) -> str:
    """Train and score; a sentence if the training failed, which is kept in ``error.json``, else empty."""
    try:
        scores = evaluate_training(trial.config, train(trial.config, folder))
    except (TrainingError, torch.OutOfMemoryError) as error:
        known = isinstance(error, TrainingError)
        sentence = str(error) if known else "The device has too little memory for this trial; use a larger accumulate."
        write_whole(folder / ERROR, json.dumps({"error": sentence}) + "\n")
        return sentence
    write_whole(folder / METRICS, json.dumps(scores, indent=1) + "\n")
    return ""
