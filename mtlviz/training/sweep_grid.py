"""A grid over fields of a training's configuration: every combination of their values is a trial."""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mtlviz.errors import OptionError
from mtlviz.tasks import TASKS, Task
from mtlviz.training.config import TrainConfig, parse_config, read_values
from mtlviz.training.loop import build_network
from mtlviz.training.sources import with_tasks

SEED = "seed"
"""The field over whose values results are averaged."""
LONGEST_TEXT = 32
"""Characters of a value in the name of a trial."""
LONGEST_NAME = 200
"""Characters of the name of a trial, which is a folder's."""
MOST_TRIALS = 10_000


class SweepFile(BaseModel):
    """A sweep as its YAML file states it.

    Attributes:
        title: of the sweep.
        summary: one sentence about it.
        base: configuration of a training, beside the file.
        changes: by dotted name the value of a field that differs from the base in every trial.
        fields: by dotted name, like ``network.options.slots``, the values to try.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    summary: str = ""
    base: Path
    changes: dict[str, Any] = {}
    fields: dict[str, list[Any]] = Field(min_length=1)

    @field_validator("fields")
    @classmethod
    def _values(cls, fields: dict[str, list[Any]]) -> dict[str, list[Any]]:
        for name, values in fields.items():
            try:
                texts = {json.dumps(value) for value in values}
            except TypeError as error:
                raise ValueError(f"{name} may hold numbers, texts, lists and maps, but {error}") from error
            if not values or len(texts) < len(values):
                raise ValueError(f"{name} must name each of its values once; got {values}")
        if (trials := math.prod(map(len, fields.values()))) > MOST_TRIALS:
            raise ValueError(f"{trials:,} trials are more than {MOST_TRIALS:,}; give fewer values")
        return fields


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        name: of its folder, from its values.
        values: by field.
        config: the training, with what its data set says.
    """

    name: str
    values: Mapping[str, Any]
    config: TrainConfig


@dataclass(frozen=True)
class Sweep:
    """A sweep that was read and checked.

    Attributes:
        file: what the YAML states.
        base: plain values of the base configuration with the sweep's changes.
        labels: by field its short name.
        trials: in the order in which they are taken: all combinations with the first seed come first.
        tasks: those that all trials have.
    """

    file: SweepFile
    base: Mapping[str, Any]
    labels: Mapping[str, str]
    trials: tuple[Trial, ...]
    tasks: tuple[Task, ...]


def read_sweep(path: Path) -> Sweep:
    """Read a YAML file and check every one of its trainings.

    Raises:
        OptionError: in one sentence that names the field, if a file is missing or no sweep, a field does not exist
            or has a value that is not allowed, or a trial could not be scored or needs several devices.
    """
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        file = SweepFile(**given)
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"Sweep {str(path)!r} cannot be read; give the path of a YAML file.") from error
    except yaml.YAMLError as error:
        raise OptionError(f"{path} is not valid YAML; see {' '.join(str(error).split())}.") from error
    except TypeError as error:
        raise OptionError(f"{path} must hold 'base: FILE' and 'fields:' with lists of values.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise OptionError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}.") from error
    base = read_values(path.parent / file.base)
    for field, value in file.changes.items():
        base = with_field(base, field, value, path)
    labels = field_labels(tuple(file.fields))
    trials = tuple(_trial(base, values, labels, path) for values in grid(file.fields))
    _check_differ(trials, path)
    _check_networks(trials, path)
    return Sweep(file, base, labels, trials, _shared_tasks(trials))


def grid(fields: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """All combinations; the seed changes last, so that a sweep that is half done has seen the whole grid."""
    slowest_first = sorted(fields, key=lambda name: name != SEED)  # stable: the others stay in their order
    found = itertools.product(*(fields[name] for name in slowest_first))
    combined = (dict(zip(slowest_first, values, strict=True)) for values in found)
    return [{name: one[name] for name in fields} for one in combined]


def with_field(values: Mapping[str, Any], field: str, value: object, source: Path) -> dict[str, Any]:
    """Plain values with one of them set, named by the way to it, like ``network.options.slots``.

    Raises:
        OptionError: if the way leads through something that has no fields.
    """
    changed = deepcopy(dict(values))
    *way, last = field.split(".")
    place = changed
    for depth, part in enumerate(way, 1):
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise OptionError(f"{source}: {field}: {'.'.join(way[:depth])} is {place!r}, which has no fields.")
    place[last] = deepcopy(value)
    return changed


def field_labels(fields: tuple[str, ...]) -> dict[str, str]:
    """By field its last part, two of them where that is a task, or the whole name where two fields end alike."""
    parts = [field.split(".") for field in fields]
    ends = [".".join(part[-2:] if part[-1] in TASKS else part[-1:]) for part in parts]
    return {field: end if ends.count(end) == 1 else field for field, end in zip(fields, ends, strict=True)}


def value_text(value: object) -> str:
    """A value as a part of a folder's name; what cannot be written there ends in a hash that tells it apart."""
    known = {None: "none", True: "true", False: "false"}
    simple = isinstance(value, str | int | float)
    written = str(value) if simple else json.dumps(value)
    text = known[value] if value is None or isinstance(value, bool) else written
    kept = re.sub(r"[^A-Za-z0-9.+-]+", "-", text).strip("-.")
    return text if kept == text and len(text) <= LONGEST_TEXT else _cut(kept, LONGEST_TEXT, text)


def _cut(text: str, length: int, whole: str) -> str:
    """The beginning of a text, and a hash that tells it apart."""
    return f"{text[:length]}~{hashlib.sha256(whole.encode()).hexdigest()[:6]}"


def _trial(base: Mapping[str, Any], values: Mapping[str, Any], labels: Mapping[str, str], path: Path) -> Trial:
    name = ",".join(f"{labels[field]}={value_text(value)}" for field, value in values.items())
    name = name if len(name) <= LONGEST_NAME else _cut(name, LONGEST_NAME, name)
    plain = dict(base)
    for field, value in values.items():
        plain = with_field(plain, field, value, path)
    config = with_tasks(parse_config(plain, f"{path}, trial {name}"))
    if config.data.val is None:
        raise OptionError(f"{path}: a sweep compares scores, but {name} names no data.val; add it under changes.")
    if config.devices > 1:
        raise OptionError(
            f"{path}: a trial has one device, but {name} asks for {config.devices}; start the command once for each."
        )
    return Trial(name, values, config)


def _check_differ(trials: tuple[Trial, ...], path: Path) -> None:
    """Refuse one training under two names, like the seeds 1 and 1.0: it would count twice, and hide the spread."""
    seen: dict[str, str] = {}
    for trial in trials:
        other = seen.setdefault(trial.config.model_dump_json(), trial.name)
        if other != trial.name:
            raise OptionError(f"{path}: {other} and {trial.name} are the same training; name each value once.")


def _check_networks(trials: tuple[Trial, ...], path: Path) -> None:
    """Build every network once, since options of an interaction are checked there: now, rather than after hours."""
    seen = set()
    for trial in trials:
        key = trial.config.model_copy(update={SEED: 0}).model_dump_json()
        if key not in seen:
            seen.add(key)
            try:
                build_network(trial.config)
            except OptionError as error:
                raise OptionError(f"{path}, trial {trial.name}: {error}") from error


def _shared_tasks(trials: tuple[Trial, ...]) -> tuple[Task, ...]:
    lists = [trial.config.task_list() for trial in trials]
    return tuple(task for task in lists[0] if all(task.name in {one.name for one in others} for others in lists))
