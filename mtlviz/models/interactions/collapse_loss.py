"""Losses that pull the tokens of a class to its vertex of a fixed simplex ETF (kem.md 2.4, "Fixed-ETF training").

Both take all tokens of a batch as rows; tokens labelled 255 do not count, and where none counts the loss is 0, with
gradient.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

CollapseLoss = Literal["centre", "dot_regression"]


def centre_loss(
    features: Float[Tensor, "n D"],
    labels: Int[Tensor, " n"],
    frame: Float[Tensor, "D K"],
    logit_scale: float = 5.0,
) -> Float[Tensor, ""]:
    """Cross entropy of the class centres, classified by the frame (Zhong et al., CVPR 2023).

        -log softmax_c(scale * z_c^T W*),  averaged over the classes c of the batch

    A centre z_c is the mean of its tokens' features and is not normalised: with unit features it has length 1 only
    if they all agree, so that the loss asks for compact classes too. Classes count alike, however rare.

    Args:
        features: of unit length.
        labels: class of each row, 255 for none.
        frame: one vertex a column.
        logit_scale: on the inner products, which lie within [-1, 1].
    """
    members = _members(labels, frame.shape[1], features.dtype)  # (n, K)
    counts = members.sum(0)
    centres = members.T @ features / counts.clamp(min=1)[:, None]  # (K, D)
    scores = (logit_scale * centres @ frame).log_softmax(-1).diagonal()
    present = counts > 0
    return -(scores * present).sum() / present.sum().clamp(min=1)


def dot_regression_loss(
    features: Float[Tensor, "n D"],
    labels: Int[Tensor, " n"],
    frame: Float[Tensor, "D K"],
    class_lengths: bool = False,
) -> Float[Tensor, ""]:
    """Half the mean square of what an inner product with the own vertex lacks (Yang et al., NeurIPS 2022).

        1/2 mean_i (h_i . w_c - l_c)^2,  w_c = l_c w*_c

    Args:
        features: of unit length.
        labels: class of each row, 255 for none.
        frame: one vertex a column.
        class_lengths: l_c = sqrt((n / classes of the batch) / count_c) in place of 1, so that classes count alike.
    """
    members = _members(labels, frame.shape[1], features.dtype)  # (n, K)
    counts = members.sum(0)
    lacking = ((features @ frame - 1).square() * members).sum(0)  # (K,)
    if class_lengths:
        return 0.5 * (lacking / counts.clamp(min=1)).sum() / (counts > 0).sum().clamp(min=1)
    return 0.5 * lacking.sum() / counts.sum().clamp(min=1)


def _members(labels: Int[Tensor, " n"], classes: int, dtype: torch.dtype) -> Float[Tensor, "n K"]:
    """1 where a row is of a class; rows without one are zero."""
    return (labels[:, None] == torch.arange(classes, device=labels.device)).to(dtype)
