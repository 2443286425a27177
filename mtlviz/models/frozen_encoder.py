"""An encoder that no longer learns, so that its features of an image need to be computed once only."""

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Features = tuple[Tensor, ...]
Forward = Callable[[Tensor], Features]


class KeptFeatures:
    """A forward pass that keeps what it gave for every image, known by the image's bytes.

    Images are computed one at a time, so that what is kept does not depend on which others came with them.

    Args:
        forward: ``(B, 3, H, W)`` to tensors that begin with B.
    """

    def __init__(self, forward: Forward) -> None:
        self.forward = forward
        self.known: dict[bytes, Features] = {}

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Features:
        """The features of a batch, without gradients."""
        found = [self._of(image[None]) for image in images]
        return tuple(torch.cat(parts) for parts in zip(*found, strict=True))

    def _of(self, image: Tensor) -> Features:
        key = hashlib.blake2b(image.cpu().contiguous().numpy().tobytes(), digest_size=16).digest()
        if key not in self.known:
            self.known[key] = self.forward(image)
        return self.known[key]


def freeze(encoder: nn.Module) -> None:
    """Keep an encoder's weights and statistics as they are, whatever mode the network is set to.

    From here on it remembers its features of every image that it is shown; a few hundred kilobytes each.
    """
    encoder.requires_grad_(False).eval()
    replaced: Any = encoder
    replaced.train = lambda mode=True: encoder
    replaced.forward = KeptFeatures(encoder.forward)
