"""How wrong every task is at every token: the mean error over the pixels that the token covers."""

import numpy as np
from jaxtyping import Float32

from mtlviz.analysis.compare import difference
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import valid_pixels
from mtlviz.engine import Run
from mtlviz.tasks import Task

ERROR_NAMES = {
    "classes": "share of wrong pixels",
    "depth": "mean depth error (m)",
    "normals": "mean angle to the truth (°)",
    "binary": "mean error of the probability",
}
"""What the error of a kind of task is, with its unit."""


def error_name(task: Task) -> str:
    """What the error of a task is, with its unit."""
    return ERROR_NAMES[task.kind]


def token_errors(run: Run, grid: tuple[int, int]) -> dict[str, Float32[np.ndarray, " N"]]:
    """By task with ground truth the mean size of the error in every cell; NaN where no pixel has a truth.

    Args:
        run: of an image, with whatever labels it has.
        grid: (rows, columns) of the cells.
    """
    found = {}
    for task in run.card.tasks:
        if task.name in run.sample.labels:
            valid = valid_pixels(run.sample, task)
            errors = difference(task, run.prediction(task.name).values, run.sample.labels[task.name], valid).values
            found[task.name] = cell_means(np.abs(errors), run.letterbox, grid)
    return found


def cell_means(
    values: Float32[np.ndarray, "H W"], letterbox: Letterbox, grid: tuple[int, int]
) -> Float32[np.ndarray, " N"]:
    """Mean over the source pixels whose centres lie in each cell; NaN where none does or none is known.

    Args:
        values: of the source's pixels, NaN where unknown.
        letterbox: how the source lies in the network's input.
        grid: (rows, columns) of the cells, which divide the input evenly.
    """
    cells = []
    for axis in (0, 1):
        start, length = letterbox.box[axis], letterbox.box[axis + 2]
        size = letterbox.target[axis] / grid[axis]
        centres = start + (np.arange(values.shape[axis]) + 0.5) * length / values.shape[axis]
        cells.append((centres // size).astype(np.int64))
    index = (cells[0][:, None] * grid[1] + cells[1][None]).ravel()
    flat = values.ravel().astype(np.float64)
    known = np.isfinite(flat)
    count = np.bincount(index[known], minlength=grid[0] * grid[1])
    total = np.bincount(index[known], flat[known], minlength=grid[0] * grid[1])
    means: Float32[np.ndarray, " N"] = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    return means
