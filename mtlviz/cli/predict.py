"""``predict``: every task of one image, as pictures and as numbers."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mtlviz.cli.answers import AsJson, answer, json_text, table
from mtlviz.cli.options import (
    CheckpointName,
    Checkpoints,
    Device,
    ImageName,
    Out,
    checkpoint_folder,
    open_image,
)
from mtlviz.cli.outputs import check_folder, written_together
from mtlviz.cli.results import facts, save_arrays

if TYPE_CHECKING:
    from mtlviz.engine import Run


def predict(
    image: ImageName,
    out: Out,
    checkpoint: CheckpointName = "kem",
    folder: Checkpoints = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Predict every task of an image at its own resolution: PNG a task, values as NPZ, summary as JSON.

    Example:
        python -m mtlviz predict room.jpg --checkpoint kem --out out/room
    """
    check_folder(out)
    sample = open_image(image)
    from mtlviz.cli.summaries import prediction_summary, summary_sentence
    from mtlviz.engine import load

    run = load(checkpoint, folder=checkpoint_folder(folder), device=device).run(sample, capture=None)
    predictions = [run.prediction(task) for task in run.outputs]
    summaries = {one.task.name: prediction_summary(one, sample) for one in predictions}
    found = {"command": "predict", **facts(run), "tasks": summaries}
    with written_together(out) as partial:
        found["files"] = [*_write(run, partial), "predictions.json"]
        (partial / "predictions.json").write_text(json_text(found, indent=1) + "\n", encoding="utf-8")
    rows = [(one.task.title, summary_sentence(one, summaries[one.task.name])) for one in predictions]
    texts = (found["stamp"], table(("task", "prediction"), rows, text=(0, 1)), *found["notes"])
    answer({**found, "folder": out}, as_json, *texts, f"{len(found['files'])} files are in {out}.")


def _write(run: "Run", folder: Path) -> list[str]:
    """The pictures and the values of all tasks; returns the names of the files."""
    from mtlviz.plots.predictions import depth_range, picture
    from mtlviz.plots.style import png_bytes

    arrays: dict[str, np.ndarray] = {}
    files = []
    for task in run.outputs:
        prediction = run.prediction(task)
        arrays[task] = prediction.values
        ends = (0.0, 1.0)
        if prediction.certainty is not None:
            arrays[f"{task}_certainty"] = prediction.certainty
        if prediction.task.kind == "depth":
            ends = depth_range(prediction.values)
            files.append(f"{task}_millimetres.png")
            _millimetres(prediction.values, folder / files[-1])
        drawn = png_bytes(picture(prediction.task, prediction.values, ends), run.provenance.stamp())
        files.append(f"{task}.png")
        (folder / files[-1]).write_bytes(drawn)
    files.append("predictions.npz")
    save_arrays(folder / files[-1], arrays, run)
    return files


def _millimetres(depth: np.ndarray, path: Path) -> None:
    """Depth as 16-bit grey PNG in millimetres, as depth cameras store it; 65.535 m and beyond saturate."""
    from PIL import Image

    Image.fromarray(np.clip(depth * 1000, 0, 65535).round().astype(np.uint16)).save(path)
