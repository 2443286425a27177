"""``evaluate``: scores of a checkpoint or an adapter on held-out images, beside a predictor that never looks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mtlviz.cli.answers import AsJson, answer
from mtlviz.cli.models import any_card
from mtlviz.cli.options import (
    CheckpointName,
    Checkpoints,
    Device,
    Split,
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
    from mtlviz.checkpoints import Folders, ModelCard
    from mtlviz.training.data import Samples
    from mtlviz.training.matching import Scorable
    from mtlviz.training.scoring import Conventions

ROOMS = "rooms:"
DEFAULT_LIMIT = 300

Data = Annotated[str, typer.Option(help="rooms:val, rooms:test, rooms:train, or the path of a data set.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Images; by default 300 rooms, or a whole data set.")]
SwitchedOff = Annotated[bool, typer.Option("--switched-off", help="Score it also without its interaction.")]
Protocol = Annotated[
    str | None,
    typer.Option(metavar="FAMILY", help="Conventions of published work: vandenhende, mtformer, atrc, invpt, mtan, ..."),
]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", envvar="MTLVIZ_CACHE", help="Folder that keeps rendered rooms."),
]
Fit = Annotated[
    Literal["resize", "pad"] | None,
    typer.Option(help="How images get the model's size; by default as in its training."),
]
Range = Annotated[
    tuple[float, float] | None,
    typer.Option("--depth-range", metavar="LOW HIGH", help="Only true depth between these counts, in its unit."),
]
Clamp = Annotated[
    tuple[float, float] | None,
    typer.Option("--depth-clamp", metavar="LOW HIGH", help="Predicted depth is brought between these first."),
]
MedianScaling = Annotated[
    bool,
    typer.Option("--median-scaling", help="Scale the predicted depth of every image to its true median."),
]


def evaluate(
    checkpoint: CheckpointName = "kem",
    data: Data = "rooms:val",
    split: Split = "val",
    limit: Limit = None,
    switched_off: SwitchedOff = False,
    protocol: Protocol = None,
    fit: Fit = None,
    depth_range: Range = None,
    depth_clamp: Clamp = None,
    median_scaling: MedianScaling = False,
    cache: Cache = None,
    workers: Workers = None,
    folder: Checkpoints = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Score a model with the field's metrics, each with its protocol and beside a constant predictor.

    Any data set that `validate-dataset` knows will do. Images are resized to the model's size and predictions back to
    that of the labels; tasks that the data define otherwise are left out, and it is said why. Rooms that are not on
    disk yet are rendered first and kept for the next time.

    Example:
        python -m mtlviz evaluate --checkpoint kem --data rooms:val --limit 300
    """
    place = checkpoint_folder(folder)
    card = any_card(checkpoint, place)
    where = chosen_device(device)
    depth = depth_limits(depth_range, depth_clamp, median_scaling)
    if protocol is not None:
        from mtlviz.metrics.families import protocol_family

        protocol_family(protocol)  # refused before anything is rendered
    source = images_on_disk(data, limit, card.input_size, cache, workers)

    from mtlviz.training.matching import scorable
    from mtlviz.training.scoring import Conventions

    images = scorable(source, split, image_count(data, limit), card)
    conventions = Conventions(protocol, images.variant, depth)
    scores = _scores(checkpoint, place, where, images, conventions, fit, switched_off, worker_count(workers))
    scores["constants_from"] = data
    notes = list(images.left_out)
    if switched_off and "interaction_off" not in scores:
        notes.append(f"{card.name} has no interaction that can be switched off.")
    said = {"title": images.title, "variant": images.variant, "split": images.split, "left_out": notes}
    found = {"command": "evaluate", "checkpoint": checkpoint, "trained": card.trained, "data": data, **said, **scores}
    shown = data if data.startswith(ROOMS) else f"{images.title} ({images.variant}), {images.split}"
    answer(found, as_json, *score_texts(f"{checkpoint} on {shown}", scores), "", *notes)


