"""Affinities inside a task, their fusion over tasks, and values diffused along them (ctal.md 1.2-1.5), two ways.

With unit features u_s of source task s, fusion weights w and values V_t of target task t,

    A_s[i, j] = <u_s(i), u_s(j)>
    G[i, j] = b_i + sum_s sum_d w[i, s, d] A_s[i, j + d],   A_s = 0 outside the grid
    Y_t(i) = sum_j G[i, j] V_t(j)

``mixing`` builds the n x n matrices. ``linear_diffusion`` changes the order of the sums (ctal.md 1.8.4),

    Y_t(i) = sum_s sum_d w[i, s, d] K_tsd u_s(i) + b_i sum_j V_t(j),   K_tsd = sum_j V_t(j) u_s(j + d)^T,

and never holds more than a few times the features. Axes beside the package's: ``G`` fused matrices (1 shared by all
targets, or one a target), ``C`` channels, ``E = T C`` the values of all targets side by side, ``k`` side of the kernel.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

Similarity = Literal["cosine", "rbf", "learned"]


@dataclass(frozen=True)
class Fusion:
    """The grouped convolution that turns the rows of all tasks into a row of G.

    Attributes:
        weights: ``(G, n, T, k, k)``, an own kernel for every query position and source.
        bias: ``(G, n)``.
        interleaved: group i of the convolution holds row i of every source; else the sources' rows are laid end to
            end and cut into groups of T, so that a group holds T different queries of one source.
    """

    weights: Float[Tensor, "G n T k k"]
    bias: Float[Tensor, "G n"]
    interleaved: bool = True

    def of_source(self, source: int) -> tuple[Float[Tensor, "G n k k"], Int[Tensor, " n"] | None]:
        """Weights of the rows of a source, and the rows of G that they go to (None: the same rows)."""
        if self.interleaved:
            return self.weights[:, :, source], None
        positions, sources = self.weights.shape[1:3]
        rows = torch.arange(source * positions, (source + 1) * positions, device=self.weights.device)
        return self.weights.flatten(1, 2)[:, rows], rows // sources


@dataclass(frozen=True)
class AffinityKind:
    """How an affinity is made from unit features; all but the plain cosine need the n x n matrix.

    Attributes:
        similarity: ``cosine``, also of learned projections, or ``rbf``.
        bandwidth: h of the rbf exp(-|u_i - u_j|^2 / 2 h^2) = exp((cos - 1) / h^2).
        top: entries kept in every row of A_s, the others are 0; None keeps all.
        softmax: rows of G are normalised by a softmax over the keys.
    """

    similarity: Similarity = "cosine"
    bandwidth: float = 0.5
    top: int | None = None
    softmax: bool = False

    @property
    def needs_matrix(self) -> str:
        """The first option that needs the n x n matrix; empty if none does."""
        if self.similarity == "rbf":
            return "similarity 'rbf'"
        return "top" if self.top is not None else "softmax" if self.softmax else ""


COSINE = AffinityKind()


def unit_features(tokens: Float[Tensor, "B n C"], valid: Bool[Tensor, "B n"] | None = None) -> Float[Tensor, "B n C"]:
    """Tokens divided by their norm, at least 1e-12; zero at padding."""
    units = functional.normalize(tokens, dim=-1, eps=1e-12)
    return units if valid is None else units * valid[..., None]


def affinity(
    units: Float[Tensor, "B n C"], kind: AffinityKind = COSINE, valid: Bool[Tensor, "B n"] | None = None
) -> Float[Tensor, "B n n"]:
    """A_s of one task: similarity of every position to every other."""
    rows = units @ units.transpose(1, 2)
    if kind.similarity == "rbf":
        rows = ((rows - 1) / kind.bandwidth**2).exp()
        if valid is not None:
            rows = rows * valid[:, None] * valid[..., None]
    if kind.top is not None and kind.top < rows.shape[-1]:
        kept, where = rows.topk(kind.top)
        rows = torch.zeros_like(rows).scatter(-1, where, kept)
    return rows


def mixing(
    sources: Iterable[Float[Tensor, "B n C"]],
    fusion: Fusion,
    grid: tuple[int, int],
    kind: AffinityKind = COSINE,
    valid: Bool[Tensor, "B n"] | None = None,
) -> Float[Tensor, "B G n n"]:
    """G: the affinities of all sources, fused. One source's affinity is alive at a time where no gradient is wanted.

    Args:
        sources: unit features, task by task.
        fusion: of the sources.
        grid: (rows, columns), n of them.
        kind: how affinities are made.
        valid: True inside the image; None without padding.
    """
    matrices: list[Tensor] = []
    for source, units in enumerate(sources):
        rows = affinity(units, kind, valid)
        weights, target = fusion.of_source(source)
        for group in range(len(weights)):
            bias = fusion.bias[group] if source == 0 and target is None else None
            part = _convolved(rows, weights[group], bias, grid)
            if target is not None:
                start = fusion.bias[group][:, None].expand_as(rows) if source == 0 else matrices[group]
                part = start.index_add(1, target, part)
            elif source:
                part = _added(matrices[group], part)
            matrices[group : group + 1] = [part]
            del part
        del rows
    fused = matrices[0][:, None] if len(matrices) == 1 else torch.stack(matrices, 1)
    if kind.softmax:
        if valid is not None:
            fused = fused.masked_fill(~valid[:, None, None], -torch.inf)
        fused = fused.softmax(-1)
    return fused


def dense_diffusion(
    sources: Iterable[Float[Tensor, "B n C"]],
    values: Float[Tensor, "B n E"],
    fusion: Fusion,
    grid: tuple[int, int],
    kind: AffinityKind = COSINE,
    valid: Bool[Tensor, "B n"] | None = None,
) -> Float[Tensor, "B n E"]:
    """Values diffused along G, which is built; arguments as for ``mixing``."""
    fused = mixing(sources, fusion, grid, kind, valid)
    groups = fused.shape[1]
    if groups == 1:
        return fused[:, 0] @ values
    return torch.cat([fused[:, group] @ part for group, part in enumerate(values.chunk(groups, -1))], -1)


def linear_diffusion(
    sources: Iterable[Float[Tensor, "B n C"]],
    values: Float[Tensor, "B n E"],
    fusion: Fusion,
    grid: tuple[int, int],
) -> Float[Tensor, "B n E"]:
    """The same for the cosine, without any n x n matrix."""
    groups = len(fusion.bias)
    totals = values.sum(1, keepdim=True).chunk(groups, -1)  # (B, 1, E / G)
    diffused = [bias[:, None] * total for bias, total in zip(fusion.bias, totals, strict=True)]
    for source, units in enumerate(sources):
        weights, target = fusion.of_source(source)
        side = weights.shape[-1]
        for tap in range(side**2):
            row, column = divmod(tap, side)
            moved = _shifted(units, grid, row - side // 2, column - side // 2)
            summaries = (moved.transpose(1, 2) @ values).chunk(groups, -1)  # (B, C, E / G): K of this source and shift
            del moved
            for group, summary in enumerate(summaries):
                kernel = weights[group, :, row, column, None]  # (n, 1)
                if target is None:
                    diffused[group] = _multiplied_and_added(diffused[group], kernel * units, summary)
                else:
                    diffused[group] = diffused[group].index_add(1, target, (kernel * units) @ summary)
    return diffused[0] if groups == 1 else torch.cat(diffused, -1)


def _convolved(
    rows: Float[Tensor, "B n n"],
    weights: Float[Tensor, "n k k"],
    bias: Float[Tensor, " n"] | None,
    grid: tuple[int, int],
) -> Float[Tensor, "B n n"]:
    """Every row as an image, convolved with its own kernel; zero outside the grid."""
    images = rows.unflatten(-1, grid)
    padding = weights.shape[-1] // 2
    return functional.conv2d(images, weights[:, None], bias, padding=padding, groups=len(weights)).flatten(2)


def _shifted(units: Float[Tensor, "B n C"], grid: tuple[int, int], down: int, right: int) -> Float[Tensor, "B n C"]:
    """At position j what is at j + (down, right); zero outside the grid."""
    if down == right == 0:
        return units
    image = units.unflatten(1, grid)
    return functional.pad(image, (0, 0, -right, right, -down, down)).flatten(1, 2)


def _added(one: Tensor, other: Tensor) -> Tensor:
    return one + other if torch.is_grad_enabled() else one.add_(other)


def _multiplied_and_added(start: Tensor, left: Tensor, right: Tensor) -> Tensor:
    return torch.baddbmm(start, left, right) if torch.is_grad_enabled() else start.baddbmm_(left, right)
