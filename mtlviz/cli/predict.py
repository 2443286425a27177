"""``predict``: every task of an image, or of every image of a folder, as pictures and as numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtlviz.cli.answers import AsJson, answer, table
from mtlviz.cli.boundary import BAD_INPUT
from mtlviz.cli.models import any_card
from mtlviz.cli.options import (
    CheckpointName,
    Checkpoints,
    Device,
    Out,
    Split,
    checkpoint_folder,
    open_image,
)
from mtlviz.cli.outputs import check_folder, written_together
from mtlviz.cli.prediction_files import described, predictions_of, write_predictions
from mtlviz.errors import OptionError

if TYPE_CHECKING:
    from mtlviz.checkpoints import Folders

Images = Annotated[
    str | None,
    typer.Argument(
        metavar="IMAGE", show_default=False, help="PNG, JPEG or WebP, photograph:china, rooms:val:NUMBER, or a folder."
    ),
]
Data = Annotated[Path | None, typer.Option(help="A data set instead of IMAGE; its labels are scored too.")]
FullSize = Annotated[
    bool | None,
    typer.Option(
        "--full-size/--network-size",
        show_default=False,
        help="Size of what is written: the image's own (usual for one image) or the network's (for a folder).",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that a folder has already.")]
Limit = Annotated[int | None, typer.Option(min=1, help="The first so many images of a folder or data set.")]


def predict(
    out: Out,
    image: Images = None,
    checkpoint: CheckpointName = "kem",
    data: Data = None,
    split: Split = "val",
    limit: Limit = None,
    full_size: FullSize = None,
    overwrite: Overwrite = False,
    folder: Checkpoints = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Predict every task of an image: PNG a task, values as NPZ, summary as JSON.

    A folder gives all that for every image below it, in OUT/NAME-OF-THE-IMAGE, and an index.json of all. Results that
    are there already are kept. What cannot be read is said at the end, and the exit code is then 2. Predictions of a
    folder have the network's size, so that photographs of many megapixels do not fill the disk.

    Example:
        python -m mtlviz predict room.jpg --checkpoint kem --out out/room
    """
    check_folder(out)
    if (image is None) == (data is None):
        raise OptionError("Missing argument 'IMAGE'; give an image or a folder of images, or --data and a data set.")
    if image is not None and not Path(image).is_dir():
        _predict_one(image, out, checkpoint, full_size is not False, checkpoint_folder(folder), device, as_json)
        return
    from mtlviz.cli.many_predictions import data_entries, folder_entries, predict_many, summary_texts

    card = any_card(checkpoint, checkpoint_folder(folder))
    if data is None:
        source, (entries, notes) = Path(str(image)), folder_entries(Path(str(image)), out)
    else:
        source, (entries, notes) = data, data_entries(data, split, card)
    from mtlviz.engine import load

    engine = load(checkpoint, folder=checkpoint_folder(folder), device=device)
    index = predict_many(entries[:limit], engine, out, full_size=bool(full_size), overwrite=overwrite, source=source)
    answer({**index, "folder": out, "left_out": notes}, as_json, *summary_texts(index, out), *notes)
    if index["failed"]:
        raise typer.Exit(BAD_INPUT)


def _predict_one(
    image: str, out: Path, checkpoint: str, full_size: bool, folder: "Folders", device: str | None, as_json: bool
) -> None:
    sample = open_image(image)
    from mtlviz.cli.summaries import summary_sentence
    from mtlviz.engine import load

    run = load(checkpoint, folder=folder, device=device).run(sample, capture=None)
    predictions = predictions_of(run, full_size)
    found = described(run, predictions, full_size)
    with written_together(out) as partial:
        write_predictions(run, predictions, found, partial)
    rows = [(one.task.title, summary_sentence(one, found["tasks"][one.task.name])) for one in predictions]
    texts = (found["stamp"], table(("task", "prediction"), rows, text=(0, 1)), *found["notes"])
    answer({**found, "folder": out}, as_json, *texts, f"{len(found['files'])} files are in {out}.")
