"""What takes the place of a part of the image that is taken away."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter
from torch import Tensor

from mtlviz.checkpoints import ModelCard
from mtlviz.engine import Prepared
from mtlviz.errors import OptionError

BASELINES = {
    "blurred": "the image itself, blurred until only its large shapes are left",
    "mean": "the image's own mean colour",
    "black": "black",
    "noise": "uniform random colours, fixed by the seed",
}
"""Names with what each one is."""
BLUR = 0.1
"""Standard deviation of the blur over the shorter side."""


def baseline(name: str, prepared: Prepared, card: ModelCard, seed: int = 0) -> Float[Tensor, "1 3 H W"]:
    """An image without what is to be explained, normalised as the network receives it; padding stays as it is.

    Args:
        name: of ``BASELINES``.
        prepared: the image.
        card: gives the normalisation.
        seed: of the noise.

    Raises:
        OptionError: if the name is unknown.
    """
    if name not in BASELINES:
        raise OptionError(f"Baseline {name!r} is unknown; choose one of {', '.join(BASELINES)}.")
    top, left, height, width = prepared.letterbox.box
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (card.mean, card.std))
    whole = prepared.image[0].cpu().numpy()
    inner = whole[:, top : top + height, left : left + width] * std + mean  # colours from 0 to 1
    changed = np.array(whole)
    changed[:, top : top + height, left : left + width] = (_instead(name, inner, seed) - mean) / std
    return torch.from_numpy(changed)[None].to(prepared.image)


def _instead(name: str, colours: Float[np.ndarray, "3 h w"], seed: int) -> Float[np.ndarray, "3 h w"]:
    if name == "black":
        return np.zeros_like(colours)
    if name == "mean":
        return np.broadcast_to(colours.mean((1, 2), keepdims=True), colours.shape)
    if name == "noise":
        return np.random.default_rng(seed).random(colours.shape, np.float32)
    sigma = BLUR * min(colours.shape[1:])
    return np.asarray(gaussian_filter(colours, (0, sigma, sigma), mode="nearest"))
