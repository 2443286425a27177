"""What one prediction says in a few numbers, and how good it is where the truth is known."""

from typing import Any

import numpy as np

from mtlviz.analysis.scene import class_shares, facing_shares
from mtlviz.analysis.scores import image_score
from mtlviz.data.sample import Sample
from mtlviz.predictions import Prediction


def prediction_summary(prediction: Prediction, sample: Sample) -> dict[str, Any]:
    """Numbers of a prediction over all pixels of its image, as plain data.

    Classes: ``shares`` of the pixels by class name, largest first, and ``certainty``, the mean largest
    softmax probability. Depth: ``nearest``, ``median`` and ``farthest`` in metres. Normals: shares of the
    pixels that face ``up``, ``down`` and ``otherwise``. Binary: ``mean`` probability and the share
    ``above_half``. For an image with labels ``metrics`` and their ``protocol``.
    """
    values = prediction.values
    if prediction.task.kind == "classes":
        shares = {one.name: one.share for one in class_shares(prediction.task, values)}
        certainty = None if prediction.certainty is None else float(prediction.certainty.mean())
        summary: dict[str, Any] = {"shares": shares, "certainty": certainty}
    elif prediction.task.kind == "depth":
        nearest, median, farthest = (float(part(values)) for part in (np.min, np.median, np.max))
        summary = {"nearest": nearest, "median": median, "farthest": farthest}
    elif prediction.task.kind == "normals":
        summary = dict(facing_shares(values))
    else:
        summary = {"mean": float(values.mean()), "above_half": float((values > 0.5).mean())}
    if prediction.task.name in sample.labels:
        score = image_score(prediction, sample)
        summary |= {"metrics": score.values, "protocol": score.protocol}
    return summary


def summary_sentence(prediction: Prediction, summary: dict[str, Any]) -> str:
    """The summary for a person."""
    task = prediction.task
    if task.kind == "classes":
        largest = [f"{name} {share:.0%}" for name, share in list(summary["shares"].items())[:4]]
        said = f"{', '.join(largest)}; mean certainty {summary['certainty']:.2f}"
    elif task.kind == "depth":
        said = "{nearest:.2f} to {farthest:.2f} m, median {median:.2f} m".format(**summary)
    elif task.kind == "normals":
        said = "{up:.0%} face up, {down:.0%} down, {otherwise:.0%} otherwise".format(**summary)
    else:
        said = "{above_half:.1%} of the pixels above 0.5, mean probability {mean:.2f}".format(**summary)
    if "metrics" in summary:
        said += f"; {task.metric} {summary['metrics'][task.metric]:.3f} {task.metric_unit}".rstrip()
    return said
