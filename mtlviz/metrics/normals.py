"""Angles between predicted and true surface normals."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torchmetrics.utilities import dim_zero_cat

from mtlviz.metrics.base import Meter, median, ratio
from mtlviz.metrics.options import NormalOptions
from mtlviz.tasks import Task

LIMITS = (11.25, 22.5, 30.0)


def angles(given: Float[Tensor, "B 3 H W"], true: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B H W"]:
    """Degrees between two directions, as 2 atan2(|p - g|, |p + g|), which is exact near 0 and 180 too."""
    given, true = functional.normalize(given, dim=1), functional.normalize(true, dim=1)
    return torch.rad2deg(2 * torch.atan2((given - true).norm(dim=1), (given + true).norm(dim=1)))


class NormalMeter(Meter):
    """Mean, median and root mean square angle in degrees; the shares within 11.25, 22.5 and 30 degrees.

    Args:
        task: of kind ``normals``.
        options: whether the median is read from bins or from all angles.
    """

    total: Tensor
    squares: Tensor
    count: Tensor
    within: Tensor
    histogram: Tensor
    kept: list[Tensor]
    options: NormalOptions

    def __init__(self, task: Task, options: NormalOptions | None = None) -> None:
        super().__init__()
        self.task = task
        self.options = options or NormalOptions()
        for name in ("total", "squares", "count"):
            self.add_sum(name)
        self.add_sum("within", len(LIMITS))
        if self.options.bin is None:
            self.add_state("kept", [], dist_reduce_fx="cat")
        else:
            self.add_sum("histogram", round(180 / self.options.bin) + 1, dtype=torch.int64)

    @property
    def protocol(self) -> str:
        """One line that says exactly what the numbers are."""
        median = "exact median" if self.options.bin is None else f"median to {self.options.bin:g} degrees"
        return f"angle in degrees over all valid pixels of the set, {median}"

    def add(self, output: Tensor, label: Tensor, valid: Tensor) -> None:
        """Add a batch of directions ``(B, 3, H, W)``."""
        angle = angles(output.double(), label.double())[valid]
        self.total += angle.sum()
        self.squares += angle.square().sum()
        self.count += angle.numel()
        self.within += torch.stack([(angle < limit).sum() for limit in LIMITS])
        if self.options.bin is None:
            self.kept.append(angle.float())
        else:
            self.histogram += torch.bincount((angle / self.options.bin).long(), minlength=len(self.histogram))

    def compute(self) -> dict[str, float]:
        """The metrics asked for."""
        values = {f"within_{limit:g}": ratio(n, self.count) for limit, n in zip(LIMITS, self.within, strict=True)}
        values |= {"mean_angle": ratio(self.total, self.count), "median_angle": self._median()}
        values["rmse_angle"] = ratio(self.squares, self.count) ** 0.5
        return {name: values[name] for name in self.options.metrics}

    def _median(self) -> float:
        if self.count == 0:
            return float("nan")
        if self.options.bin is None:
            return float(median(dim_zero_cat(self.kept)))
        half = (self.histogram.cumsum(0) * 2 >= self.count).int().argmax()  # first bin that reaches half
        return (float(half) + 0.5) * self.options.bin
