"""Angles between predicted and true surface normals."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from mtlviz.metrics.base import Meter, ratio
from mtlviz.tasks import Task

BIN = 0.01
"""Degrees; width of the bins from which the median is read."""
LIMITS = (11.25, 22.5, 30.0)


def angles(given: Float[Tensor, "B 3 H W"], true: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B H W"]:
    """Degrees between two directions, as 2 atan2(|p - g|, |p + g|), which is exact near 0 and 180 too."""
    given, true = functional.normalize(given, dim=1), functional.normalize(true, dim=1)
    return torch.rad2deg(2 * torch.atan2((given - true).norm(dim=1), (given + true).norm(dim=1)))


class NormalMeter(Meter):
    """``mean_angle`` and ``median_angle`` in degrees; the shares within 11.25, 22.5 and 30 degrees."""

    total: Tensor
    within: Tensor
    histogram: Tensor

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task
        self.add_sum("total")
        self.add_sum("within", len(LIMITS))
        self.add_sum("histogram", round(180 / BIN) + 1, dtype=torch.int64)

    @property
    def protocol(self) -> str:
        """One line that says exactly what the numbers are."""
        return f"angle in degrees over all valid pixels of the set, median to {BIN} degrees"

    def update(self, output: Tensor, label: Tensor, valid: Tensor) -> None:
        """Add a batch of directions ``(B, 3, H, W)``."""
        angle = angles(output.double(), label.double())[valid]
        self.total += angle.sum()
        self.within += torch.stack([(angle < limit).sum() for limit in LIMITS])
        self.histogram += torch.bincount((angle / BIN).long(), minlength=len(self.histogram))

    def compute(self) -> dict[str, float]:
        """The five metrics."""
        count = self.histogram.sum()
        half = (self.histogram.cumsum(0) * 2 >= count).int().argmax()  # first bin that reaches half
        median = (float(half) + 0.5) * BIN if count > 0 else float("nan")
        shares = {f"within_{limit:g}": ratio(n, count) for limit, n in zip(LIMITS, self.within, strict=True)}
        return {"mean_angle": ratio(self.total, count), "median_angle": median, **shares}
