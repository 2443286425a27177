"""What ``predict`` writes for an image: PNG a task, values as NPZ, summary as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlviz.cli.answers import json_text
from mtlviz.cli.run_facts import facts, save_arrays

if TYPE_CHECKING:
    from mtlviz.engine import Run
    from mtlviz.predictions import Prediction

SUMMARY = "predictions.json"
ARRAYS = "predictions.npz"


def predictions_of(run: "Run", full_size: bool) -> "list[Prediction]":
    """What a run predicts, at the image's own size, or at the network's where the image is larger.

    The network's size is that of the image inside its input, without bars: nothing that it said is lost.
    """
    if full_size:
        return [run.prediction(task) for task in run.outputs]
    from mtlviz.data.letterbox import Letterbox
    from mtlviz.predictions import predict_at_source

    (_, _, *inner), source = run.letterbox.box, run.sample.size
    height, width = (min(pair) for pair in zip(inner, source, strict=True))
    letterbox = Letterbox((height, width), run.letterbox.target)
    return [predict_at_source(run.card.task(task), output, letterbox) for task, output in run.outputs.items()]


def described(run: "Run", predictions: "Sequence[Prediction]", full_size: bool) -> dict[str, Any]:
    """What ``predictions.json`` holds: the facts of the run, and every task in a few numbers.

    Metrics of an image that has labels are those of its own size, whatever size is written.
    """
    from mtlviz.cli.summaries import prediction_summary
    from mtlviz.data.sample import Sample

    tasks = {}
    for one in predictions:
        unlabelled = Sample(run.sample.image, run.sample.name)
        tasks[one.task.name] = prediction_summary(one, run.sample if full_size else unlabelled)
        if not full_size and one.task.name in run.sample.labels:
            from mtlviz.analysis.scores import image_score

            score = image_score(run.prediction(one.task.name), run.sample)
            tasks[one.task.name] |= {"metrics": score.values, "protocol": score.protocol}
    sizes = {"full_size": full_size, "predicted_size": list(predictions[0].values.shape[:2])}
    return {"command": "predict", **facts(run), **sizes, "tasks": tasks}


def write_predictions(run: "Run", predictions: "Sequence[Prediction]", found: dict[str, Any], folder: Path) -> None:
    """The pictures, the values and the summary of all tasks; the summary gets the names of the files."""
    from mtlviz.plots.predictions import depth_range, picture
    from mtlviz.plots.style import png_bytes

    arrays: dict[str, np.ndarray] = {}
    files = []
    for one in predictions:
        task, ends = one.task.name, (0.0, 1.0)
        arrays[task] = one.values
        if one.certainty is not None:
            arrays[f"{task}_certainty"] = one.certainty
        if one.task.kind == "depth":
            ends = depth_range(one.values)
            if one.task.unit == "m":
                files.append(f"{task}_millimetres.png")
                _millimetres(one.values, folder / files[-1])
        files.append(f"{task}.png")
        (folder / files[-1]).write_bytes(png_bytes(picture(one.task, one.values, ends), run.provenance.stamp()))
    save_arrays(folder / ARRAYS, arrays, run)
    found["files"] = [*files, ARRAYS, SUMMARY]
    (folder / SUMMARY).write_text(json_text(found, indent=1) + "\n", encoding="utf-8")


def _millimetres(depth: np.ndarray, path: Path) -> None:
    """Depth as 16-bit grey PNG in millimetres, as depth cameras store it; 65.535 m and beyond saturate."""
    from PIL import Image

    Image.fromarray(np.clip(depth * 1000, 0, 65535).round().astype(np.uint16)).save(path)
