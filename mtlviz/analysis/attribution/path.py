"""Integrated Gradients along the straight path from a baseline, with as many gradients where they are needed.

The integral over the path is that over its segments, and on every segment completeness tells how far the quadrature is
off: the sum of the attributions must be f(end) - f(start). The worst segment is halved until the steps are used up
(Sundararajan et al., 2017, for the method; https://arxiv.org/abs/1703.01365).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from captum.attr import IntegratedGradients
from jaxtyping import Float
from torch import Tensor

from mtlviz.analysis.attribution.request import NODES, START

Function = Callable[[Float[Tensor, "B 3 H W"]], Float[Tensor, " B"]]

ENOUGH = 0.01
"""Share of |f(x) - f(b)| below which the segments' errors together end the refinement."""


@dataclass(frozen=True, eq=False)
class Segment:
    """A part of the path.

    Attributes:
        start: share of the path, 0 at the baseline.
        end: share of the path, 1 at the image.
        map: ``(1, 3, H, W)`` attributions.
        error: their sum minus f(end) - f(start).
    """

    start: float
    end: float
    map: Float[Tensor, "1 3 H W"]
    error: float


@dataclass(frozen=True, eq=False)
class Integral:
    """Attributions along a path.

    Attributes:
        map: ``(1, 3, H, W)``, sums to f(x) - f(b) but for ``delta``.
        segments: of the path, in order.
        difference: f(x) - f(b).
    """

    map: Float[Tensor, "1 3 H W"]
    segments: tuple[tuple[float, float], ...]
    difference: float

    @property
    def delta(self) -> float:
        """Sum of the attributions minus f(x) - f(b)."""
        return float(self.map.double().sum()) - self.difference

    @property
    def steps(self) -> int:
        """Gradients on the path."""
        return NODES * len(self.segments)


def refined(function: Function, image: Tensor, baseline: Tensor, steps: int) -> Integral:
    """The integral with at most so many gradients on the path.

    Args:
        function: one number an image; gradients follow.
        image: x.
        baseline: b.
        steps: gradients on the final segments.
    """
    difference = _difference(function, baseline, image)
    edges = [index / START for index in range(START + 1)]
    parts = [_segment(function, image, baseline, *edge) for edge in pairwise(edges)]
    while NODES * (len(parts) + 1) <= steps and sum(abs(part.error) for part in parts) > ENOUGH * abs(difference):
        worst = max(parts, key=lambda part: abs(part.error))
        middle = (worst.start + worst.end) / 2
        parts.remove(worst)
        halves = ((worst.start, middle), (middle, worst.end))
        parts += [_segment(function, image, baseline, *half) for half in halves]
    return _joined(sorted(parts, key=lambda part: part.start), difference)


def along(function: Function, image: Tensor, baseline: Tensor, segments: Sequence[tuple[float, float]]) -> Integral:
    """The integral over given segments."""
    parts = [_segment(function, image, baseline, *segment) for segment in segments]
    return _joined(parts, _difference(function, baseline, image))


def _joined(parts: Sequence[Segment], difference: float) -> Integral:
    total = torch.stack([part.map for part in parts]).sum(0)
    return Integral(total, tuple((part.start, part.end) for part in parts), difference)


def _segment(function: Function, image: Tensor, baseline: Tensor, start: float, end: float) -> Segment:
    """Gauss-Legendre quadrature on a part of the path, which is itself a straight path between two images."""
    low, high = (torch.lerp(baseline, image, share) for share in (start, end))
    found = IntegratedGradients(function).attribute(
        high.clone().requires_grad_(True), baselines=low, n_steps=NODES, internal_batch_size=NODES
    )
    found = found.detach()
    return Segment(start, end, found, float(found.double().sum()) - _difference(function, low, high))


def _difference(function: Function, low: Tensor, high: Tensor) -> float:
    with torch.no_grad():
        before, after = function(torch.cat([low, high])).double().tolist()
    return float(after - before)
