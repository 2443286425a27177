"""The baseline of the bench: attention of every token of every task to every token of every task."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.models.interactions.base import TaskFeatures, from_tokens, projection, to_tokens


class DenseAttention(nn.Module):
    """F + softmax(Q K^T / sqrt(d)) V over all S tokens, with d x d projections (kem.md 1.4).

    The scale goes onto the queries, so that logits and weights are the only S x S tensors.
    """

    def __init__(self, width: int, *, keep_weights: bool = True) -> None:
        super().__init__()
        self.width = width
        self.keep_weights = keep_weights
        self.query, self.key, self.value = (projection(width, width) for _ in range(3))

    def forward(self, features: TaskFeatures) -> tuple[TaskFeatures, Float[Tensor, "B S S"] | None]:
        """The features after the residual, and the weights, which PyTorch's own kernel does not keep."""
        tokens = to_tokens(features)  # (B, S, D)
        queries, keys, values = self.query(tokens), self.key(tokens), self.value(tokens)
        if not self.keep_weights:
            one_head = (rows[:, None] for rows in (queries, keys, values))  # (B, 1, S, D)
            read = functional.scaled_dot_product_attention(*one_head)[:, 0]
            return from_tokens(tokens + read, features), None
        weights = torch.softmax((queries * self.width**-0.5) @ keys.transpose(1, 2), -1)  # (B, S, S)
        return from_tokens(tokens + weights @ values, features), weights

    @staticmethod
    def operations(tokens: int, width: int) -> int:
        """Multiply-accumulates of one image: 2 S^2 d + 3 S d^2."""
        return 2 * tokens**2 * width + 3 * tokens * width**2
