"""``predict`` on many images: one folder of results an image, and an index of all.

Results of the image ``a/b.jpg`` lie in ``OUT/a/b.jpg/``. A name is that of a file below the source, so that no two
images share a folder and none leads out of OUT.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mtlviz.cli.answers import json_text
from mtlviz.cli.outputs import written_together
from mtlviz.cli.prediction_files import SUMMARY, described, predictions_of, write_predictions
from mtlviz.cli.progress import bar
from mtlviz.errors import ImageError, MtlvizError, OptionError
from mtlviz.files import write_whole

if TYPE_CHECKING:
    from mtlviz.checkpoints import ModelCard
    from mtlviz.data.sample import Sample
    from mtlviz.data.sets import DataSet
    from mtlviz.engine import Engine

INDEX = "index.json"
ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
LISTED = 20
"""Most failures that are printed; the index holds all."""


@dataclass(frozen=True)
class Entry:
    """One image: its name in the source, which is its folder in the results too, and how it is read."""

    name: str
    read: "Callable[[], Sample]"


def folder_entries(root: Path, out: Path) -> tuple[list[Entry], list[str]]:
    """Every image file below a folder, in the order of its path, and what was passed over.

    Images are files that begin or end like one, so that a damaged one is noticed. Hidden files, folders behind links
    and the results themselves are passed over.

    Raises:
        OptionError: if the results would lie among the images' own names.
        ImageError: if there is none.
    """
    if out.resolve() == root.resolve():
        raise OptionError(f"--out {str(out)!r} is the folder of the images; give another, which may lie in it.")
    found: list[Path] = []
    others = 0
    for parent, folders, files in os.walk(root):
        inner = [name for name in folders if not name.startswith(".")]
        folders[:] = [name for name in inner if Path(parent, name).resolve() != out.resolve()]
        for name in files:
            path = Path(parent, name)
            if name.startswith(".") or not path.is_file():
                continue
            if _is_image(path):
                found.append(path)
            else:
                others += 1
    if not found:
        raise ImageError(f"There is no PNG, JPEG or WebP image in {str(root)!r} or below it; give a folder of images.")
    ordered = sorted((path.relative_to(root) for path in found), key=lambda path: path.parts)
    notes = [f"Passed over {others} files that are not PNG, JPEG or WebP."] if others else []
    return [Entry(_name(path), partial(_read, root / path)) for path in ordered], notes


def _is_image(path: Path) -> bool:
    from mtlviz.data.images import starts_like_image

    if path.suffix.lower() in ENDINGS:
        return True
    try:
        with path.open("rb") as file:
            return starts_like_image(file.read(12))
    except OSError:
        return False


def _read(path: Path) -> "Sample":
    from mtlviz.data.images import read_image

    return read_image(path)


def _name(path: Path) -> str:
    """The path with / between its parts; one that is not printable or holds % is percent-encoded."""
    plain = {part: part.isprintable() and "%" not in part for part in path.parts}
    return "/".join(part if plain[part] else quote(os.fsencode(part), "") for part in path.parts)


def data_entries(path: Path, split: str, card: "ModelCard") -> tuple[list[Entry], list[str]]:
    """Every image of a data set, with the labels that the model can be scored on, and why others are left out.

    Raises:
        DataError: if there is no such data set.
    """
    from mtlviz.data.sets import open_data
    from mtlviz.training.matching import shared_tasks

    found = open_data(path, split)
    tasks, left_out = shared_tasks(card, found)
    chosen = found.only([task.name for task in tasks])
    entries = [Entry(name, partial(_item, chosen, position)) for position, name in enumerate(chosen.names)]
    return entries, list(left_out) if found.tasks else []


def _item(samples: "DataSet", position: int) -> "Sample":
    return samples[position]


def predict_many(
    entries: Sequence[Entry], engine: "Engine", out: Path, *, full_size: bool, overwrite: bool, source: Path
) -> dict[str, Any]:
    """Predict image by image, with the memory of one, and write the index, also when it is interrupted.

    Args:
        entries: the images.
        engine: that predicts.
        out: folder of the results.
        full_size: whether predictions have the size of their image.
        overwrite: replace results that are there.
        source: where the images come from, for the index.

    Returns:
        What the index holds: ``written``, ``kept`` and ``failed`` images, ``provenance``, and ``images``, one record
        each: ``image``, ``status``, ``said`` (why it failed, or what is odd about a kept one), and of results
        ``predicted_size``, ``image_sha256``, ``weights_sha256`` and, where labels are known, ``scores``.
    """
    records: list[dict[str, Any]] = []
    provenance: dict[str, Any] = {}
    try:
        with bar("Predicting") as progress:
            for done, entry in enumerate(entries, 1):
                found = None if overwrite else _known(out / entry.name)
                status, said = "kept", "" if found is None else _odd(found, engine, full_size)
                if found is None:
                    status = "written"
                    try:
                        found = _predicted(entry, engine, out, full_size)
                        provenance = found["provenance"]
                    except MtlvizError as error:
                        status, said = "failed", str(error)
                records.append({"image": entry.name, "status": status, "said": said, **_recorded(found)})
                progress(done, len(entries))
    finally:
        index = _index(records, engine, source, full_size, provenance)
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / INDEX, json_text(index, indent=1) + "\n")
    return index


def _known(folder: Path) -> dict[str, Any] | None:
    """The summary of a result that is there and whole, which was moved there last."""
    try:
        found = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("provenance"), dict) else None


def _odd(found: dict[str, Any], engine: "Engine", full_size: bool) -> str:
    """How a result that is there differs from what would be written now."""
    if found["provenance"].get("weights_sha256") != engine.card.weights_sha256:
        return "was made by other weights; --overwrite replaces it"
    if found.get("full_size") is not full_size:
        return "was made at another size; --overwrite replaces it"
    return ""


def _predicted(entry: Entry, engine: "Engine", out: Path, full_size: bool) -> dict[str, Any]:
    """Read, predict and write one image."""
    folder = out / entry.name
    if entry.name == INDEX:
        raise OptionError(f"{entry.name} has the name of the index; rename the image.")
    if not folder.resolve().is_relative_to(out.resolve()):
        raise OptionError(f"{str(folder)!r} leads out of --out by a link; remove the link.")
    run = engine.run(entry.read(), capture=None)
    predictions = predictions_of(run, full_size)
    found = described(run, predictions, full_size)
    with written_together(folder) as partial_folder:
        write_predictions(run, predictions, found, partial_folder)
        (folder / SUMMARY).unlink(missing_ok=True)  # from here on the old result is not whole
    return found


def _recorded(found: dict[str, Any] | None) -> dict[str, Any]:
    """What the index says of a result."""
    if found is None:
        return {}
    scores = {name: task["metrics"] for name, task in found.get("tasks", {}).items() if "metrics" in task}
    made = found["provenance"]
    return {
        "predicted_size": found.get("predicted_size"),
        "image_sha256": made.get("image_sha256"),
        "weights_sha256": made.get("weights_sha256"),
        **({"scores": scores} if scores else {}),
    }


def _index(
    records: list[dict[str, Any]], engine: "Engine", source: Path, full_size: bool, provenance: dict[str, Any]
) -> dict[str, Any]:
    from mtlviz.engine import library_versions

    counts = Counter(record["status"] for record in records)
    card = engine.card
    return {
        "command": "predict",
        "source": source,
        "checkpoint": card.name,
        "trained": card.trained,
        "full_size": full_size,
        **{status: counts[status] for status in ("written", "kept", "failed")},
        "provenance": {
            "model": card.name,
            "weights_sha256": card.weights_sha256,
            "trained": card.trained,
            "input_size": card.input_size,
            "device": provenance.get("device", engine.device),
            "versions": library_versions(),
        },
        "images": records,
    }


def summary_texts(index: dict[str, Any], out: Path) -> list[str]:
    """The index for a person."""
    size = "the images' own size" if index["full_size"] else "the network's size (--full-size for the images' own)"
    said = [f"{record['image']}: {record['said']}" for record in index["images"] if record["said"]]
    more = [f"{len(said) - LISTED} more; {INDEX} lists them."] if len(said) > LISTED else []
    counted = "{written} images predicted, {kept} kept, {failed} failed".format(**index)
    return [*said[:LISTED], *more, f"{counted}; predictions have {size}; {out / INDEX} lists them."]
