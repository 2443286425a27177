"""What a sweep found, as one plain record that is looked at while the sweep runs and afterwards.

``sweep.json`` holds ``kind`` ("sweep"), ``title``, ``summary``, and

- ``base``: ``file`` and ``values``, the plain configuration that all trials share.
- ``fields``: by dotted name its values; ``labels``: by dotted name a short one.
- ``tasks``: by name ``title``, ``metric`` (the headline) with its ``unit``, and ``lower_is_better`` by metric.
- ``data``: the held-out images; ``images``: how many.
- ``trials``: for each ``name``, ``values`` by field, ``state`` (finished, running, waiting or failed), ``scores`` (by
  task its metrics), ``error``, ``weights_sha256`` and ``config_sha256``.
- ``cells``: for each combination without the seed ``values``, ``seeds`` (of the finished trials) and ``scores``: by
  task and metric ``mean``, ``std`` (sample standard deviation, None for a single seed), ``low``, ``high``, ``count``.
- ``counts`` of the trials by state, and ``provenance``: ``config_sha256`` of base and fields, and ``versions``.
"""

import hashlib
import json
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from mtlviz.metrics.delta_m import LOWER_IS_BETTER
from mtlviz.results import write_result
from mtlviz.runs import library_versions
from mtlviz.tasks import Task
from mtlviz.training.state import CONFIG, METRICS, WEIGHTS
from mtlviz.training.sweep_grid import SEED, Sweep, Trial

State = Literal["finished", "failed", "running", "waiting"]
SWEEP = "sweep.json"
ERROR = "error.json"
"""In the folder of a trial that failed: why."""
Scores = Mapping[str, Mapping[str, float | None]]


def write_record(sweep: Sweep, out: Path, state: Callable[[Trial], State]) -> dict[str, Any]:
    """Write ``sweep.json`` whole; returns what it holds.

    Args:
        sweep: the trials.
        out: folder of the sweep.
        state: of a trial.
    """
    trials = [_trial_record(trial, out / trial.name, state(trial)) for trial in sweep.trials]
    evaluated = [trial_scores(out / one["name"]) for one in trials if one["state"] == "finished"]
    content = {
        "title": sweep.file.title,
        "summary": sweep.file.summary,
        "base": {"file": str(sweep.file.base), "values": sweep.base},
        "fields": sweep.file.fields,
        "labels": sweep.labels,
        "tasks": {task.name: _task_record(task, evaluated) for task in sweep.tasks},
        "data": str(sweep.trials[0].config.data.val),
        "images": evaluated[0]["images"] if evaluated else None,
        "counts": Counter(one["state"] for one in trials),
        "trials": trials,
        "cells": averaged(trials),
        "provenance": {
            "config_sha256": _sha256(json.dumps([sweep.base, sweep.file.fields], sort_keys=True, default=str).encode()),
            "versions": {**library_versions(), "optuna": _version("optuna")},
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(content, default=str))
    write_result(out / SWEEP, "sweep", plain)
    return {"kind": "sweep", **plain}


def is_finished(trial: Trial, folder: Path) -> bool:
    """Whether a trial was trained, and scored on the images and by the protocol that it names now."""
    scores = trial_scores(folder)
    said = (scores.get("data"), scores.get("family"))
    scored = isinstance(scores.get("tasks"), dict) and all(
        task.name in scores["tasks"] for task in trial.config.task_list()
    )
    return scored and (folder / WEIGHTS).exists() and said == (str(trial.config.data.val), trial.config.protocol)


def trial_scores(folder: Path) -> dict[str, Any]:
    """What the evaluation of a trial wrote; empty where there is nothing that can be read."""
    return _read(folder / METRICS)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def headline_values(scores: Mapping[str, Any], tasks: Sequence[Task]) -> list[float] | None:
    """The headline metric of every task; None if one has no value."""
    scored = [scores["tasks"][task.name] for task in tasks]
    found = [one["metrics"].get(one["headline"]) for one in scored]
    return None if None in found else [float(value) for value in found]


def averaged(trials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Finished trials that differ in the seed alone, as one cell with mean and spread."""
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for trial in trials:
        if trial["state"] == "finished":
            key = json.dumps({name: value for name, value in trial["values"].items() if name != SEED}, default=str)
            cells.setdefault(key, []).append(trial)
    return [
        {
            "values": {name: value for name, value in members[0]["values"].items() if name != SEED},
            "seeds": [member["values"][SEED] for member in members if SEED in member["values"]],
            "scores": _spread([member["scores"] for member in members]),
        }
        for members in cells.values()
    ]


def _spread(scores: Sequence[Scores]) -> dict[str, dict[str, dict[str, float | int | None]]]:
    spread: dict[str, dict[str, dict[str, float | int | None]]] = {}
    for task, metrics in scores[0].items():
        for metric in metrics:
            values = [value for one in scores if (value := one.get(task, {}).get(metric)) is not None]
            if values:
                spread.setdefault(task, {})[metric] = {
                    "mean": statistics.fmean(values),
                    "std": statistics.stdev(values) if len(values) > 1 else None,
                    "low": min(values),
                    "high": max(values),
                    "count": len(values),
                }
    return spread


def _trial_record(trial: Trial, folder: Path, state: State) -> dict[str, Any]:
    record: dict[str, Any] = {"name": trial.name, "values": trial.values, "state": state}
    if state == "failed":
        record["error"] = str(_read(folder / ERROR).get("error", f"{ERROR} cannot be read."))
    if state == "finished":
        found = trial_scores(folder)["tasks"]
        record["scores"] = {task: one["metrics"] for task, one in found.items()}
        record["weights_sha256"] = _sha256((folder / WEIGHTS).read_bytes())
        record["config_sha256"] = _sha256((folder / CONFIG).read_bytes())
    return record


def _task_record(task: Task, evaluated: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    known = evaluated[0]["tasks"][task.name] if evaluated else {"headline": task.metric, "metrics": (task.metric,)}
    directions = {task.metric: not task.higher_is_better, **LOWER_IS_BETTER}
    return {
        "title": task.title,
        "metric": known["headline"],
        "unit": task.metric_unit,
        "lower_is_better": {name: directions[name] for name in known["metrics"] if name in directions},
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
