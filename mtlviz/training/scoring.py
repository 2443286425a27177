"""A network's predictions met with labels: whose conventions count, and the meters that follow them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mtlviz.metrics import ConstantFit, Meter, build_constant_meter, build_meter, default_options
from mtlviz.metrics.classes import ClassMeter
from mtlviz.metrics.edges import EdgeMeter
from mtlviz.metrics.families import family_options
from mtlviz.metrics.options import MeterOptions
from mtlviz.tasks import Kind, Task
from mtlviz.training.data import Batch


@dataclass(frozen=True)
class Conventions:
    """How predictions are scored; every protocol line says what follows from it.

    Attributes:
        protocol: family of ``mtlviz.metrics.families``, used for the tasks that it has; None takes each task's
            defaults.
        variant: name of the data set, on which a family's tolerance of edges depends.
        depth: fields of ``DepthOptions`` that differ from these conventions, for depth and disparity.
    """

    protocol: str | None = None
    variant: str = ""
    depth: Mapping[str, Any] = field(default_factory=dict)

    def options(self, tasks: Sequence[Task]) -> dict[str, MeterOptions]:
        """By task the conventions of its meter.

        Raises:
            OptionError: if there is no such family, or no meter of a task computes its headline.
        """
        family = self._family(tasks)
        options = {task.name: family.get(task.name) or default_options(task) for task in tasks}
        changed = {task.name for task in tasks if task.kind == "depth"} if self.depth else set()
        return {name: one.model_copy(update=self.depth) if name in changed else one for name, one in options.items()}

    def origin(self, task: Task) -> str:
        """Whose conventions a task's protocol line states, as its beginning."""
        if self.protocol is None:
            return ""
        if task.name not in self._family([task]):
            return f"{self.protocol} has no such task, so the usual: "
        changed = " with other limits of depth" if self.depth and task.kind == "depth" else ""
        return f"{self.protocol}{changed}: "

    def _family(self, tasks: Sequence[Task]) -> dict[str, MeterOptions]:
        return {} if self.protocol is None else family_options(self.protocol, tasks, self.variant)


class Scoring:
    """Meters of the tasks, one set for every edit of the network, and those of the constant predictor."""

    def __init__(
        self, tasks: Sequence[Task], constants: Sequence[ConstantFit], conventions: Conventions, edits: Sequence[str]
    ) -> None:
        options = conventions.options(tasks)
        self.kinds: dict[str, Kind] = {task.name: task.kind for task in tasks}
        self.meters = {edit: {task.name: build_meter(task, options[task.name]) for task in tasks} for edit in edits}
        self.constant = {fit.task.name: build_constant_meter(fit, options[fit.task.name]) for fit in constants}
        self.origins = {task.name: conventions.origin(task) for task in tasks}

    def add(self, edit: str, outputs: Mapping[str, Tensor], batch: Batch) -> None:
        """Score the outputs of an edit, each brought to the size of its labels.

        Args:
            edit: under which they were made.
            outputs: of the network, on any device.
            batch: with the labels, on the CPU.
        """
        for task, meter in self.meters[edit].items():
            label = batch.labels[task]
            output = resized_output(outputs[task].float().cpu(), self.kinds[task], (label.shape[-2], label.shape[-1]))
            meter.update(output, label, batch.valid[task])

    def add_constant(self, batch: Batch) -> None:
        """Score the constants on the labels of a batch."""
        for task, blind in self.constant.items():
            blind.update(batch.labels[task], batch.valid[task])

    @contextmanager
    def spread(self, workers: int) -> Iterator[None]:
        """Match edges one to one in so many processes for the time of the block; changes no result."""
        constants = [meter for one in self.constant.values() for meter in (one.meter, one.positive)]
        meters = [*constants, *(meter for one in self.meters.values() for meter in one.values())]
        slow = [meter for meter in meters if isinstance(meter, EdgeMeter) and meter.one_to_one]
        if workers <= 1 or not slow:
            yield
            return
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for meter in slow:
                meter.executor = pool
            try:
                yield
            finally:
                for meter in slow:
                    meter.executor = None

    def results(self) -> dict[str, Any]:
        """``tasks``, what was scored without an edit (``on``), and ``interaction_off`` where that was scored too."""
        on = {task: self._result(task, meter) for task, meter in self.meters["on"].items()}
        off = {task: meter.compute() for task, meter in self.meters.get("off", {}).items()}
        return {"tasks": on, "interaction_off": off} if off else {"tasks": on}

    def _result(self, task: str, meter: Meter) -> dict[str, Any]:
        result: dict[str, Any] = {
            "headline": meter.headline,
            "metrics": meter.compute(),
            "protocol": self.origins[task] + meter.protocol,
            "constant": self.constant[task].compute() if task in self.constant else {},
        }
        if isinstance(meter, ClassMeter):
            result["classes"] = meter.per_class()
        return result


def resized_output(output: Tensor, kind: Kind, size: tuple[int, int]) -> Tensor:
    """What a network gives, (B, C, h, w), at the size of the labels as published work resizes saved predictions.

    Classes take the nearest pixel, so that the best class of a pixel is one that was predicted; other quantities are
    interpolated, probabilities as such, unit vectors brought back to length 1.
    """
    if output.shape[-2:] == torch.Size(size):
        return output
    if kind == "classes":
        return functional.interpolate(output, size, mode="nearest-exact")
    if kind == "binary":
        resized = functional.interpolate(output.sigmoid(), size, mode="bilinear")
        return resized.logit(torch.finfo(resized.dtype).eps)
    resized = functional.interpolate(output, size, mode="bilinear")
    return functional.normalize(resized, dim=1) if kind == "normals" else resized


def without_nan(value: Any) -> Any:  # noqa: ANN401
    """The value with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: without_nan(part) for name, part in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
