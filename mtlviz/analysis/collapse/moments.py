"""Counts, means and sums of squares that can be merged without loss (Chan, Golub & LeVeque, 1979)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Moments of several sets of vectors, in float64 on the CPU; the record is fixed, its arrays grow in place.

    Sums of squares are kept about the mean, so that nothing cancels however small the spread is.

    Attributes:
        count: ``(...)`` vectors of each set.
        mean: ``(..., E)`` of each set, 0 of an empty one.
        spread: sums over the vectors of a set of the products of their distances from its mean, either
            ``(..., E, E)`` or, where only its trace is kept, ``(...)``.
    """

    count: Float[Tensor, "..."]
    mean: Float[Tensor, "... E"]
    spread: Tensor

    @classmethod
    def empty(cls, sets: Sequence[int], width: int, matrix: bool) -> "Moments":
        """Of sets without vectors.

        Args:
            sets: shape of the sets.
            width: E.
            matrix: keep all products and not their trace alone.
        """
        shape = (*sets, width, width) if matrix else tuple(sets)
        count, mean, spread = (torch.zeros(one, dtype=torch.float64) for one in (tuple(sets), (*sets, width), shape))
        return cls(count, mean, spread)

    def merge(self, other: "Moments") -> None:
        """Add the vectors of ``other``, set by set."""
        count = self.count + other.count
        whole = count.clamp_min(1)
        delta = other.mean - self.mean
        pull = self.count * other.count / whole
        self.spread.add_(other.spread)
        if self.spread.ndim > self.count.ndim:
            width = delta.shape[-1]
            rows = delta.reshape(-1, width)
            scaled = (rows * pull.reshape(-1, 1))[:, :, None]
            self.spread.view(-1, width, width).baddbmm_(scaled, rows[:, None, :])
        else:
            self.spread.add_(delta.square().sum(-1) * pull)
        self.mean.add_(delta * (other.count / whole)[..., None])
        self.count.copy_(count)

    def merge_at(self, places: Tensor, other: "Moments") -> None:
        """Add the vectors of ``other`` to some of the sets along the first axis, each named once."""
        part = Moments(*(one.index_select(0, places) for one in self.tensors()))
        part.merge(other)
        for whole, changed in zip(self.tensors(), part.tensors(), strict=True):
            whole.index_copy_(0, places, changed)

    def tensors(self) -> Iterator[Tensor]:
        """The three arrays."""
        yield from (self.count, self.mean, self.spread)


def moments_of(rows: Float[Tensor, "G N E"]) -> Moments:
    """Moments of G sets of equally many vectors, summed about their means in the precision of ``rows``."""
    centre = rows.mean(1, keepdim=True)
    away = rows - centre
    spread = torch.stack([one.T @ one for one in away])
    count = torch.full((len(rows),), float(rows.shape[1]), dtype=torch.float64)
    return Moments(count, centre[:, 0].cpu().double(), spread.cpu().double())
