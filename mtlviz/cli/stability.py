"""``stability``: does the selection of slots survive a small change, and does every class get its share of it?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mtlviz.cli.answers import AsJson, answer, plain
from mtlviz.cli.evaluate import Cache, Data, Limit, image_count, images_on_disk, network_scores
from mtlviz.cli.models import models_named, network_card, one_size
from mtlviz.cli.options import ComparedNames, Device, Folder, More, OutFile, Workers, checkpoint_folder, chosen_device
from mtlviz.cli.outputs import check_file, write_measured
from mtlviz.cli.progress import bar
from mtlviz.cli.stability_texts import stability_texts
from mtlviz.errors import OptionError

if TYPE_CHECKING:
    from mtlviz.analysis.stability.record import ModelRecord
    from mtlviz.checkpoints import Folders, ModelCard
    from mtlviz.training.data import Samples

Seed = Annotated[int, typer.Option(min=0, help="Of all perturbations.")]


def stability(
    more: More = None,
    checkpoints: ComparedNames = None,
    data: Data = "rooms:val",
    limit: Limit = None,
    seed: Seed = 0,
    out: OutFile = None,
    cache: Cache = None,
    workers: Workers = None,
    folder: Folder = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Measure how far the picks of memory slots change when image or weights change a little.

    Every model sees the same changed copies: noise, brightness, colour jitter, shift, crop, and noise on its weights.
    The table holds the overlap of picks as tokens and as classes, the cosine of what slots hold, the margin between
    classes, the change of the predictions, the shares of picks by class, and the scores on the images as they are;
    means over images with their bootstrap interval.

    Example:
        python -m mtlviz stability --checkpoints kem skem --data rooms:val --limit 300 --out results/stability.json
    """
    names = models_named(checkpoints, more)
    check_file(out)
    place, where = checkpoint_folder(folder), chosen_device(device)
    size = one_size([_card(name, place) for name in names])
    source = images_on_disk(data, limit, size, cache, workers)
    count = image_count(data, limit)
    scores = {name: network_scores(name, place, where, source, count, False)["tasks"] for name in names}
    found = _measured(names, place, where, source, count, seed) | {"data": data}
    for model in found["models"]:
        model["scores"] = {
            task: {key: score[key] for key in ("headline", "metrics", "constant", "protocol")}
            for task, score in scores[model["name"]].items()
        }
    content = plain(found)
    write_measured(out, "stability", content)
    answer({"command": "stability", **content, "out": out}, as_json, *stability_texts(content))


def _measured(
    names: list[str], folder: "Folders", device: str, source: Path, limit: int | None, seed: int
) -> dict[str, Any]:
    from mtlviz.analysis.stability.perturbations import GRID
    from mtlviz.analysis.stability.summary import stability_summary
    from mtlviz.engine import library_versions
    from mtlviz.training.data import evaluation_set

    samples = evaluation_set(str(source), limit, (0, 0))
    records = [_record(name, folder, device, samples, seed) for name in names]
    return {**stability_summary(records, GRID, seed), "device": device, "versions": library_versions()}


def _record(name: str, folder: "Folders", device: str, samples: "Samples", seed: int) -> "ModelRecord":
    from mtlviz.analysis.stability.record import model_record
    from mtlviz.engine import load

    engine = load(name, folder=folder, device=device)
    images = (samples[index] for index in range(len(samples)))
    with bar(f"Perturbing {name}") as progress:
        return model_record(engine, images, seed=seed, progress=lambda done: progress(done, len(samples)))


def _card(name: str, folder: "Folders") -> "ModelCard":
    """The card of a model with slots."""
    from mtlviz.analysis.stability.selection import has_slots
    from mtlviz.checkpoints import checkpoint_names, read_card

    card = network_card(name, folder)
    if has_slots(card.architecture.interaction):
        return card
    others = [read_card(one, folder) for one in checkpoint_names(folder)]
    fit = ", ".join(one.name for one in others if has_slots(one.architecture.interaction)) or "none here has any"
    raise OptionError(f"Checkpoint {name!r} has no memory slots; choose from those that have ({fit}).")
