"""``evaluate``: scores of a checkpoint on held-out images, beside a predictor that never looks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mtlviz.cli.answers import AsJson, answer
from mtlviz.cli.models import network_card
from mtlviz.cli.options import (
    CheckpointName,
    Checkpoints,
    Device,
    Workers,
    cache_folder,
    checkpoint_folder,
    chosen_device,
    worker_count,
)
from mtlviz.cli.outputs import check_folder
from mtlviz.cli.progress import bar
from mtlviz.cli.scores import score_texts
from mtlviz.errors import DataError, OptionError

if TYPE_CHECKING:
    from mtlviz.checkpoints import ModelCard
    from mtlviz.training.data import Samples

ROOMS = "rooms:"
DEFAULT_LIMIT = 300

Data = Annotated[str, typer.Option(help="rooms:val, rooms:test, rooms:train, or a folder of rooms.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Images; by default 300 of a split, or a whole folder.")]
SwitchedOff = Annotated[bool, typer.Option("--switched-off", help="Score it also without its interaction.")]
Protocol = Annotated[
    str | None,
    typer.Option(metavar="FAMILY", help="Conventions of published work: vandenhende, mtformer, atrc, invpt, mtan, ..."),
]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", envvar="MTLVIZ_CACHE", help="Folder that keeps rendered rooms."),
]


def evaluate(
    checkpoint: CheckpointName = "kem",
    data: Data = "rooms:val",
    limit: Limit = None,
    switched_off: SwitchedOff = False,
    protocol: Protocol = None,
    cache: Cache = None,
    workers: Workers = None,
    folder: Checkpoints = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Score a checkpoint with the field's metrics, each with its protocol and beside a constant predictor.

    Rooms that are not on disk yet are rendered first and kept for the next time.

    Example:
        python -m mtlviz evaluate --checkpoint kem --data rooms:val --limit 300
    """
    place = checkpoint_folder(folder)
    card = network_card(checkpoint, place)
    where = chosen_device(device)
    if protocol is not None:
        from mtlviz.metrics.families import protocol_family

        protocol_family(protocol)  # refused before anything is rendered
    source = images_on_disk(data, limit, card.input_size, cache, workers)
    scores = network_scores(checkpoint, place, where, source, image_count(data, limit), switched_off, protocol)
    scores["constants_from"] = data
    found = {"command": "evaluate", "checkpoint": checkpoint, "trained": card.trained, "data": data, **scores}
    answer(found, as_json, *score_texts(f"{checkpoint} on {data}", scores))


def network_scores(
    checkpoint: str,
    folder: Path,
    device: str,
    source: Path,
    limit: int | None,
    switched_off: bool,
    protocol: str | None = None,
) -> dict[str, Any]:
    """Score a checkpoint on the images of a folder.

    Raises:
        DataError: if they are not of the size that it takes.
    """
    from mtlviz.checkpoints import load_checkpoint
    from mtlviz.training.evaluate import evaluate_network

    network, card = load_checkpoint(checkpoint, folder, device)
    samples = fitting_images(source, limit, card)
    with bar("Evaluating") as progress:
        return evaluate_network(
            network,
            samples,
            card.tasks,
            mean=card.mean,
            std=card.std,
            switched_off=switched_off,
            protocol=protocol,
            progress=progress,
        )


def fitting_images(source: Path, limit: int | None, card: "ModelCard") -> "Samples":
    """The images of a folder, or the first so many, for a model.

    Raises:
        DataError: if they are not of the size that it takes.
    """
    from mtlviz.training.data import evaluation_set

    samples = evaluation_set(str(source), limit, card.input_size)
    if samples[0].size != card.input_size:
        (height, width), (rows, columns) = samples[0].size, card.input_size
        raise DataError(
            f"The images in {source} are {height}x{width}, but {card.name!r} takes {rows}x{columns}; "
            "render rooms of that size."
        )
    return samples


def image_count(data: str, limit: int | None) -> int | None:
    """How many images are looked at: those asked for, by default 300 of a split and a whole folder."""
    return DEFAULT_LIMIT if limit is None and data.startswith(ROOMS) else limit


def images_on_disk(
    data: str, limit: int | None, size: tuple[int, int], cache: Path | None, workers: int | None
) -> Path:
    """The folder that holds the images; rooms are rendered where they are missing.

    Raises:
        OptionError: if there is no such split of rooms.
    """
    from mtlviz.data.rooms import SPLITS, write_rooms

    if not data.startswith(ROOMS):
        return Path(data)
    split = data.removeprefix(ROOMS)
    if split not in SPLITS:
        known = ", ".join(ROOMS + name for name in SPLITS)
        raise OptionError(f"--data {data!r} is unknown; choose one of {known}, or a folder of rooms.")
    place = check_folder(room_folder(cache_folder(cache), split, size), "--cache")
    count, processes = limit or DEFAULT_LIMIT, worker_count(workers)
    with bar("Rendering rooms") as progress:
        write_rooms(place, split=split, count=count, size=size, workers=processes, progress=progress)
    return place


def room_folder(cache: Path, split: str, size: tuple[int, int]) -> Path:
    """Where rooms rendered on the way are kept: one folder for all counts of a version, split and size."""
    from mtlviz.data.rooms import VERSION

    return cache / f"rooms-{VERSION}" / f"{split}-{size[0]}x{size[1]}"
