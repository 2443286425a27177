"""What a comparison trains: systems, regimes and seeds as a YAML file states them, and the trainings that follow."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mtlviz.analysis.system_record import SINGLE
from mtlviz.errors import OptionError, first_mistake
from mtlviz.training.config import TrainConfig, read_config

REFERENCE = "none"
"""The system that shares nothing but the encoder; others are compared with it too."""


class Plan(BaseModel):
    """What is compared.

    Attributes:
        tier: how much training every system gets, in a phrase.
        regimes: configurations of trainings, whose interaction is replaced by each system's.
        systems: configurations whose network, auxiliary losses, title and summary are taken.
        seeds: from which every system is trained.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: str
    regimes: tuple[Path, ...] = Field(min_length=1)
    systems: tuple[Path, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(default=(1,), min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> "Plan":
        """Folders and results are named after files and seeds, and two systems are needed by name."""
        for named in (self.seeds, *([path.stem for path in paths] for paths in (self.regimes, self.systems))):
            if twice := [name for name, count in Counter(named).items() if count > 1]:
                raise ValueError(f"{twice[0]} is there twice; name each regime, system and seed once")
        if SINGLE in [path.stem for path in self.systems]:
            raise ValueError(f"a system cannot be called {SINGLE}, as each task alone is; rename its file")
        if REFERENCE not in [path.stem for path in self.systems]:
            raise ValueError(f"systems lack {REFERENCE}.yaml, which times are compared with; add it")
        return self


@dataclass(frozen=True)
class Job:
    """One system in one regime from one seed.

    Attributes:
        regime: name.
        system: name.
        seed: of its trainings.
        networks: configuration and folder of each; named ``""``, or by task where every task has its own.
    """

    regime: str
    system: str
    seed: int
    networks: dict[str, tuple[TrainConfig, Path]]


def read_plan(path: Path) -> Plan:
    """A comparison's YAML file; the files that it names lie beside it.

    Raises:
        OptionError: in one sentence, if it cannot be read or holds a value that is not allowed.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        plan = Plan.model_validate(values)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OptionError(f"Comparison {str(path)!r} cannot be read; give the path of a YAML file.") from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        said = first_mistake(error, Plan.model_fields)
        raise OptionError(f"{path}: {where + ': ' if where else ''}{said}; see configs/comparison.yaml.") from error
    beside = {name: tuple(path.parent / one for one in getattr(plan, name)) for name in ("regimes", "systems")}
    return plan.model_copy(update=beside)


def planned_jobs(plan: Plan, regimes: Mapping[str, TrainConfig], out: Path) -> Iterator[Job]:
    """Whole seeds one after another, and of a seed whole regimes."""
    systems = {path.stem: read_config(path) for path in plan.systems}
    for seed in plan.seeds:
        for regime, base in regimes.items():
            config, folder = base.model_copy(update={"seed": seed}), out / regime
            tasks = [task.name for task in config.task_list()]
            alone = {task: (only(config, task), folder / SINGLE / task / f"seed-{seed}") for task in tasks}
            yield Job(regime, SINGLE, seed, alone)
            for name, system in systems.items():
                yield Job(regime, name, seed, {"": (_of(config, system), folder / name / f"seed-{seed}")})


def _of(config: TrainConfig, system: TrainConfig) -> TrainConfig:
    """A regime's configuration with the interaction of a system."""
    interaction = {"interaction": system.network.interaction, "options": system.network.options}
    network = config.network.model_copy(update=interaction)
    said = {"title": system.title, "summary": system.summary, "auxiliary": system.auxiliary}
    return config.model_copy(update={"network": network, **said})


def only(config: TrainConfig, task: str) -> TrainConfig:
    """A regime's configuration of one task alone, without an interaction."""

    def own(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name == task}

    options, sampling = config.optimiser, config.data.sampling
    if sampling is not None:
        kept = {"rare": sampling.rare if sampling.rare == task else None, "labelled": own(sampling.labelled)}
        sampling = sampling.model_copy(update=kept) if any(kept.values()) else None
    return config.model_copy(
        update={
            "title": "Each task alone",
            "summary": "A network for every task, trained on it alone.",
            "tasks": (task,),
            "definitions": tuple(one for one in config.definitions if one.name == task),
            "network": config.network.model_copy(update={"interaction": "none", "options": {}}),
            "data": config.data.model_copy(update={"keep": own(config.data.keep), "sampling": sampling}),
            "optimiser": options.model_copy(update={"rates": own(options.rates), "tasks": own(options.tasks)}),
            "weights": own(config.weights),
            "losses": own(config.losses),
            "auxiliary": {},
        }
    )
