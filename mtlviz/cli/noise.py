"""``noise``: how much that is irrelevant do models let through, and what does it do to the other tasks?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mtlviz.cli.answers import AsJson, answer, plain
from mtlviz.cli.evaluate import Cache, Data, Limit, image_count, images_on_disk
from mtlviz.cli.models import any_card, models_named, one_size
from mtlviz.cli.noise_texts import noise_texts
from mtlviz.cli.options import ComparedNames, Device, Folder, More, OutFile, Workers, checkpoint_folder, chosen_device
from mtlviz.cli.outputs import check_file, write_measured
from mtlviz.cli.progress import bar
from mtlviz.errors import OptionError

if TYPE_CHECKING:
    from mtlviz.analysis.noise.record import ModelRecord
    from mtlviz.checkpoints import Folders, ModelCard
    from mtlviz.training.data import Samples

Seed = Annotated[int, typer.Option(min=0, help="Of all noise, distractors and subsamples.")]


def noise(
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
    """Measure how much irrelevant content an interaction lets through, and what it does to the other tasks.

    Experiments: noise on one task's features, another image's features, distractor tokens, weights between different
    labels set to 0 beside a control; what comes out at the tasks that were not touched, as features, predictions and
    metrics. Maps: noise mass against the labels with its chance and floor, spread, rank and sinks, the curve over the
    number of tokens. Means over images with their bootstrap interval.

    Example:
        python -m mtlviz noise --checkpoints none kem cross_attention --data rooms:val --limit 100 --out noise.json
    """
    names = models_named(checkpoints, more)
    check_file(out)
    place, where = checkpoint_folder(folder), chosen_device(device)
    size = one_size([_card(name, place) for name in names])
    source = images_on_disk(data, limit, size, cache, workers)
    count = image_count(data, limit)
    content = plain(_measured(names, place, where, source, count, seed) | {"data": data})
    write_measured(out, "noise", content)
    answer({"command": "noise", **content, "out": out}, as_json, *noise_texts(content))


def _measured(
    names: list[str], folder: "Folders", device: str, source: Path, limit: int | None, seed: int
) -> dict[str, Any]:
    from mtlviz.analysis.noise.summary import noise_summary
    from mtlviz.engine import library_versions
    from mtlviz.training.data import evaluation_set

    samples = evaluation_set(str(source), limit, (0, 0))
    records = [_record(name, folder, device, samples, seed) for name in names]
    return {**noise_summary(records, seed), "device": device, "versions": library_versions()}


def _record(name: str, folder: "Folders", device: str, samples: "Samples", seed: int) -> "ModelRecord":
    from mtlviz.analysis.noise.record import model_record
    from mtlviz.engine import load

    engine = load(name, folder=folder, device=device)
    with bar(f"Disturbing {name}") as progress:
        return model_record(engine, samples, seed=seed, progress=lambda done: progress(done, len(samples)))


def _card(name: str, folder: "Folders") -> "ModelCard":
    """The card of a network with at least two tasks to disturb and to watch."""
    card = any_card(name, folder)
    if len(card.tasks) < 2:
        raise OptionError(f"Checkpoint {name!r} has one task only; noise between tasks needs a model of two or more.")
    return card
