"""The result of ``faithfulness`` as a person reads it: one row a model and kind of map."""

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType

from mtlviz.cli.answers import table
from mtlviz.cli.stability_texts import interval_text

Values = Mapping[str, Any]


def faithfulness_texts(found: Values) -> list[RenderableType]:
    """Tables of a result, and what its numbers are.

    Args:
        found: as ``faithfulness_summary`` gives it, with ``data``.
    """
    models, kinds, measures = found["models"], found["kinds"], found["measures"]
    names = " and ".join(model["name"] for model in models)
    rows = [
        [about["title"], model["name"], *(interval_text(model["kinds"][kind]["numbers"].get(key)) for key in measures)]
        for kind, about in kinds.items()
        for model in models
        if kind in model["kinds"]
    ]
    texts: list[RenderableType] = [
        f"{names} on {found['data']}, n = {found['images']} images, seed {found['seed']}: rank correlation with the "
        "causal effect, mean over images with its 95 % bootstrap interval.",
        "",
        table(("map", "model", *(measure["title"] for measure in measures.values())), rows, text=(0, 1)),
    ]
    tasks = list(dict.fromkeys(task for model in models for task in model["tasks"]))
    by_task = [
        [about["title"], model["name"], *(interval_text(model["kinds"][kind]["by_task"].get(task)) for task in tasks)]
        for kind, about in kinds.items()
        for model in models
        if model["kinds"].get(kind, {}).get("by_task")
    ]
    if by_task:
        texts += ["", table(("map with effect, by reading task", "model", *tasks), by_task, text=(0, 1))]
    mute = [model["name"] for model in models if not model["kinds"]]
    if mute:
        texts += ["", f"{' and '.join(mute)}: no interaction, and so no map."]
    return [*texts, "", found["protocol"]]
