"""The same architecture with weights that never saw data: what is left of a map then was not learned."""

import threading
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import Task

SCENES = 4
"""Random images behind the running statistics."""
_DRAWING = threading.Lock()
"""Layers draw their weights from torch's one generator, whose state is put back afterwards."""


def random_network(
    config: NetworkConfig, tasks: Sequence[Task], input_size: tuple[int, int], seed: int
) -> MultiTaskNetwork:
    """A network as it starts its training, ready to run.

    The running statistics of its norms are those of smooth random images: at their own start values features shrink
    from layer to layer, until places differ by little more than rounding.

    Args:
        config: the architecture.
        tasks: what it predicts.
        input_size: (H, W) of its images.
        seed: fixes weights and images; the same on every device, since all is drawn on the CPU.
    """
    with _DRAWING, torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.no_grad():
        torch.manual_seed(seed)
        network = MultiTaskNetwork(config, tasks).eval()
        settle_norms(network, input_size)
        return network


def settle_norms(network: nn.Module, input_size: tuple[int, int]) -> None:
    """Make the running statistics of all norms those of smooth random images, drawn from torch's generator.

    Args:
        network: in evaluation mode, which it keeps; takes images alone.
        input_size: (H, W) of its images.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = None  # the plain mean over the batches
    network(_smooth_images(input_size))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


def _smooth_images(size: tuple[int, int]) -> Float[Tensor, "B 3 H W"]:
    """Noise with as much of it at every scale, as images have, of standard deviation 1."""
    images = torch.zeros(SCENES, 3, *size)
    for cells in (2, 4, 8, 16, 32):
        coarse = torch.randn(SCENES, 3, cells, cells)
        images += functional.interpolate(coarse, size, mode="bilinear", align_corners=False)
    return images / images.std()
