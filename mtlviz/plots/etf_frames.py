"""Names and colours of the vertices of a model's own frame."""

from collections.abc import Sequence

from mtlviz.plots.etf import NEUTRAL, Named
from mtlviz.tasks import Task


def frame_names(owners: Sequence[Task], vertices: int) -> Named:
    """Class names where tasks own the frame, one task after another, else numbers.

    Args:
        owners: tasks in the order of the columns.
        vertices: columns of the frame.
    """
    if not owners:
        return Named(tuple(f"{number}" for number in range(vertices)), (NEUTRAL,) * vertices)
    parts = [Named.of(task.class_names, task.palette, range(task.channels)) for task in owners]
    return Named(
        tuple(name for part in parts for name in part.names), tuple(colour for part in parts for colour in part.colours)
    )
