"""Labels on the token grid: one class a token, by majority of the pixels it covers."""

import torch
from jaxtyping import Bool, Int, Num
from torch import Tensor

from mtlviz.models.encoders import TOKEN_STRIDE
from mtlviz.tasks import IGNORE


def token_classes(
    labels: Num[Tensor, "B 1 H W"], valid: Bool[Tensor, "B H W"], classes: int, stride: int = TOKEN_STRIDE
) -> Int[Tensor, "B N"]:
    """The most frequent class of each token's pixels, int64; ties go to the lower class.

    Args:
        labels: classes of the pixels.
        valid: pixels that count; padding and pixels without a label do not.
        classes: C, labels from C on do not count either.
        stride: pixels between neighbouring tokens.

    Returns:
        Tokens in the order of a trace, ``IGNORE`` where no pixel counts.
    """
    pixels = labels[:, 0].long().masked_fill(~valid, IGNORE)
    rows, columns = pixels.shape[1] // stride, pixels.shape[2] // stride
    blocks = pixels.unflatten(2, (columns, stride)).unflatten(1, (rows, stride)).transpose(2, 3)  # (B, h, w, s, s)
    cells = blocks.flatten(3).flatten(1, 2)  # (B, N, pixels)
    counts = torch.stack([(cells == one).sum(-1) for one in range(classes)], -1)  # (B, N, C)
    majority = counts.argmax(-1)  # the first of equals
    return majority.masked_fill(counts.sum(-1) == 0, IGNORE)