def depth_limits(
    limits: tuple[float, float] | None, clamp: tuple[float, float] | None, median_scaling: bool
) -> dict[str, Any]:
    """Fields of ``DepthOptions`` that were asked for.

    Raises:
        OptionError: if a range is empty or begins below 0.
    """
    for option, ends in (("--depth-range", limits), ("--depth-clamp", clamp)):
        if ends is not None and not 0 <= ends[0] < ends[1]:
            asked_for = f"{option} {ends[0]:g} {ends[1]:g}"
            raise OptionError(f"{asked_for} is no range of depth; give two numbers from 0 up, such as 0 80.")
    asked: dict[str, Any] = {} if limits is None else {"closest": limits[0], "cap": limits[1]}
    if clamp is not None:
        from mtlviz.metrics.options import SMALLEST

        asked["clamp"] = (max(clamp[0], SMALLEST), clamp[1])
    return asked | ({"median_scaling": True} if median_scaling else {})


def _scores(
    name: str,
    folder: "Folders",
    device: str,
    images: "Scorable",
    conventions: "Conventions",
    fit: Literal["resize", "pad"] | None,
    switched_off: bool,
    workers: int,
) -> dict[str, Any]:
    """Score a model on a data set, at the size of the labels where images are resized."""
    from mtlviz.catalogue import load_network
    from mtlviz.training.evaluate import evaluate_network, fit_constants
    from mtlviz.training.matching import usual_fit
    from mtlviz.training.sources import Fitted

    network, card = load_network(name, folder, device)
    samples, size = images.samples, card.input_size
    resized = (fit or usual_fit(card)) == "resize"
    if not resized:
        samples = Fitted(samples, size, "pad")
    ready = images.one_size and samples[0].size == size
    with bar("Reading labels") as progress:
        constants = fit_constants(samples, images.tasks, conventions, progress=progress)
    with bar("Evaluating") as progress:
        return evaluate_network(
            network,
            samples,
            images.tasks,
            mean=card.mean,
            std=card.std,
            switched_off=switched_off,
            constants=constants,
            protocol=conventions.protocol,
            variant=conventions.variant,
            depth=conventions.depth,
            size=size if resized and not ready else None,
            workers=workers,
            progress=progress,
        )


def network_scores(
    checkpoint: str, folder: "Folders", device: str, source: Path, limit: int | None, switched_off: bool
) -> dict[str, Any]:
    """Score a checkpoint on the images of a folder, as they are.

    Raises:
        DataError: if they are not of the size that it takes, or not labelled for all its tasks.
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
            progress=progress,
        )


def fitting_images(source: Path, limit: int | None, card: "ModelCard") -> "Samples":
    """The images of a folder, or the first so many, for a model.

    Raises:
        DataError: if they are not of the size that it takes, or not labelled for all its tasks.
    """
    from mtlviz.training.matching import scorable

    found = scorable(source, "val", limit, card)
    if len(found.tasks) < len(card.tasks):
        raise DataError(f"{found.left_out[0].rstrip('.')}; give data that are labelled as those of {card.name!r}.")
    if found.samples[0].size != card.input_size:
        (height, width), (rows, columns) = found.samples[0].size, card.input_size
        raise DataError(
            f"The images in {source} are {height}x{width}, but {card.name!r} takes {rows}x{columns}; "
            "render rooms of that size."
        )
    return found.samples


def image_count(data: str, limit: int | None) -> int | None:
    """How many images are looked at: those asked for, by default 300 rooms and a whole data set."""
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
        raise OptionError(f"--data {data!r} is unknown; choose one of {known}, or the path of a data set.")
    place = check_folder(room_folder(cache_folder(cache), split, size), "--cache")
    count, processes = limit or DEFAULT_LIMIT, worker_count(workers)
    with bar("Rendering rooms") as progress:
        write_rooms(place, split=split, count=count, size=size, workers=processes, progress=progress)
    return place


def room_folder(cache: Path, split: str, size: tuple[int, int]) -> Path:
    """Where rooms rendered on the way are kept: one folder for all counts of a version, split and size."""
    from mtlviz.data.rooms import VERSION

    return cache / f"rooms-{VERSION}" / f"{split}-{size[0]}x{size[1]}"
