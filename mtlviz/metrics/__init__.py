"""The field's metrics, one file a kind of task; streaming, mergeable, independent of batch size."""

from collections.abc import Callable

from mtlviz.metrics.base import Meter
from mtlviz.metrics.binary import edge_or_saliency
from mtlviz.metrics.classes import ClassMeter
from mtlviz.metrics.constant import ConstantFit, ConstantMeter
from mtlviz.metrics.delta_m import delta_m
from mtlviz.metrics.depth import DepthMeter
from mtlviz.metrics.normals import NormalMeter
from mtlviz.tasks import Kind, Task

METERS: dict[Kind, Callable[[Task], Meter]] = {
    "classes": ClassMeter,
    "depth": DepthMeter,
    "normals": NormalMeter,
    "binary": edge_or_saliency,
}


def build_meter(task: Task) -> Meter:
    """A fresh meter of a task; ``task.metric`` is among the names it computes."""
    return METERS[task.kind](task)


def build_constant_meter(fit: ConstantFit) -> ConstantMeter:
    """A meter of the constant that was fitted."""
    return ConstantMeter(fit, build_meter(fit.task), build_meter(fit.task))


__all__ = [
    "METERS",
    "ConstantFit",
    "ConstantMeter",
    "Meter",
    "build_constant_meter",
    "build_meter",
    "delta_m",
]
