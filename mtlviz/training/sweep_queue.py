"""Who trains which trial of a sweep: a study of Optuna that processes and machines share as one file.

Optuna rather than Ray, because a sweep needs no server and no cluster here: its journal storage is an append-only file
of JSON lines, safe on shared folders, without pickle, and with all that it needs Optuna has an eighth of Ray's size (39
of 315 MB). What every trial was, when it ran, on which machine, and its scores lie in that journal, which Optuna's own
tools read.

Trials are queued with their values and handed out from the queue. Optuna's ``GridSampler`` would do the same for one
process, but gives several the same point now and then, as its documentation says. A journal has no heartbeat, so a
trial counts as running while a process holds the lock of its folder, and as finished when the folder holds weights
and scores; a trial that the journal calls running, without either, is queued again and resumes from its last state.
"""

import os
import platform
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtlviz.errors import DataError, OptionError
from mtlviz.training.locks import FileLock
from mtlviz.training.sweep_grid import Sweep, Trial
from mtlviz.training.sweep_record import ERROR, State, headline_values, is_finished, trial_scores, write_record

if TYPE_CHECKING:
    import optuna

JOURNAL = "study.journal"
STUDY = "sweep"
"""File and name of the study."""
FOLDER_LOCK = "sweep.lock"
"""Held while trials are handed out and ``sweep.json`` is written."""
TRIAL_LOCK = "trial.lock"
"""In a trial's folder, held while it runs."""


@dataclass(frozen=True)
class Taken:
    """A trial that is this process's.

    Attributes:
        trial: to run.
        asked: the same in the study.
        lock: held; to be released when the end was told.
    """

    trial: Trial
    asked: "optuna.Trial"
    lock: FileLock


class SweepQueue:
    """The trials of a sweep that are left.

    Args:
        sweep: the trials.
        out: folder of the sweep.
        retry: queue trials that failed again.

    Raises:
        OptionError: if Optuna is not installed, or the study in ``out`` is about other tasks.
        DataError: if the study is damaged.
    """

    def __init__(self, sweep: Sweep, out: Path, retry: bool = False) -> None:
        self.sweep, self.out = sweep, out
        self._trials = {trial.name: trial for trial in sweep.trials}
        self._optuna = _optuna()
        self._states = self._optuna.trial.TrialState
        with self._locked():
            self._study = self._opened()
            for name in self._trials if retry else ():
                (out / name / ERROR).unlink(missing_ok=True)

    def take(self) -> Taken | None:
        """The next trial that is neither done nor taken; None if there is none."""
        with self._locked():
            self._fill()
            while self._study.get_trials(deepcopy=False, states=(self._states.WAITING,)):
                asked = self._study.ask()
                trial = self._trials.get(asked.user_attrs["name"])
                if trial is None or self.state(trial) != "waiting":  # queued for another file, or done meanwhile
                    self._end(asked.number, trial)
                    continue
                lock = FileLock(self._lock_file(trial.name))
                lock.acquire(wait=False)
                self._describe(asked, trial)
                return Taken(trial, asked, lock)
        return None

    def tell(self, taken: Taken, error: str = "") -> None:
        """Report how a trial ended, with a sentence if it failed."""
        with self._locked():
            if error:
                taken.asked.set_user_attr("error", error)
            self._end(taken.asked.number, taken.trial)

    def publish(self) -> dict[str, Any]:
        """Write ``sweep.json`` with what is known now; returns what it holds."""
        with self._locked():
            return write_record(self.sweep, self.out, self.state)

    def state(self, trial: Trial) -> State:
        """What a trial's folder says about it; to be asked while the sweep's lock is held."""
        folder = self.out / trial.name
        if is_finished(trial, folder):
            return "finished"
        if (folder / ERROR).exists():
            return "failed"
        return "waiting" if self._is_free(trial.name) else "running"

    def _locked(self) -> FileLock:
        return FileLock(self.out / FOLDER_LOCK)

    def _lock_file(self, name: str) -> Path:
        return self.out / name / TRIAL_LOCK

    def _is_free(self, name: str) -> bool:
        """Whether no process runs a trial."""
        if not self._lock_file(name).exists():
            return True
        lock = FileLock(self._lock_file(name))
        free = lock.acquire(wait=False)
        lock.release()
        return free

    def _opened(self) -> "optuna.Study":
        path = str(self.out / JOURNAL)
        storage = self._optuna.storages
        try:
            backend = storage.journal.JournalFileBackend(path, storage.journal.JournalFileOpenLock(path))
            study: optuna.Study = self._optuna.create_study(
                study_name=STUDY,
                storage=storage.JournalStorage(backend),
                sampler=self._optuna.samplers.RandomSampler(),  # every point is queued, so that it draws nothing
                directions=["maximize" if task.higher_is_better else "minimize" for task in self.sweep.tasks],
                load_if_exists=True,
            )
        except ValueError as error:
            raise DataError(f"{path} is damaged; delete it: what was trained and scored is kept beside it.") from error
        if len(study.directions) != len(self.sweep.tasks):
            raise OptionError(f"{self.out} holds a sweep with other tasks; choose another folder.")
        return study

    def _fill(self) -> None:
        """Close what killed processes left running, and queue every trial that waits for nobody."""
        queued = set()
        for known in self._study.get_trials(deepcopy=False, states=(self._states.RUNNING, self._states.WAITING)):
            name = known.user_attrs.get("name", "")
            if known.state == self._states.RUNNING and self._is_free(name):
                self._end(known.number, self._trials.get(name))
            else:
                queued.add(name)
        for trial in self.sweep.trials:
            if trial.name not in queued and self.state(trial) == "waiting":
                self._study.enqueue_trial(dict(trial.values), user_attrs={"name": trial.name})

    def _describe(self, asked: "optuna.Trial", trial: Trial) -> None:
        """Note where a trial runs and its values; numbers become parameters, for Optuna's own figures."""
        asked.set_user_attr("process", f"{platform.node()}:{os.getpid()}")
        for field, values in self.sweep.file.fields.items():
            asked.set_user_attr(field, trial.values[field])
            if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
                asked.suggest_int(field, min(values), max(values))
            elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
                asked.suggest_float(field, min(values), max(values))

    def _end(self, number: int, trial: Trial | None) -> None:
        """Close a trial of the study: complete with its scores if it is finished, else failed."""
        scores = None
        if trial is not None and is_finished(trial, self.out / trial.name):
            scores = headline_values(trial_scores(self.out / trial.name), self.sweep.tasks)
        if scores is None:
            self._study.tell(number, state=self._states.FAIL)
        else:
            self._study.tell(number, scores)


def _optuna() -> Any:  # noqa: ANN401 - the library is optional
    """Optuna, which speaks up about warnings only.

    Raises:
        OptionError: if it is not installed.
    """
    try:
        module = import_module("optuna")
    except ImportError as error:
        raise OptionError("sweep needs Optuna, which is not installed; run pip install optuna.") from error
    module.logging.set_verbosity(module.logging.WARNING)
    return module
