"""``export``: a checkpoint as one file for other programs, checked against the network that it came from."""

from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mtlviz.cli.answers import AsJson, answer, json_text
from mtlviz.cli.evaluate import Cache, Data, fitting_images, images_on_disk
from mtlviz.cli.export_texts import export_texts
from mtlviz.cli.models import network_card
from mtlviz.cli.options import Checkpoints, NetworkName, Out, Workers, checkpoint_folder
from mtlviz.cli.outputs import check_folder, written_together
from mtlviz.cli.progress import bar
from mtlviz.errors import ExportError

if TYPE_CHECKING:
    from torch import Tensor

    from mtlviz.checkpoints import Folders
    from mtlviz.data.sample import Sample
    from mtlviz.engine import Engine
    from mtlviz.exporting.agreement import Forward, TaskAgreement
    from mtlviz.exporting.files import Format
    from mtlviz.exporting.graph import Sizes
    from mtlviz.training.data import Samples

    Images = Samples | list[Sample]

DEFAULT_LIMIT = 10
CALIBRATING = 16
"""Images that set the ranges of 8-bit activations."""
SECONDS = 8.0
"""Time for measuring both latencies in turns."""


class Kind(StrEnum):
    """Formats of files."""

    TORCH = "torch-export"
    ONNX = "onnx"


class Quantisation(StrEnum):
    """Ways to store fewer bits."""

    INT8 = "int8"


FormatName = Annotated[Kind, typer.Option("--format", help="torch-export (.pt2), or onnx with optional packages.")]
Quantize = Annotated[
    Quantisation | None, typer.Option("--quantize", help="Store fewer bits; what it covers is printed.")
]
Limit = Annotated[int, typer.Option(min=1, help="Held-out images on which both are compared.")]
Calibration = Annotated[str, typer.Option(help="Images for the ranges of int8 activations (onnx), as for --data.")]


def export(
    kind: FormatName,
    out: Out,
    checkpoint: NetworkName = "kem",
    quantize: Quantize = None,
    data: Data = "rooms:val",
    limit: Limit = DEFAULT_LIMIT,
    calibration: Calibration = "rooms:train",
    cache: Cache = None,
    workers: Workers = None,
    folder: Checkpoints = None,
    as_json: AsJson = False,
) -> None:
    """Write a checkpoint as one file with a JSON that says how to use it, checked on held-out images.

    The float32 file has to agree with the network to 1e-4 of the largest value of each task, or nothing is written;
    where top-K picks between tokens that are nearly alike, to what the network itself moves by under rounding.
    Size, latency on this CPU (both in turns) and the field's metrics are printed for the network and the file.

    Example:
        python -m mtlviz export --checkpoint kem --format onnx --quantize int8 --out out/edge
    """
    check_folder(out)
    place = checkpoint_folder(folder)
    card = network_card(checkpoint, place)
    if kind is Kind.ONNX:
        from mtlviz.exporting.onnx_file import check_extras

        check_extras()
    samples = fitting_images(images_on_disk(data, limit, card.input_size, cache, workers), limit, card)
    calibrating: list[Sample] = []
    if quantize is not None and kind is Kind.ONNX:
        source = images_on_disk(calibration, CALIBRATING, card.input_size, cache, workers)
        images = fitting_images(source, None, card)
        calibrating = [images[index] for index in range(min(len(images), CALIBRATING))]
    from mtlviz.engine import load

    engine = load(checkpoint, folder=place, device="cpu")
    stem = checkpoint if quantize is None else f"{checkpoint}-{quantize.value}"
    with written_together(out) as partial:
        found = _export(engine, kind.value, partial, stem, calibrating, quantize is not None)
        compared, latency = _measured(engine, kind.value, partial / found["file"], samples, data, quantize is None)
        found |= {"agreement": compared, "latency": latency, "bytes": _sizes(engine, place, partial / found["file"])}
        described = _described(engine, found)
        name = f"{found['file']}.json"
        (partial / name).write_text(json_text(described, indent=1) + "\n", encoding="utf-8")
    files = [found["file"], name]
    answer({"command": "export", **described, "folder": out, "files": files}, as_json, *export_texts(described, out))


