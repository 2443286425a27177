"""Noise on the weights of a network: how much of what it does hangs on their exact values?"""

import copy
import hashlib
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def noisy_copy(network: Network, sigma: float, seed: int) -> Network:
    """A copy in which every parameter W became W + sigma std(W) e, with e drawn from N(0, 1).

    Buffers (running statistics, fixed frames) stay as they are, and so does a parameter of a single number, which has
    no spread. The draw is made on the CPU in the order of the parameters, so that it is the same on every device.

    Args:
        network: stays as it is.
        sigma: share of each tensor's own standard deviation; 0 changes nothing.
        seed: fixes the noise.
    """
    noisy = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    for parameter in noisy.parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
        if sigma and parameter.numel() > 1:
            parameter.add_(noise.to(parameter.device), alpha=float(sigma * parameter.std(correction=0)))
    return noisy


def parameters_sha256(network: nn.Module) -> str:
    """Hash of all parameters and buffers with their names: equal for equal weights."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype};".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    content: bytes = tensor.detach().cpu().contiguous().numpy().tobytes()
    return content
