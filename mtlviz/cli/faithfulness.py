"""``faithfulness``: do the maps of the inside foretell what happens when something is taken away?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mtlviz.cli.answers import AsJson, answer, plain
from mtlviz.cli.evaluate import Cache, Data, images_on_disk
from mtlviz.cli.faithfulness_texts import faithfulness_texts
from mtlviz.cli.models import any_card, models_named, one_size
from mtlviz.cli.options import Device, Folder, ModelNames, More, OutFile, Workers, checkpoint_folder, chosen_device
from mtlviz.cli.outputs import check_file, write_measured
from mtlviz.cli.progress import bar

if TYPE_CHECKING:
    from mtlviz.analysis.faithfulness.record import ModelRecord
    from mtlviz.checkpoints import Folders
    from mtlviz.training.data import Samples

DEFAULT_LIMIT = 30
"""Every image takes about a hundred interventions."""

Limit = Annotated[int, typer.Option(min=1, help="Images, the first ones of the set.")]
Integrated = Annotated[
    bool, typer.Option("--integrated", help="Maps of Integrated Gradients too, which take about three times as long.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of the random weights and the shuffled cells.")]


def faithfulness(
    more: More = None,
    checkpoint: ModelNames = None,
    data: Data = "rooms:val",
    limit: Limit = DEFAULT_LIMIT,
    seed: Seed = 0,
    integrated: Integrated = False,
    out: OutFile = None,
    cache: Cache = None,
    workers: Workers = None,
    folder: Folder = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Compare every kind of map with the causal effect of what it shows, and with its negative controls.

    Slots are dropped, tasks silenced and regions of one task's features replaced by their mean, and the change of
    every prediction is ranked against what the map said; beside it the map of the same architecture with random
    weights, and the map with its cells shuffled. Regions of the image are blurred in the same way beside maps of
    gradients. Means over images with their bootstrap interval.

    Example:
        python -m mtlviz faithfulness --checkpoint kem ctal cross_attention --limit 30 --out results/faithfulness.json
    """
    names = models_named(checkpoint, more)
    check_file(out)
    place, where = checkpoint_folder(folder), chosen_device(device)
    cards = [any_card(name, place) for name in names]
    source = images_on_disk(data, limit, one_size(cards), cache, workers)
    kinds = ("saliency", "integrated") if integrated else ("saliency",)
    content = plain(_measured(names, place, where, source, limit, seed, kinds) | {"data": data})
    write_measured(out, "faithfulness", content)
    answer({"command": "faithfulness", **content, "out": out}, as_json, *faithfulness_texts(content))


def _measured(
    names: list[str], folder: "Folders", device: str, source: Path, limit: int, seed: int, gradients: tuple[str, ...]
) -> dict[str, Any]:
    from mtlviz.analysis.faithfulness.summary import faithfulness_summary
    from mtlviz.engine import library_versions
    from mtlviz.training.data import evaluation_set

    samples = evaluation_set(str(source), limit, (0, 0))
    records = [_record(name, folder, device, samples, seed, gradients) for name in names]
    return {**faithfulness_summary(records, seed), "device": device, "versions": library_versions()}


def _record(
    name: str, folder: "Folders", device: str, samples: "Samples", seed: int, gradients: tuple[str, ...]
) -> "ModelRecord":
    from mtlviz.analysis.faithfulness.record import model_record
    from mtlviz.engine import load

    engine = load(name, folder=folder, device=device)
    with bar(f"Taking {name} apart") as progress:
        return model_record(engine, samples, seed=seed, gradients=gradients,
                            progress=lambda done: progress(done, len(samples)))  # fmt: skip
