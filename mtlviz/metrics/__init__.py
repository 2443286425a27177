"""The field's metrics, one file a kind of task; streaming, mergeable, independent of batch size.

Conventions are options with today's as defaults; every meter says in one line which it follows.
"""

from collections.abc import Callable
from typing import Any

from mtlviz.errors import OptionError
from mtlviz.metrics.base import Meter
from mtlviz.metrics.classes import ClassMeter
from mtlviz.metrics.constant import ConstantFit, ConstantMeter
from mtlviz.metrics.delta_m import delta_m, delta_p
from mtlviz.metrics.depth import DepthMeter
from mtlviz.metrics.edges import EdgeMeter
from mtlviz.metrics.normals import NormalMeter
from mtlviz.metrics.options import (
    ClassOptions,
    DepthOptions,
    EdgeOptions,
    MeterOptions,
    NormalOptions,
    SaliencyOptions,
    default_options,
)
from mtlviz.metrics.saliency import SaliencyMeter
from mtlviz.tasks import Kind, Task

METERS: dict[type[MeterOptions], tuple[Kind, Callable[[Task, Any], Meter]]] = {
    ClassOptions: ("classes", ClassMeter),
    DepthOptions: ("depth", DepthMeter),
    NormalOptions: ("normals", NormalMeter),
    SaliencyOptions: ("binary", SaliencyMeter),
    EdgeOptions: ("binary", EdgeMeter),
}
"""By record of conventions the kind of task that it is for, and its meter."""


def build_meter(task: Task, options: MeterOptions | None = None) -> Meter:
    """A fresh meter of a task.

    Args:
        task: what is scored.
        options: conventions for its kind; None takes the defaults, among which is ``task.metric``.

    Raises:
        OptionError: if the options are for another kind, or no meter computes ``task.metric``.
    """
    options = default_options(task) if options is None else options
    kind, meter = METERS[type(options)]
    if kind != task.kind:
        raise OptionError(
            f"Task {task.name!r} is of kind {task.kind!r}, but {type(options).__name__} are conventions for {kind!r}; "
            "give those of its own kind."
        )
    return meter(task, options)


def build_constant_meter(fit: ConstantFit, options: MeterOptions | None = None) -> ConstantMeter:
    """A meter of the constant that was fitted."""
    return ConstantMeter(fit, build_meter(fit.task, options), build_meter(fit.task, options))


__all__ = [
    "METERS",
    "ClassOptions",
    "ConstantFit",
    "ConstantMeter",
    "DepthOptions",
    "EdgeOptions",
    "Meter",
    "MeterOptions",
    "NormalOptions",
    "SaliencyOptions",
    "build_constant_meter",
    "build_meter",
    "default_options",
    "delta_m",
    "delta_p",
]