def _export(
    engine: "Engine", kind: "Format", folder: Path, stem: str, calibrating: "list[Sample]", small: bool
) -> dict[str, Any]:
    """Write the file; an 8-bit one of ONNX is made from a float32 one that has passed the check."""
    from mtlviz.exporting.description import use
    from mtlviz.exporting.files import SUFFIXES, sha256_of, write_float, write_small_onnx, write_small_weights

    def about(sizes: "Sizes") -> str:
        return json_text(use(engine.card, sizes))

    size, path = engine.card.input_size, folder / f"{stem}{SUFFIXES[kind]}"
    quantised: dict[str, Any] | None = None
    with engine.parts() as network, bar("Exporting"):
        if not small:
            sizes = write_float(network, size, kind, path, about)
        elif kind == "onnx":
            whole = folder / "float32.onnx"
            sizes = write_float(network, size, kind, whole, about)
            images = [image for _, image in _prepared(engine, calibrating)]
            _agreeing(engine, _opened(engine, kind, whole), calibrating)
            quantised = write_small_onnx(whole, path, images)
            whole.unlink()
        else:
            sizes, quantised = write_small_weights(network, size, path, about)
    return {
        "file": path.name, "format": kind, "sha256": sha256_of(path), "quantised": quantised, "sizes": sizes,
    }  # fmt: skip


def _agreeing(engine: "Engine", forward: "Forward", samples: "Images") -> dict[str, "TaskAgreement"]:
    """How a float32 file compares.

    Raises:
        ExportError: if it does not agree with its network.
    """
    from mtlviz.exporting.agreement import TOLERANCE

    compared = _compared(engine, forward, samples, exact=True)
    wrong = {task: found.difference for task, found in compared.items() if not found.agrees}
    if wrong:
        task, worst = max(wrong.items(), key=lambda item: item[1])
        raise ExportError(
            f"The exported file differs from {engine.card.name!r} by {worst:.1e} of the largest value of "
            f"{task!r}, more than {TOLERANCE:.0e}, so nothing was written; choose the other --format."
        )
    return compared


def _measured(
    engine: "Engine", kind: "Format", path: Path, samples: "Samples", data: str, exact: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the file says beside the network, and how long both take."""
    import torch

    from mtlviz.bench.timing import take_turns
    from mtlviz.exporting.agreement import TOLERANCE, mean_gain
    from mtlviz.exporting.files import original_forward

    forward = _opened(engine, kind, path)
    compared = _agreeing(engine, forward, samples) if exact else _compared(engine, forward, samples, exact=False)
    with engine.parts() as network:
        first, original = engine.prepared(samples[0]).image, original_forward(network)
        turns = take_turns({"original": lambda: original(first), "exported": lambda: forward(first)}, seconds=SECONDS)
    agreement = {
        "images": len(samples), "data": data, "tolerance": TOLERANCE if exact else None,
        "tasks": {name: asdict(task) for name, task in compared.items()}, "delta_m": mean_gain(compared),
    }  # fmt: skip
    return agreement, {
        "original_ms": turns.milliseconds("original"),
        "exported_ms": turns.milliseconds("exported"),
        "ratio": turns.ratio("exported", "original"),
        "rounds": turns.rounds,
        "threads": torch.get_num_threads(),
        "size": list(engine.card.input_size),
    }


def _compared(engine: "Engine", forward: "Forward", samples: "Images", *, exact: bool) -> dict[str, "TaskAgreement"]:
    from mtlviz.exporting.agreement import compared
    from mtlviz.exporting.files import original_forward

    with engine.parts() as network:
        images = _prepared(engine, samples)
        return compared(original_forward(network), forward, images, engine.card.tasks, exact=exact)


def _opened(engine: "Engine", kind: "Format", path: Path) -> "Forward":
    from mtlviz.exporting.files import open_file

    return open_file(path, kind, [task.name for task in engine.card.tasks])


def _prepared(engine: "Engine", samples: "Images") -> "Iterator[tuple[Sample, Tensor]]":
    for index in range(len(samples)):
        yield samples[index], engine.prepared(samples[index]).image


def _sizes(engine: "Engine", folders: "Folders", path: Path) -> dict[str, int]:
    from mtlviz.checkpoints import folder_of

    original = folder_of(engine.card.name, folders) / f"{engine.card.name}.safetensors"
    return {"original": original.stat().st_size, "exported": path.stat().st_size}


def _described(engine: "Engine", found: dict[str, Any]) -> dict[str, Any]:
    from mtlviz.exporting.description import description

    return description(engine.card, found["sizes"], {key: value for key, value in found.items() if key != "sizes"})
