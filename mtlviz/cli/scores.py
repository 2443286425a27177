"""Scores as a person reads them: by task with protocol, by class with frequency, and of the interaction."""

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType

from mtlviz.cli.answers import table


def score_texts(title: str, scores: Mapping[str, Any]) -> list[RenderableType]:
    """Tables and protocol lines of an evaluation.

    Args:
        title: what was evaluated on what.
        scores: as ``mtlviz.training.evaluate_network`` gives them.
    """
    off = scores.get("interaction_off", {})
    texts: list[RenderableType] = [
        f"{title} ({scores['images']} images); the constant predictor gives every image the same answer, "
        f"the best one for {scores.get('constants_from', 'these images')}. Scored "
        f"{scores['scored']}; every table begins with its headline."
    ]
    for name, task in scores["tasks"].items():
        columns = [name, "score", "constant", *(["interaction off"] if off else [])]
        rows = [
            (metric, value, task["constant"].get(metric), *([off[name].get(metric)] if off else []))
            for metric, value in task["metrics"].items()
        ]
        texts += ["", table(columns, rows), f"protocol: {task['protocol']}"]
        if all(value is None for value in task["metrics"].values()):
            texts.append(f"No pixel of these images has a label of {name} that counts, so there is no score.")
        if "classes" in task:
            classes = [(label, one["frequency"], one["iou"]) for label, one in task["classes"].items()]
            texts += ["", table((f"class of {name}", "frequency", "IoU"), classes)]
    if scores.get("sharing"):
        texts += ["", table(("what the interaction does", "value"), list(scores["sharing"].items()))]
    return texts


def headlines(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """By task its headline metric, from the first evaluation on a card; empty if there is none."""
    evaluated = next((one for one in metrics.values() if isinstance(one, Mapping) and "tasks" in one), None)
    if evaluated is None:
        return {}
    return {name: task["metrics"][task["headline"]] for name, task in evaluated["tasks"].items()}
