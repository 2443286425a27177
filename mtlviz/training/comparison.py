"""The full comparison: every system in every regime from every seed, beside each task alone.

What is trained and scored is kept in the folder of the comparison, so that a stopped one goes on, and so that one
more system or seed costs no more than itself.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import load_file

from mtlviz.analysis.systems import SINGLE, Comparison, Cost, Curve, Regime, System, Training
from mtlviz.engine import library_versions
from mtlviz.errors import OptionError
from mtlviz.files import write_whole
from mtlviz.metrics.delta_m import LOWER_IS_BETTER
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.training.config import TrainConfig, read_config
from mtlviz.training.evaluate import evaluate_network
from mtlviz.training.loop import build_network, train
from mtlviz.training.sources import Samples, checked_held_out, network_sized, training_images, with_tasks
from mtlviz.training.state import LOG, read_scores

COMPARISON = "comparison.json"
SCORES = "scores.json"
"""In the folder of a training: what it scored, tied to its weights."""
GROUPS = 10
"""Groups of held-out images over which a spread is taken where there is one seed."""

Networks = dict[str, tuple[TrainConfig, MultiTaskNetwork]]
Costs = Callable[[Mapping[str, Networks], tuple[int, int]], Mapping[str, Cost]]
Saying = Callable[[str], None]


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
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise OptionError(f"{path}: {where or 'it'}: {first['msg']}; see configs/comparison.yaml.") from error
    beside = {name: tuple(path.parent / one for one in getattr(plan, name)) for name in ("regimes", "systems")}
    return plan.model_copy(update=beside)


def run_comparison(plan_file: Path, out: Path, costs: Costs | None = None, say: Saying = print) -> Comparison:
    """Train and score what is missing, and write ``comparison.json`` after every system.

    Args:
        plan_file: see ``Plan``.
        out: receives a folder a training and the result.
        costs: measures what systems cost, from their networks by system and the size of images; None leaves that out.
        say: told what is done, a line each.

    Raises:
        OptionError: if a configuration is wrong, or a training in ``out`` is of another one.
        DataError: if images are missing.
        TrainingError: if a training fails.
    """
    plan = read_plan(plan_file)
    regimes = {path.stem: with_tasks(read_config(path)) for path in plan.regimes}
    for config in regimes.values():
        checked_held_out(config)  # refused now, rather than after hours
    jobs = list(planned_jobs(plan, regimes, out))
    found: dict[tuple[str, str], list[Training]] = {}
    measured: Mapping[str, Cost] = {}
    result = Comparison(plan.tier, f"python -m mtlviz comparison {plan_file} --out {out}", {}, {}, {}, {})
    for number, job in enumerate(jobs, 1):
        say(f"{number}/{len(jobs)}  {job.regime}  {job.system}  seed {job.seed}")
        found.setdefault((job.regime, job.system), []).append(_training(job))
        if number == len(jobs) and costs is not None:
            result = replace(result, device=f"processor, {torch.get_num_threads()} threads")
            first = {one.system: one for one in reversed(jobs)}
            measured = costs({name: _networks(one) for name, one in first.items()}, _size(regimes))
        result = _assembled(result, regimes, jobs[:number], found, measured)
        write_whole(out / COMPARISON, json.dumps(asdict(result), indent=1, allow_nan=False) + "\n")
    return result


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


def _assembled(
    result: Comparison,
    regimes: Mapping[str, TrainConfig],
    jobs: Sequence[Job],
    found: Mapping[tuple[str, str], list[Training]],
    costs: Mapping[str, Cost],
) -> Comparison:
    """The comparison as far as it has come."""
    parts: dict[str, dict[str, System]] = {job.regime: {} for job in jobs}
    lines: dict[str, dict[str, Any]] = {}
    for job in jobs:
        config = next(iter(job.networks.values()))[0]
        trainings = found[job.regime, job.system]
        parts[job.regime][job.system] = System(config.title, config.summary, trainings, costs.get(job.system))
        if job.system == SINGLE:
            lines[job.regime] = _said(job)
    first = next(iter(lines.values()))
    return replace(
        result,
        headlines=first["headlines"],
        lower_is_better={task: LOWER_IS_BETTER[metric] for task, metric in first["headlines"].items()},
        regimes={
            name: Regime(regimes[name].summary, len(training_images(regimes[name])), said["scored"], said["protocols"],
                         parts[name])
            for name, said in lines.items()
        },
        versions=library_versions(),
    )  # fmt: skip


def _said(job: Job) -> dict[str, Any]:
    """How a job's trainings were scored."""
    scores = [read_scores(folder / SCORES) for _, folder in job.networks.values()]
    joined = {
        key: {task: one for part in scores for task, one in part[key].items()} for key in ("headlines", "protocols")
    }
    return {**joined, "scored": scores[0]["scored"]}


