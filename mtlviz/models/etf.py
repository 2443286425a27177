"""Simplex equiangular tight frames (ETF), the geometry of neural collapse (kem.md 2.4).

    W* = sqrt(K / (K - 1)) U (I - 1 1^T / K),   U: D x K with orthonormal columns

Its K columns, the vertices, have unit length and meet at equal angles of cosine -1 / (K - 1), the widest that K
vectors can have. Everything is built in float64, from a seeded basis.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mtlviz.errors import OptionError


def simplex_etf(classes: int, width: int, seed: int = 0) -> Float[Tensor, "D K"]:
    """A simplex ETF, one vertex a column, float64.

    ``W^T W = (K I - 1 1^T) / (K - 1)``. For K <= D, ``W W^T = K / (K - 1) P`` with P an orthogonal projector of
    rank K - 1, so a square frame loses one direction; for K = D + 1, ``W W^T = (D + 1) / D I``: nothing is lost.

    Args:
        classes: K, from 2 to D + 1.
        width: D.
        seed: of the basis; the frame of another seed is the same one, rotated.

    Raises:
        OptionError: if no such frame exists.
    """
    if classes < 2:
        raise OptionError(f"A simplex ETF needs at least 2 classes; got {classes}.")
    if width < 1 or classes > width + 1:
        raise OptionError(f"A simplex ETF of {classes} classes needs a width of at least {classes - 1}; got {width}.")
    if classes <= width:
        return _centred(orthonormal_basis(width, classes, seed))
    return math.sqrt(classes / width) * orthonormal_basis(width, width, seed) @ _zero_sum_basis(classes).T


def orthogonal_etfs(sizes: Sequence[int], width: int, seed: int = 0) -> list[Float[Tensor, "D _"]]:
    """Simplex ETFs that are orthogonal to each other, built from disjoint columns of one basis; float64.

    Args:
        sizes: classes of each frame, at least 2.
        width: D, at least the sum of ``sizes``.
        seed: of the basis.

    Raises:
        OptionError: if a frame has fewer than 2 classes or they need more than ``width`` columns.
    """
    if any(size < 2 for size in sizes):
        raise OptionError(f"A simplex ETF needs at least 2 classes; got frames of {', '.join(map(str, sizes))}.")
    if sum(sizes) > width:
        raise OptionError(
            f"Orthogonal frames of {' + '.join(map(str, sizes))} classes need a width of at least {sum(sizes)}; "
            f"got {width}."
        )
    return [_centred(part) for part in orthonormal_basis(width, sum(sizes), seed).split(list(sizes), 1)]


def orthonormal_basis(width: int, columns: int, seed: int) -> Float[Tensor, "D K"]:
    """Orthonormal columns, uniformly distributed over all such bases (Haar), float64.

    Args:
        width: D.
        columns: at most D.
        seed: of the draw; global random state is not touched.
    """
    generator = torch.Generator().manual_seed(seed)
    basis, triangle = torch.linalg.qr(torch.randn(width, columns, generator=generator, dtype=torch.float64))
    signed: Tensor = basis * triangle.diagonal().sign()  # QR leaves the signs of its columns open
    return signed


def _centred(basis: Float[Tensor, "D K"]) -> Float[Tensor, "D K"]:
    """The simplex ETF that orthonormal columns span, less their sum."""
    classes = basis.shape[1]
    return math.sqrt(classes / (classes - 1)) * (basis - basis.mean(1, keepdim=True))


def _zero_sum_basis(classes: int) -> Float[Tensor, "K _"]:
    """K - 1 orthonormal columns that sum to zero (Helmert): column j holds j ones and then -j, over its length."""
    number = torch.arange(1, classes, dtype=torch.float64)  # j
    row = torch.arange(classes, dtype=torch.float64)[:, None]
    columns: Tensor = ((row < number).double() - number * (row == number)) / (number * (number + 1)).sqrt()
    return columns
