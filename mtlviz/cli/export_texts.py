"""What ``export`` tells a person."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from mtlviz.cli.answers import table


def export_texts(described: Mapping[str, Any], out: Path) -> list[RenderableType]:
    """A table of what the file costs and gives beside the network, and sentences on what it takes.

    Args:
        described: as the JSON beside the file.
        out: where both lie.
    """
    agreement, latency, size = described["agreement"], described["latency"], described["bytes"]
    tasks = agreement["tasks"]
    rows = [
        ("size, MB", size["original"] / 1e6, size["exported"] / 1e6, _change(size["original"], size["exported"])),
        ("latency, ms", latency["original_ms"], latency["exported_ms"], f"×{latency['ratio']:.2f}"),
        *((f"{name}: {task['metric']}", task["original"], task["exported"], _gain(task["gain"])) for name, task in
          tasks.items()),
        ("Delta_m over the original", None, None, _gain(agreement["delta_m"])),
    ]  # fmt: skip
    name, worst = max(tasks.items(), key=lambda item: item[1]["difference"])
    height, width = latency["size"]
    texts: list[RenderableType] = [
        table((described["file"], "network", "file", "change"), rows),
        f"Gains are positive where the file is better; {agreement['images']} images of {agreement['data']}. Latency is "
        f"the median of {latency['rounds']} rounds in turns, one image of {height}x{width}, {latency['threads']} "
        "thread(s) of this CPU.",
        f"Largest difference: {worst['difference']:.1e} of the largest value of {name}.",
    ]
    if jumps := ", ".join(f"{count} in {name}" for name, task in tasks.items() if (count := task["jumps"])):
        texts.append(
            f"Beyond {agreement['tolerance']:.0e} on {jumps} of {agreement['images']} images: top-K picks between "
            "tokens nearly alike there, and the network itself moves as far if its input changes by a millionth."
        )
    if described["quantised"]:
        texts.append(f"int8: {described['quantised']['how']}. float32: {described['quantised']['left_float32']}.")
    return [*texts, _sizes(described["input"]), f"{described['file']} and {described['file']}.json are in {out}."]


def _sizes(given: Mapping[str, Any]) -> str:
    shape = " x ".join(map(str, given["shape"]))
    fixed = f" Fixed: {given['fixed_because']}." if given["fixed_because"] else ""
    return f"Input {given['name']}: {shape}.{fixed}"


def _change(before: float, after: float) -> str:
    return f"×{after / before:.2f}"


def _gain(percent: float | None) -> str | None:
    return None if percent is None else f"{percent:+.2f} %"
