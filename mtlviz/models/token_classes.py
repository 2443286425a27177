"""Labels on the token grid: one class a token, by majority of the pixels it covers."""

import torch
from jaxtyping import Bool, Int, Num, UInt8
from torch import Tensor

from mtlviz.errors import DataError
from mtlviz.models.encoders import TOKEN_STRIDE
from mtlviz.tasks import IGNORE

Grid = tuple[int, int]


def majority(labels: UInt8[Tensor, "B H W"], classes: int, grid: Grid) -> Int[Tensor, "B n"]:
    """The most frequent class of the pixels under every position, the lower one of two that are equally frequent.

    Args:
        labels: classes of the pixels; ``IGNORE``, or anything from ``classes`` on, does not vote.
        classes: C, the number of classes.
        grid: (rows, columns) of the positions; they divide those of the pixels.

    Returns:
        The class of every position, row by row, ``IGNORE`` where no pixel votes.

    Raises:
        DataError: if the grid does not divide the image.
    """
    images, height, width = labels.shape
    rows, columns = grid
    if height % rows or width % columns:
        raise DataError(f"A grid of {rows}x{columns} does not divide images of {height}x{width}; use another size.")
    # int32 halves the memory traffic, which is what costs
    image, down, across = (torch.arange(n, dtype=torch.int32, device=labels.device) for n in labels.shape)
    inside = (down // (height // rows) * columns)[:, None] + across // (width // columns)
    cell = image[:, None, None] * (rows * columns) + inside
    key = cell.mul_(classes + 1).add_(labels.clamp(max=classes))  # what does not vote shares the last bin
    votes = torch.bincount(key.flatten(), minlength=images * rows * columns * (classes + 1))
    most, chosen = votes.view(images, rows * columns, classes + 1)[..., :classes].max(-1)
    return chosen.masked_fill_(most == 0, IGNORE)


def token_classes(
    labels: Num[Tensor, "B 1 H W"], valid: Bool[Tensor, "B H W"], classes: int, stride: int = TOKEN_STRIDE
) -> Int[Tensor, "B N"]:
    """The ``majority`` of each token's pixels, int64.

    Args:
        labels: classes of the pixels.
        valid: pixels that count; padding and pixels without a label do not.
        classes: C, labels from C on do not count either.
        stride: pixels between neighbouring tokens.

    Returns:
        Tokens in the order of a trace, ``IGNORE`` where no pixel counts.
    """
    pixels = labels[:, 0].clamp(max=IGNORE).masked_fill(~valid, IGNORE).to(torch.uint8)
    height, width = pixels.shape[1:]
    return majority(pixels, classes, (height // stride, width // stride))
