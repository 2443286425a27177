"""Depth errors over all valid pixels of the set, not averages of images or batches."""

import torch
from torch import Tensor

from mtlviz.metrics.base import Meter, ratio
from mtlviz.tasks import Task

SMALLEST = 1e-9
"""Metres; predictions are at least this."""


class DepthMeter(Meter):
    """``rmse`` and ``abs_err`` in metres, ``abs_rel``, and ``delta1``, the share within a factor of 1.25.

    Args:
        task: of kind ``depth``.
        cap: pixels whose true depth in metres is this or more do not count; part of some papers' protocol.
    """

    squares: Tensor
    errors: Tensor
    relative: Tensor
    close: Tensor
    count: Tensor

    def __init__(self, task: Task, cap: float | None = None) -> None:
        super().__init__()
        self.task = task
        self.cap = cap
        for name in ("squares", "errors", "relative", "close", "count"):
            self.add_sum(name)

    @property
    def protocol(self) -> str:
        """One line that says exactly what the numbers are."""
        cap = "no cap" if self.cap is None else f"pixels at {self.cap} m or more left out"
        return f"RMSE in metres over all valid pixels of the set, {cap}, no scale alignment"

    def update(self, output: Tensor, label: Tensor, valid: Tensor) -> None:
        """Add a batch of metres ``(B, 1, H, W)``."""
        true = label[:, 0].double()
        counts = valid & (true > 0)
        if self.cap is not None:
            counts &= true < self.cap
        true, given = true[counts], output[:, 0].double()[counts].clamp(min=SMALLEST)
        error = (given - true).abs()
        self.squares += error.square().sum()
        self.errors += error.sum()
        self.relative += (error / true).sum()
        self.close += (torch.maximum(given / true, true / given) < 1.25).sum()
        self.count += counts.sum()

    def compute(self) -> dict[str, float]:
        """The four metrics."""
        return {
            "rmse": ratio(self.squares, self.count) ** 0.5,
            "abs_err": ratio(self.errors, self.count),
            "abs_rel": ratio(self.relative, self.count),
            "delta1": ratio(self.close, self.count),
        }
