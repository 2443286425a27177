"""Weights of convolutions and linear maps in 8 bits, one scale an output channel; everything else stays float32.

The graph multiplies them out where they are used, so that the file shrinks and nothing gets faster: activations and
arithmetic stay float32, and any interaction takes part, since whoever asks for a weight gets it.
"""

import copy

import torch
from jaxtyping import Float, Int8
from torch import Tensor, nn
from torch.nn.utils import parametrize

from mtlviz.models.multitask import MultiTaskNetwork

LEVELS = 127
"""Steps to either side of zero."""
QUANTISED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


class EightBits(nn.Module):
    """A weight as whole numbers and a scale an output channel."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, steps: Int8[Tensor, "..."], scale: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The weight in float32."""
        return steps.to(scale.dtype) * scale

    def right_inverse(self, weight: Float[Tensor, "..."]) -> tuple[Int8[Tensor, "..."], Float[Tensor, "..."]]:
        """The nearest steps; a channel of zeros keeps scale 1."""
        others = [axis for axis in range(weight.dim()) if axis != self.axis]
        largest = weight.abs().amax(others, keepdim=True)
        scale = torch.where(largest > 0, largest / LEVELS, 1.0)
        return (weight / scale).round().clamp(-LEVELS, LEVELS).to(torch.int8), scale


def with_small_weights(network: MultiTaskNetwork) -> MultiTaskNetwork:
    """A copy of a network with its weights in 8 bits; the network itself stays as it is."""
    small = copy.deepcopy(network).requires_grad_(False)
    for module in [module for module in small.modules() if isinstance(module, QUANTISED)]:
        axis = 1 if isinstance(module, nn.ConvTranspose2d) else 0
        parametrize.register_parametrization(module, "weight", EightBits(axis), unsafe=True)
    return small.eval()


def quantised_share(network: MultiTaskNetwork) -> float:
    """Share of a network's parameters that ``with_small_weights`` quantises."""
    weights = sum(module.weight.numel() for module in network.modules() if isinstance(module, QUANTISED))
    return weights / sum(parameter.numel() for parameter in network.parameters())
