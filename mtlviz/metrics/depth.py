"""Depth errors; by default over all valid pixels of the set, not averages of images or batches."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mtlviz.metrics.base import Meter, median
from mtlviz.metrics.options import SMALLEST, DepthOptions
from mtlviz.tasks import Task

MEASURES = ("rmse", "log_rmse", "abs_err", "abs_rel", "sq_rel", "delta1", "delta2", "delta3")
ROOTS = torch.tensor([name in ("rmse", "log_rmse") for name in MEASURES])
"""Measures that are the root of a mean square."""


def pixel_measures(given: Float[Tensor, "*n"], true: Float[Tensor, "*n"]) -> Float[Tensor, "8 *n"]:
    """Of positive depths what ``MEASURES`` average, squares where a root follows; logarithms are natural."""
    error, factor = (given - true).abs(), torch.maximum(given / true, true / given)
    close = [(factor < 1.25**power).to(error) for power in (1, 2, 3)]
    return torch.stack([error**2, (given / true).log() ** 2, error, error / true, error**2 / true, *close])


class DepthMeter(Meter):
    """Errors in the label's unit (``rmse``, ``abs_err``, ``sq_rel``) or relative, and shares within 1.25^k.

    Args:
        task: of kind ``depth``.
        options: which pixels count, how predictions are aligned and how errors are pooled.
    """

    sums: Tensor
    weight: Tensor
    largest: Tensor
    options: DepthOptions

    def __init__(self, task: Task, options: DepthOptions | None = None) -> None:
        super().__init__()
        self.task = task
        self.options = options or DepthOptions()
        self.add_sum("sums", len(MEASURES))
        self.add_sum("weight")
        self.add_state("largest", torch.zeros((), dtype=torch.int64), dist_reduce_fx="max")

    @property
    def protocol(self) -> str:
        """One line that says exactly what the numbers are."""
        options, unit = self.options, "metres" if self.task.unit == "m" else self.task.unit or "the label's unit"
        pooled = {
            "pixels": "over all valid pixels of the set",
            "images": "averaged over images",
            "batches": f"averaged over batches of up to {int(self.largest)} images, on whose size it depends",
        }[options.pooling]
        parts = [
            f"{'RMSE' if 'rmse' in options.metrics else 'errors'} in {unit} {pooled}",
            "no cap" if options.cap is None else f"pixels at {options.cap} {self.task.unit} or more left out",
            f"pixels at {options.closest} {self.task.unit} or less left out" if options.closest > 0 else "",
            "scaled to the true median of every image" if options.median_scaling else "no scale alignment",
            "" if options.clamp == (SMALLEST, None) else f"predictions clamped to {_interval(options.clamp)}",
            "natural logarithm" if "log_rmse" in options.metrics else "",
        ]
        return ", ".join(part for part in parts if part)

    def add(self, output: Tensor, label: Tensor, valid: Tensor) -> None:
        """Add a batch of depths ``(B, 1, H, W)`` in the label's unit."""
        true, given = label[:, 0].double(), output[:, 0].double()
        counts = valid & self.options.counts(true)
        if self.options.median_scaling:
            given = given * _median_ratio(given, true, counts)[:, None, None]
        given = given.clamp(*self.options.clamp)
        # Pixels that do not count compare 1 with 1, which is finite; they are taken out of the sums.
        measures = pixel_measures(given.where(counts, 1.0), true.where(counts, 1.0)) * counts
        sums, pixels = measures.sum((2, 3)).T, counts.sum((1, 2))  # (B, 8), (B,)
        if self.options.pooling == "pixels":
            self.sums += sums.sum(0)
            self.weight += pixels.sum()
            return
        if self.options.pooling == "batches":
            sums, pixels = sums.sum(0, keepdim=True), pixels.sum(0, keepdim=True)
        self.sums += _rooted(sums[pixels > 0] / pixels[pixels > 0, None]).sum(0)
        self.weight += (pixels > 0).sum()
        self.largest = self.largest.clamp(min=len(output))

    def compute(self) -> dict[str, float]:
        """The metrics asked for."""
        means = self.sums / self.weight
        values = _rooted(means) if self.options.pooling == "pixels" else means
        by_name = dict(zip(MEASURES, values.tolist(), strict=True))
        return {name: by_name[name] for name in self.options.metrics}


def _rooted(means: Float[Tensor, "*n 8"]) -> Float[Tensor, "*n 8"]:
    return torch.where(ROOTS.to(means.device), means.sqrt(), means)


def _median_ratio(
    given: Float[Tensor, "B H W"], true: Float[Tensor, "B H W"], counts: Bool[Tensor, "B H W"]
) -> Float[Tensor, "B"]:
    """True median over predicted median of every image, 1 without pixels."""
    parts = zip(given, true, counts, strict=True)
    return torch.stack([median(t[c]) / median(g[c]) if c.any() else t.new_ones(()) for g, t, c in parts])


def _interval(limits: tuple[float, float | None]) -> str:
    low, high = limits
    return f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
