"""Moments of one batch, class by class: one matrix product a class, summed about the batch's own means."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mtlviz.analysis.collapse.moments import Moments
from mtlviz.analysis.collapse.positions import ClassOrder


def class_moments(
    rows: Float[Tensor, "N E"], order: ClassOrder, groups: Int[Tensor, " B"]
) -> tuple[Moments, Moments, Int[Tensor, " U"]]:
    """Moments of the labelled rows.

    Distances from a class's mean are small where features collapse, so they are taken before anything is squared,
    in the precision of ``rows``; sums over images are float64.

    Args:
        rows: features of all positions of the batch; see ``rows_of``.
        order: of the positions.
        groups: of every image, on the CPU.

    Returns:
        Of every class ``(C,)`` with all products, of every class in every group ``(U, C)`` with their trace, and
        the U groups.
    """
    classes, width = len(order.lengths), rows.shape[1]
    sorted_rows = rows.index_select(0, order.rows)  # (M, E), twice as fast as rows[order.rows]
    centres, matrices = rows.new_zeros(classes, width), rows.new_zeros(classes, width, width)
    for label, part in enumerate(sorted_rows.split(order.lengths)):
        if len(part):
            torch.mean(part, 0, out=centres[label])
            part -= centres[label]
            torch.mm(part.T, part, out=matrices[label])
    offsets = rows.new_zeros(classes * order.images, width).index_add_(0, order.keys, sorted_rows)
    squares = rows.new_zeros(classes * order.images).index_add_(0, order.keys, sorted_rows.square_().sum(1))
    centre = centres.cpu().double()
    offsets, squares = offsets.cpu().double().view(classes, -1, width), squares.cpu().double().view(classes, -1)
    count = order.counts.sum(1)
    mean = centre + offsets.sum(1) / count.clamp_min(1)[:, None]
    there, parts = _grouped(order.counts, offsets, squares, centre, groups)
    # The products are about the centre, which is the mean but for its rounding: the difference is no more than that.
    return Moments(count, mean, matrices.cpu().double()), parts, there


def _grouped(
    counts: Float[Tensor, "C B"],
    offsets: Float[Tensor, "C B E"],
    squares: Float[Tensor, "C B"],
    centre: Float[Tensor, "C E"],
    groups: Int[Tensor, " B"],
) -> tuple[Int[Tensor, " U"], Moments]:
    """Moments of every class in each group that occurs, from sums over images of offsets from a centre."""
    there, place = groups.unique(return_inverse=True)
    member = (torch.arange(len(there))[:, None] == place).double()  # (U, B)
    count = member @ counts.T
    offset = (member @ offsets).transpose(0, 1)  # (U, C, E)
    share = offset / count.clamp_min(1)[..., None]
    spread = (member @ squares.T - (share * offset).sum(-1)).clamp_min(0)
    return there, Moments(count, (centre + share) * (count > 0)[..., None], spread)