def _size(regimes: Mapping[str, TrainConfig]) -> tuple[int, int]:
    config = next(iter(regimes.values()))
    return config.data.size or training_images(config)[0].size


def _networks(job: Job) -> Networks:
    return {name: (config, build_network(config)) for name, (config, _) in job.networks.items()}


def _training(job: Job) -> Training:
    """Train what is missing of a job, and score it."""
    parts = {name: _scored(config, folder) for name, (config, folder) in job.networks.items()}
    off = [part["off"] for part in parts.values() if part["off"] is not None]
    return Training(
        seed=job.seed,
        weights_sha256={name: part["weights_sha256"] for name, part in parts.items()},
        metrics={task: one for part in parts.values() for task, one in part["metrics"].items()},
        off={task: one for part in off for task, one in part.items()} or None,
        groups={task: one for part in parts.values() for task, one in part["groups"].items()},
        curves={name: curve(job.networks[name][1] / LOG, job.networks[name][0]) for name in parts},
    )


def _scored(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """The scores of one training, from its folder where these weights were scored on these images before."""
    weights = train(config, folder)
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    known = folder / SCORES
    if known.exists():
        content = read_scores(known)
        if content.get("weights_sha256") == sha256 and content.get("data") == str(config.data.val):
            return content
    network = build_network(config)
    network.load_state_dict(load_file(weights))
    scores = {"weights_sha256": sha256, "data": str(config.data.val), **scored(network, config)}
    write_whole(known, json.dumps(scores, indent=1) + "\n")
    return scores


def scored(network: MultiTaskNetwork, config: TrainConfig) -> dict[str, Any]:
    """Metrics of a network on the held-out images, with the interaction off too, and headlines by group of images.

    Returns:
        ``metrics`` and ``off`` by task (``off`` None without an interaction), ``headlines`` and ``protocols`` by task,
        ``groups`` by task one headline a group of neighbouring images, ``scored`` images.
    """
    samples, tasks = network_sized(checked_held_out(config), config), config.task_list()

    def found(images: Samples, switched_off: bool) -> dict[str, Any]:
        return evaluate_network(network, images, tasks, mean=config.mean, std=config.std, switched_off=switched_off)

    whole = found(samples, True)
    headlines = {name: one["headline"] for name, one in whole["tasks"].items()}
    parts = [found(Part(samples, GROUPS, group), False) for group in range(GROUPS)] if len(samples) >= GROUPS else []
    return {
        "metrics": {name: one["metrics"] for name, one in whole["tasks"].items()},
        "off": whole.get("interaction_off"),
        "headlines": headlines,
        "protocols": {name: one["protocol"] for name, one in whole["tasks"].items()},
        "groups": {name: [part["tasks"][name]["metrics"][key] for part in parts] for name, key in headlines.items()},
        "scored": len(samples),
    }


class Part:
    """One of ``count`` runs of neighbouring samples, as equal in length as can be."""

    def __init__(self, samples: Samples, count: int, part: int) -> None:
        edges = [len(samples) * k // count for k in (part, part + 1)]
        self.samples, self.start, self.length = samples, edges[0], edges[1] - edges[0]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401 - a Sample
        if not 0 <= index < self.length:
            raise IndexError(index)
        return self.samples[self.start + index]


def curve(log: Path, config: TrainConfig) -> Curve:
    """The losses that a training wrote down."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    tasks = [task.name for task in config.task_list()]
    return Curve([line["images"] for line in lines], {task: [line[task] for line in lines] for task in tasks})
