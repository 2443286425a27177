"""Intersection over union from one confusion matrix of the whole set."""

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from mtlviz.metrics.base import Meter, ratio
from mtlviz.metrics.options import ClassOptions
from mtlviz.tasks import IGNORE, Task


class ClassMeter(Meter):
    """``miou``, ``pixel_accuracy`` and the IoU of every class.

    Args:
        task: of kind ``classes``.
        options: how absent classes and images of nothing but background count.
    """

    confusion: Tensor
    options: ClassOptions

    def __init__(self, task: Task, options: ClassOptions | None = None) -> None:
        super().__init__()
        self.task = task
        self.options = options or ClassOptions()
        self.add_sum("confusion", task.channels, task.channels, dtype=torch.int64)

    @property
    def protocol(self) -> str:
        """One line that says exactly what the numbers are."""
        rule = "counts as 0" if self.options.absent == "zero" else "is left out"
        skipped = f"; images labelled {self.task.class_names[0]} alone left out" if self.options.skip_background else ""
        return (
            f"mIoU over {self.task.channels} classes from one confusion matrix of all labelled pixels, "
            f"a class absent from labels and predictions {rule}; label {IGNORE} ignored{skipped}"
        )

    def add(self, output: Tensor, label: Tensor, valid: Tensor) -> None:
        """Add a batch of logits ``(B, C, H, W)`` and labels ``(B, 1, H, W)``."""
        if self.options.skip_background:
            named = (label[:, 0] != 0) & (label[:, 0] != IGNORE)
            valid = valid & (named & valid).any(-1).any(-1)[:, None, None]
        target = label[:, 0].long().masked_fill(~valid, IGNORE)
        self.confusion += multiclass_confusion_matrix(
            output.argmax(1), target, self.task.channels, ignore_index=IGNORE, validate_args=False
        )

    def compute(self) -> dict[str, float]:
        """The metrics asked for, in [0, 1]."""
        if self.confusion.sum() == 0:
            return dict.fromkeys(self.options.metrics, float("nan"))
        iou = self._iou()
        mean = iou.nan_to_num(0).mean() if self.options.absent == "zero" else iou.nanmean()
        values = {"miou": float(mean), "pixel_accuracy": ratio(self.confusion.trace(), self.confusion.sum())}
        return {name: values[name] for name in self.options.metrics}

    def per_class(self) -> dict[str, dict[str, float]]:
        """By class name its ``iou`` (NaN if absent) and its ``frequency`` among labelled pixels."""
        frequency = self.confusion.sum(1) / self.confusion.sum()
        return {
            name: {"iou": float(iou), "frequency": float(share)}
            for name, iou, share in zip(self.task.class_names, self._iou(), frequency, strict=True)
        }

    def _iou(self) -> Tensor:
        hits = self.confusion.diagonal().double()
        return hits / (self.confusion.sum(0) + self.confusion.sum(1) - hits)
