"""What the colour of a token says, on a map of features and on the image alike: task, class, slot or error."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, UInt8
from plotly.colors import hex_to_rgb

from mtlviz.analysis.token_cloud import TokenCloud, own_rank
from mtlviz.analysis.token_errors import error_name
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.plots.map_parts import Scale
from mtlviz.plots.style import SEQUENTIAL, colours, slot_colour, slot_label, slot_symbol, task_colour, task_title
from mtlviz.tasks import Task

By = Literal["task", "class", "slot", "error"]
OWN = "own task"
"""Error of every token's own task, as a rank, since metres and degrees do not compare."""
NOTHING = "#808080"
"""Of tokens that have no class, slot or error."""


@dataclass(frozen=True, eq=False)
class Colouring:
    """A colour for every token.

    Attributes:
        title: what the colours say.
        labels: ``(n,)`` entry of the legend, -1 for none; empty where colours are ``values``.
        names: of the entries.
        palette: their hex colours.
        symbols: their markers.
        values: ``(n,)`` numbers on ``scale``, NaN for none; empty where colours are ``labels``.
        scale: of ``values``.
    """

    title: str
    labels: Int[np.ndarray, " entries"]
    names: tuple[str, ...] = ()
    palette: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    values: Float[np.ndarray, " n"] | None = None
    scale: Scale | None = None

    @property
    def rgb(self) -> UInt8[np.ndarray, "n 3"]:
        """Colour of every token."""
        if self.values is not None and self.scale is not None:
            return colours(self.values, self.scale.low, self.scale.high, self.scale.colours)
        table = np.array([hex_to_rgb(colour) for colour in (*self.palette, NOTHING)], np.uint8)
        rgb: UInt8[np.ndarray, "n 3"] = table[self.labels]  # -1 is the last one
        return rgb


def by_task(cloud: TokenCloud) -> Colouring:
    """Whose token it is."""
    names = tuple("all tasks" if cloud.shared else task_title(name) for name in cloud.groups)
    palette = tuple(task_colour(name) for name in cloud.groups)
    return Colouring("task", cloud["group"].astype(np.int64), names, palette, _circles(names))


def by_class(cloud: TokenCloud, task: str) -> Colouring:
    """The class of what it covers: ground truth if there is one, else what the model predicts."""
    labels, true = cloud.classes(task)
    palette = tuple("#{:02x}{:02x}{:02x}".format(*colour) for colour in cloud.task(task).palette)
    title = f"{'true' if true else 'predicted'} class of {task_title(task)}"
    return Colouring(title, labels.astype(np.int64), cloud.task(task).class_names, palette, _circles(palette))


def by_slot(cloud: TokenCloud) -> Colouring:
    """The slot that it reads most."""
    numbers = range(cloud.slots)
    return Colouring(
        "slot it reads most (Write)", cloud["slot"].astype(np.int64), tuple(map(slot_label, numbers)),
        tuple(map(slot_colour, numbers)), tuple(map(slot_symbol, numbers)),
    )  # fmt: skip


def by_error(cloud: TokenCloud, of: str) -> Colouring:
    """How wrong the model is where it lies.

    Args:
        cloud: tokens with errors.
        of: the task whose error it is, at whatever task's token, or ``OWN``.
    """
    nothing = np.zeros(0, np.int64)
    if of == OWN:
        scale = Scale(0, 1, "rank of its error among its task's tokens (1 is the worst)", SEQUENTIAL)
        return Colouring("error of its own task, ranked", nothing, values=own_rank(cloud), scale=scale)
    values = cloud[f"error {of}"]
    known = values[np.isfinite(values)]
    task = cloud.task(of)
    high = 1.0 if task.kind in ("classes", "binary") else float(np.percentile(known, 99)) if known.size else 1.0
    scale = Scale(0, high or 1.0, f"{task_title(of)}: {error_name(task)}", SEQUENTIAL)
    return Colouring(f"error of {task_title(of)}", nothing, values=values, scale=scale)


def _circles(of: tuple[str, ...]) -> tuple[str, ...]:
    return ("circle",) * len(of)


def class_name(task: Task, label: int) -> str:
    """Name of a class, also where a token has none."""
    return "no class" if label == UNKNOWN else task.class_names[label]
