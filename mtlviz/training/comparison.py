"""The full comparison: every system in every regime from every seed, beside each task alone.

What is trained and scored is kept in the folder of the comparison, so that a stopped one goes on, and so that one
more system or seed costs no more than itself.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from mtlviz.analysis.system_record import SINGLE, Comparison, Cost, Curve, Regime, System, Training
from mtlviz.engine import library_versions
from mtlviz.errors import OptionError
from mtlviz.files import write_whole
from mtlviz.metrics.delta_m import LOWER_IS_BETTER
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.training.comparison_plan import Job, planned_jobs, read_plan
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
    tasks = {name: {task.name for task in config.task_list()} for name, config in regimes.items()}
    for name, config in regimes.items():  # refused now, rather than after hours
        if tasks[name] != tasks[plan.regimes[0].stem]:
            raise OptionError(f"{plan_file}: {name} has other tasks than {plan.regimes[0].stem}; give all the same.")
        checked_held_out(config)
    jobs = list(planned_jobs(plan, regimes, out))
    found: dict[tuple[str, str], list[Training]] = {}
    measured: Mapping[str, Cost] = {}
    result = Comparison(plan.tier, f"python -m mtlviz comparison {plan_file} --out {out}", {}, {}, {}, {})
    for number, job in enumerate(jobs, 1):
        say(f"{number}/{len(jobs)}  {job.regime}  {job.system}  seed {job.seed}")
        found.setdefault((job.regime, job.system), []).append(_training(job))
        if number == len(jobs) and costs is not None:
            threads = torch.get_num_threads()
            device = f"{platform.machine()} processor, {threads} thread{'s' if threads > 1 else ''}"
            result = replace(result, device=device)
            first = {one.system: one for one in reversed(jobs)}
            measured = costs({name: _networks(one) for name, one in first.items()}, _size(regimes))
        result = _assembled(result, regimes, jobs[:number], found, measured)
        write_whole(out / COMPARISON, json.dumps(asdict(result), indent=1, allow_nan=False) + "\n")
    return result


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
