"""The tasks of dense prediction as data: what each one predicts, how it is scored and how it is drawn."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["classes", "depth", "normals", "binary"]
IGNORE = 255
"""Label of a pixel without a class; it enters no loss and no metric."""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Task:
    """One dense prediction of an image.

    Attributes:
        name: key used everywhere, e.g. ``"semseg"``.
        title: name shown to a person.
        kind: ``classes`` (one label a pixel), ``depth`` (metres), ``normals`` (unit vectors) or ``binary``
            (one probability a pixel).
        channels: output channels of the network, equal to the number of classes for ``classes``.
        loss: ``cross_entropy`` | ``l1`` | ``normal_l1`` | ``balanced_bce`` | ``edge_bce``.
        loss_weight: default weight in the total loss.
        metric: key of the headline metric in ``mtlviz.metrics``.
        higher_is_better: direction of the headline metric.
        unit: unit of the predicted value, empty where it has none.
        metric_unit: unit of the headline metric, empty where it has none.
        drawn_as: one phrase for captions.
        class_names: names by label for ``classes``, else empty.
        palette: RGB by label for ``classes``, else empty.
    """

    name: str
    title: str
    kind: Kind
    channels: int
    loss: str
    loss_weight: float
    metric: str
    higher_is_better: bool
    unit: str
    metric_unit: str
    drawn_as: str
    class_names: tuple[str, ...] = ()
    palette: tuple[Colour, ...] = ()

    def __post_init__(self) -> None:
        if self.kind == "classes" and not self.channels == len(self.class_names) == len(self.palette):
            raise ValueError(
                f"task {self.name!r}: {self.channels} channels, {len(self.class_names)} class names and "
                f"{len(self.palette)} colours; the three must be equal"
            )


ROOM_CLASSES: dict[str, Colour] = {
    "wall": (199, 199, 199),
    "floor": (140, 109, 75),
    "ceiling": (236, 229, 206),
    "window": (126, 198, 235),
    "door": (176, 122, 40),
    "picture": (233, 150, 190),
    "curtain": (148, 103, 189),
    "bed": (214, 69, 65),
    "sofa": (23, 130, 150),
    "chair": (255, 140, 30),
    "table": (95, 70, 160),
    "cabinet": (122, 140, 60),
    "shelves": (60, 90, 130),
    "lamp": (255, 220, 60),
    "plant": (44, 160, 60),
    "box": (120, 72, 60),
    "person": (240, 50, 130),
}
"""Classes of the rooms data set with their colours, in label order."""

PARTS: dict[str, Colour] = {
    "background": (225, 225, 225),
    "head": (214, 69, 65),
    "torso": (44, 110, 180),
    "upper arm": (255, 165, 30),
    "lower arm": (250, 220, 90),
    "upper leg": (40, 140, 80),
    "lower leg": (140, 210, 130),
}
"""Human parts of PASCAL-Part as the multi-task literature merges them, in label order."""


def _classes(name: str, title: str, classes: dict[str, Colour], loss_weight: float) -> Task:
    return Task(
        name, title, "classes", len(classes), "cross_entropy", loss_weight, "miou", True, "", "",
        "class colours; opacity can show the softmax probability", tuple(classes), tuple(classes.values()),
    )  # fmt: skip


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        _classes("semseg", "Semantic segmentation", ROOM_CLASSES, 1.0),
        Task("depth", "Depth", "depth", 1, "l1", 1.0, "rmse", False, "m", "m",
             "distance along the optical axis, one sequential scale"),
        Task("normals", "Surface normals", "normals", 3, "normal_l1", 10.0, "mean_angle", False, "", "°",
             "x (right) in red, y (up) in green, z (towards the camera) in blue, [-1, 1] to [0, 255]"),
        Task("edge", "Edges", "binary", 1, "edge_bce", 50.0, "edge_f", True, "probability", "",
             "probability of a boundary between labels, 0 to 1"),
        Task("saliency", "Saliency", "binary", 1, "balanced_bce", 5.0, "max_f", True, "probability", "",
             "probability that a pixel belongs to a salient object, 0 to 1"),
        _classes("human_parts", "Human parts", PARTS, 2.0),
    )
}  # fmt: skip
"""Every task by name, in the order in which they are always shown."""
