"""The conventions of every kind of task as records: what is reported and how exactly it is counted.

The defaults are those of the rooms; ``mtlviz.metrics.families`` holds those of published work.
"""

from typing import Literal, get_args

from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from mtlviz.errors import OptionError
from mtlviz.tasks import Task

ClassMetric = Literal["miou", "pixel_accuracy"]
DepthMetric = Literal["rmse", "log_rmse", "abs_err", "abs_rel", "sq_rel", "delta1", "delta2", "delta3"]
NormalMetric = Literal["mean_angle", "median_angle", "rmse_angle", "within_11.25", "within_22.5", "within_30"]
SaliencyMetric = Literal["max_f", "sal_miou", "max_f_image", "max_f_second_sigmoid"]
EdgeMetric = Literal["edge_f", "edge_bce", "ods_f", "ois_f", "edge_ap", "bf_score"]

Absent = Literal["zero", "nan"]
Pooling = Literal["pixels", "images", "batches"]

SMALLEST = 1e-9
"""Least predicted depth, in its own unit, so that its logarithm exists."""
TOLERANCE = 0.0075
"""Of the image diagonal, within which a predicted edge pixel and a true one match."""


class MeterOptions(BaseModel):
    """What a meter reports, the headline first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: tuple[str, ...] = Field(min_length=1)

    @property
    def headline(self) -> str:
        """The metric that stands for the task."""
        return self.metrics[0]


class ClassOptions(MeterOptions):
    """Segmentation and human parts.

    Attributes:
        metrics: what is reported.
        absent: a class that is neither labelled nor predicted anywhere counts as 0 (``zero``, the convention of
            ASTMT and ATRC) or is left out of the mean (``nan``, that of EMA-Net).
        skip_background: images whose labels are nothing but class 0 do not count, as images without a person
            in the literature's human parts.
    """

    metrics: tuple[ClassMetric, ...] = Field(default=("miou", "pixel_accuracy"), min_length=1)
    absent: Absent = "zero"
    skip_background: bool = False


class DepthOptions(MeterOptions):
    """Depth or disparity; limits are in the label's unit.

    Attributes:
        metrics: what is reported.
        closest: pixels whose truth is this or less do not count.
        cap: pixels whose truth is this or more do not count; 6.5535 m in MTFormer.
        clamp: range into which predictions are brought before they are compared.
        median_scaling: multiply a prediction by the ratio of true and predicted median of its image.
        pooling: errors over all pixels of the set, their mean over images (ASTMT), or over batches (MTAN, whose
            result depends on the batch size).
    """

    metrics: tuple[DepthMetric, ...] = Field(default=("rmse", "abs_err", "abs_rel", "delta1"), min_length=1)
    closest: float = Field(default=0.0, ge=0)
    cap: float | None = Field(default=None, gt=0)
    clamp: tuple[float, float | None] = (SMALLEST, None)
    median_scaling: bool = False
    pooling: Pooling = "pixels"

    def counts(self, true: Float[Tensor, "*n"]) -> Bool[Tensor, "*n"]:
        """Where true depth is in the range that counts."""
        inside = true > self.closest
        return inside if self.cap is None else inside & (true < self.cap)


class NormalOptions(MeterOptions):
    """Surface normals.

    Attributes:
        metrics: what is reported.
        bin: degrees; width of the bins from which the median is read. None keeps every angle (4 bytes a pixel of
            the whole set) and takes the exact median.
    """

    metrics: tuple[NormalMetric, ...] = Field(
        default=("mean_angle", "median_angle", "within_11.25", "within_22.5", "within_30"), min_length=1
    )
    bin: float | None = Field(default=0.01, ge=0.001, le=1)


class SaliencyOptions(MeterOptions):
    """Saliency and other areas of one probability a pixel.

    Attributes:
        metrics: what is reported; ``max_f_second_sigmoid`` is the compatibility form of InvPT and its heirs.
        beta2: weight of recall in ``max_f``.
    """

    metrics: tuple[SaliencyMetric, ...] = Field(default=("max_f", "sal_miou"), min_length=1)
    beta2: float = Field(default=0.3, gt=0)


class EdgeOptions(MeterOptions):
    """Edges.

    Attributes:
        metrics: what is reported; ``bf_score`` is the field's name for ``edge_f``.
        tolerance: largest distance of a match as a share of the diagonal; at least 1 pixel is allowed.
        steps: n thresholds k / (n + 1) of the one-to-one metrics.
        eight_bit: probabilities are rounded down to multiples of 1/255 first, as in a saved image.
        suppress: predictions keep only their ridges before thresholds are applied.
        thin_truth: true edges are thinned too, so that a thick truth can be met.
    """

    metrics: tuple[EdgeMetric, ...] = Field(default=("edge_f", "edge_bce"), min_length=1)
    tolerance: float = Field(default=TOLERANCE, gt=0, lt=1)
    steps: int = Field(default=99, ge=1, le=255)
    eight_bit: bool = False
    suppress: bool = False
    thin_truth: bool = True


USUAL: dict[str, MeterOptions] = {
    "classes": ClassOptions(),
    "depth": DepthOptions(),
    "normals": NormalOptions(),
    "binary": SaliencyOptions(),
    "edge": EdgeOptions(),
}
"""The defaults by kind; a binary task that is judged by boundaries has those of ``edge``."""


def is_edge(task: Task) -> bool:
    """Whether a binary task is scored by matching boundaries rather than by area."""
    return task.kind == "binary" and task.metric in get_args(EdgeMetric)


def default_options(task: Task) -> MeterOptions:
    """Today's conventions for a task, its own headline first.

    Raises:
        OptionError: if no meter of its kind computes the headline that the task names.
    """
    usual = USUAL["edge" if is_edge(task) else task.kind]
    known = _known_metrics(task)
    if task.metric not in known:
        raise OptionError(
            f"Task {task.name!r} is to be judged by {task.metric!r}, which no meter of kind {task.kind!r} computes; "
            f"choose one of {', '.join(known)}."
        )
    others = [name for name in usual.metrics if name != task.metric]
    return usual.model_copy(update={"metrics": (task.metric, *others)})


def _known_metrics(task: Task) -> tuple[str, ...]:
    kinds = {
        "classes": get_args(ClassMetric),
        "depth": get_args(DepthMetric),
        "normals": get_args(NormalMetric),
        "binary": (*get_args(SaliencyMetric), *get_args(EdgeMetric)),
    }
    return kinds[task.kind]
