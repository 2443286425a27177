"""``attribution``: do the contributions of Integrated Gradients add up on the models that are shipped?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mtlviz.cli.answers import AsJson, answer, plain
from mtlviz.cli.attribution_texts import attribution_texts
from mtlviz.cli.evaluate import Cache, Data, images_on_disk
from mtlviz.cli.models import any_card, models_named, one_size
from mtlviz.cli.options import Device, Folder, ModelNames, More, OutFile, Workers, checkpoint_folder, chosen_device
from mtlviz.cli.outputs import check_file, write_measured
from mtlviz.cli.progress import bar

if TYPE_CHECKING:
    from mtlviz.checkpoints import Folders
    from mtlviz.training.data import Samples

Limit = Annotated[int, typer.Option(min=1, help="Images, the first ones of the set.")]


def attribution(
    more: More = None,
    checkpoints: ModelNames = None,
    data: Data = "rooms:val",
    limit: Limit = 10,
    out: OutFile = None,
    cache: Cache = None,
    workers: Workers = None,
    folder: Folder = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Check by how much the contributions of Integrated Gradients miss what they share out.

    Every task over the image, and one task in turn at its middle pixel, with the default steps and baseline: once with
    the picks held at those of the image, once with picks that may change along the path. The table says how many
    targets stay below 5 %.

    Example:
        python -m mtlviz attribution --checkpoints kem cross_attention --limit 10 --out results/attribution.json
    """
    names = models_named(checkpoints, more)
    check_file(out)
    place, where = checkpoint_folder(folder), chosen_device(device)
    source = images_on_disk(data, limit, one_size([any_card(name, place) for name in names]), cache, workers)
    content = plain(_measured(names, place, where, source, limit) | {"data": data})
    write_measured(out, "attribution", content)
    answer({"command": "attribution", **content, "out": out}, as_json, *attribution_texts(content))


def _measured(names: list[str], folder: "Folders", device: str, source: Path, limit: int) -> dict[str, Any]:
    from mtlviz.analysis.attribution.convergence import protocol
    from mtlviz.engine import library_versions
    from mtlviz.training.data import evaluation_set

    samples = evaluation_set(str(source), limit, (0, 0))
    models = [_model(name, folder, device, samples) for name in names]
    return {"images": len(samples), "protocol": protocol(), "models": models, "device": device,
            "versions": library_versions()}  # fmt: skip


def _model(name: str, folder: "Folders", device: str, samples: "Samples") -> dict[str, Any]:
    from mtlviz.analysis.attribution.convergence import as_plain, convergence
    from mtlviz.engine import load

    engine = load(name, folder=folder, device=device)
    with bar(f"Explaining {name}") as progress:
        gaps = convergence(engine, samples, progress=lambda done: progress(done, len(samples)))
    return as_plain(engine.card, gaps)
