"""What every meter agrees to: sums over pixels that do not depend on how images are grouped into batches.

Meters are torchmetrics metrics whose states are plain sums: ``merge_state`` joins two of them, ``sync`` those of
several processes.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric

from mtlviz.errors import CheckpointError
from mtlviz.metrics.options import MeterOptions
from mtlviz.tasks import Task


class Meter(Metric):
    """Accumulates one task's metrics over a data set.

    ``compute`` gives floats by name, NaN where no pixel had a label.
    """

    full_state_update = False
    task: Task
    options: MeterOptions

    def __init__(self) -> None:
        # One process evaluates while others may have left already: computing must not wait for them.
        super().__init__(sync_on_compute=False)

    @property
    def headline(self) -> str:
        """The metric that stands for the task."""
        return self.options.headline

    @property
    def protocol(self) -> str:
        """One line that says exactly what the numbers are."""
        raise NotImplementedError

    def update(self, output: Float[Tensor, "B C H W"], label: Tensor, valid: Bool[Tensor, "B H W"]) -> None:
        """Add a batch.

        Args:
            output: what the network gives for the task.
            label: ``(B, c, H, W)`` with c = 3 for normals, else 1.
            valid: pixels that count.

        Raises:
            CheckpointError: if a prediction that counts is NaN, or infinite other than as a logit of classes.
        """
        wrong = output.amax(1).isnan() if self.task.kind == "classes" else ~output.isfinite().all(1)
        lost = int((wrong & valid).sum())
        if lost:
            raise CheckpointError(
                f"The prediction of {self.task.name} is NaN or infinite at {lost:,} of {int(valid.sum()):,} pixels "
                "that count, so it has no score; check the model's weights, or its precision if it was changed."
            )
        self.add(output, label, valid)

    def add(self, output: Float[Tensor, "B C H W"], label: Tensor, valid: Bool[Tensor, "B H W"]) -> None:
        """Count a batch whose predictions are numbers wherever they count; arguments as in ``update``."""
        raise NotImplementedError

    def compute(self) -> dict[str, float]:
        """The metrics of everything added so far."""
        raise NotImplementedError

    def add_sum(self, name: str, *shape: int, dtype: torch.dtype = torch.float64) -> None:
        """Declare a state of zeros to be summed."""
        self.add_state(name, torch.zeros(shape, dtype=dtype), dist_reduce_fx="sum")


def ratio(numerator: Tensor, denominator: Tensor) -> float:
    """Their quotient, NaN for 0 / 0."""
    return float(numerator / denominator)


def median(values: Float[Tensor, "N"]) -> Tensor:
    """The middle value, or the mean of the two in the middle; of any number of values, unlike ``torch.quantile``."""
    ordered = values.sort().values
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
