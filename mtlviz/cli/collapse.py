"""``collapse``: the statistics of neural collapse of a checkpoint, task by task and place by place."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtlviz.cli.answers import AsJson, answer, plain
from mtlviz.cli.collapse_texts import collapse_texts
from mtlviz.cli.evaluate import Cache, Data, Limit, fitting_images, image_count, images_on_disk
from mtlviz.cli.models import network_card
from mtlviz.cli.options import Checkpoints, Device, NetworkName, OutFile, Workers, checkpoint_folder, chosen_device
from mtlviz.cli.outputs import check_file
from mtlviz.cli.progress import bar
from mtlviz.errors import OptionError

if TYPE_CHECKING:
    from mtlviz.analysis.collapse.record import CollapseResult, LogEntry
    from mtlviz.checkpoints import Folders

Devices = Annotated[int, typer.Option(min=1, help="Devices or, on the CPU, processes that share the images.")]
Log = Annotated[Path | None, typer.Option("--log", help="collapse.jsonl of the training, kept with the result.")]


def collapse(
    checkpoint: NetworkName = "kem",
    data: Data = "rooms:val",
    limit: Limit = None,
    out: OutFile = None,
    log: Log = None,
    devices: Devices = 1,
    cache: Cache = None,
    workers: Workers = None,
    folder: Checkpoints = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Measure how far features of a class lie at one point, and the classes on a simplex.

    NC1 to NC4 of every classification task and NRC of depth and normals, at five places of the network, in one pass;
    every number averaged over classes (balanced) and over positions (pixel), most with a bootstrap band.

    Example:
        python -m mtlviz collapse --checkpoint kem --data rooms:val --limit 300 --out results/collapse-kem.json
    """
    check_file(out)
    entries = _logged(log)
    place, where = checkpoint_folder(folder), chosen_device(device)
    _check_devices(devices, where)
    result = _measured(checkpoint, place, where, devices, data, limit, cache, workers)

    from mtlviz.analysis.collapse.record import KIND, to_plain, with_trajectory

    content = to_plain(with_trajectory(result, entries))
    if out is not None:
        from mtlviz.results import write_result

        write_result(out, KIND, content)
    answer({"command": "collapse", **plain(content), "out": out}, as_json, *collapse_texts(result))


def _measured(
    name: str, folder: "Folders", device: str, devices: int, data: str, limit: int | None, cache: Path | None,
    workers: int | None,
) -> "CollapseResult":  # fmt: skip
    from mtlviz.analysis.collapse.record import CollapseResult, Protocol
    from mtlviz.checkpoints import load_checkpoint
    from mtlviz.engine import library_versions
    from mtlviz.training.collapse_pass import Normalisation, collapse_statistics

    card = network_card(name, folder)
    source = images_on_disk(data, limit, card.input_size, cache, workers)
    samples = fitting_images(source, image_count(data, limit), card)
    network, _ = load_checkpoint(name, folder, device)
    protocol = Protocol()
    with bar("Measuring collapse") as progress:
        found = collapse_statistics(
            network, samples, card.tasks, norm=Normalisation(card.mean, card.std), protocol=protocol, devices=devices,
            progress=progress,
        )  # fmt: skip
    return CollapseResult(
        model=name, title=card.title, weights_sha256=card.weights_sha256, trained=card.trained, data=data,
        images=len(samples), input_size=card.input_size, device=device, processes=devices,
        versions=library_versions(), protocol=protocol, classes=found.classes, regression=found.regression,
    )  # fmt: skip


def _logged(log: Path | None) -> "tuple[LogEntry, ...]":
    from mtlviz.analysis.collapse.record import read_log

    if log is None:
        return ()
    try:
        return read_log(log.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(
            f"--log {str(log)!r} cannot be read; give the collapse.jsonl in the folder of a training."
        ) from error


def _check_devices(devices: int, device: str) -> None:
    if device == "cpu" or devices == 1:
        return
    import torch

    there = torch.cuda.device_count() if device == "cuda" else 1
    if devices > there:
        raise OptionError(f"--devices {devices} is more than there are of {device!r}; give at most {there}.")
