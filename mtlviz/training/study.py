"""Does sharing matter? The same regimes trained with every interaction, and a criterion stated beforehand."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtlviz.errors import DataError, OptionError
from mtlviz.files import write_whole
from mtlviz.training.config import TrainConfig, read_config
from mtlviz.training.data import held_out
from mtlviz.training.evaluate import evaluate_training
from mtlviz.training.loop import train
from mtlviz.training.state import METRICS, read_scores

INTERACTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "kem": {"pre_norm": True, "temperature": True},
    "cross_attention": {"pre_norm": True, "temperature": True},
}
"""Interactions of the study with their options."""

STUDY = "study.json"
TASKS = ("semseg", "depth", "normals")
"""What is scored."""
MIOU_POINTS = 2.0
DEPTH_ERROR = 0.05
CRITERION = (
    f"sharing matters where `none` lies at least {MIOU_POINTS:g} mIoU points or {DEPTH_ERROR:.0%} relative depth error "
    "behind the best interaction"
)


def run_study(folder: Path, out: Path, regimes: Sequence[str] | None = None) -> dict[str, Any]:
    """Train and score every regime with every interaction; what is done already is kept.

    Args:
        folder: of the regimes' YAML files; names that begin with ``_`` are bases and no regimes.
        out: receives one folder a training, ``REGIME/INTERACTION``, and ``study.json``, which keeps what it says
            about regimes that are not run now.
        regimes: names of those to run; None takes all.

    Returns:
        What ``study.json`` holds: ``kind``; ``criterion``; ``regimes`` with, by name, ``summary``, ``scores`` by
        interaction (mIoU in points, depth RMSE in metres, mean normal error in degrees, and the same with the
        interaction switched off), ``behind`` (how far ``none`` lies behind) and ``matters``; and ``chosen``, the
        regime that matters most or None.

    Raises:
        OptionError: if a regime is unknown or its configuration wrong.
        DataError: if its data are missing, or ``study.json`` or a training's metrics are damaged.
    """
    there = {path.stem: path for path in sorted(folder.glob("*.yaml")) if not path.stem.startswith("_")}
    unknown = [name for name in regimes or () if name not in there]
    if unknown or not there:
        raise OptionError(
            f"Regime {', '.join(unknown) or folder} is unknown; choose from {', '.join(there) or 'none'}."
        )
    _known_regimes(out)  # what is wrong is refused now, rather than after hours
    configs = {name: read_config(there[name]) for name in regimes or there}
    for name, config in configs.items():
        held_out(config.data)
        if lacking := [task for task in TASKS if task not in [one.name for one in config.task_list()]]:
            raise OptionError(f"Regime {name} lacks {', '.join(lacking)}, which the study scores; add it to its tasks.")
    found = {name: _regime(config, out / name) for name, config in configs.items()}
    merged = {**_known_regimes(out), **found}
    study = _verdict({name: merged[name] for name in sorted(merged)})
    write_whole(out / STUDY, json.dumps(study, indent=1) + "\n")
    return study


def _known_regimes(out: Path) -> dict[str, Any]:
    """What ``study.json`` says about regimes that were run before."""
    if not (out / STUDY).exists():
        return {}
    known = read_scores(out / STUDY).get("regimes")
    if not isinstance(known, dict) or not all(isinstance(one, dict) and "behind" in one for one in known.values()):
        raise DataError(f"{out / STUDY} holds no study; delete it: what was trained and scored is kept beside it.")
    return known


def _verdict(regimes: dict[str, Any]) -> dict[str, Any]:
    """All regimes judged by one criterion."""
    strengths = {name: _strength(regime["behind"]) for name, regime in regimes.items()}
    strongest = max(strengths, key=strengths.__getitem__)
    return {
        "kind": "study",  # as of every result, so that the file can lie in results/
        "criterion": CRITERION,
        "regimes": {name: {**regime, "matters": strengths[name] >= 1} for name, regime in regimes.items()},
        "chosen": strongest if strengths[strongest] >= 1 else None,
    }


def _regime(config: TrainConfig, out: Path) -> dict[str, Any]:
    scores = {}
    for interaction, options in INTERACTIONS.items():
        network = config.network.model_copy(update={"interaction": interaction, "options": options})
        scores[interaction] = _scores(config.model_copy(update={"network": network}), out / interaction)
    return {"summary": config.summary, "scores": scores, "behind": lag(scores)}


def _strength(behind: dict[str, float]) -> float:
    """How many times over the criterion is met."""
    return max(behind["miou_points"] / MIOU_POINTS, behind["depth_error"] / DEPTH_ERROR)


def lag(scores: dict[str, dict[str, float]]) -> dict[str, float]:
    """How far ``none`` lies behind the best interaction, positive where it does.

    Returns:
        ``miou_points``, the difference in mIoU points, and ``depth_error``, the share by which the depth error
        of ``none`` exceeds the smallest.
    """
    others = [score for name, score in scores.items() if name != "none"]
    return {
        "miou_points": max(score["miou"] for score in others) - scores["none"]["miou"],
        "depth_error": scores["none"]["rmse"] / min(score["rmse"] for score in others) - 1,
    }


def _scores(config: TrainConfig, out: Path) -> dict[str, float]:
    """Headline scores of one training, from its folder if it was scored before."""
    weights = train(config, out)
    known = out / METRICS
    result = read_scores(known) if known.exists() else {}
    if result.get("data") != str(config.data.val):
        result = evaluate_training(config, weights)
        write_whole(known, json.dumps(result, indent=1) + "\n")
    scores = _headlines({task: values["metrics"] for task, values in result["tasks"].items()})
    if "interaction_off" in result:
        off = _headlines(result["interaction_off"])
        scores |= {f"{name}_off": value for name, value in off.items()}
    return scores | {key: value for key, value in result.get("sharing", {}).items() if isinstance(value, float)}


def _headlines(metrics: dict[str, dict[str, float]]) -> dict[str, float]:
    return {
        "miou": 100 * metrics["semseg"]["miou"],
        "rmse": metrics["depth"]["rmse"],
        "mean_angle": metrics["normals"]["mean_angle"],
    }
