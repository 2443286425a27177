"""captum's methods on one image: a signed map of pixels, or a number a feature."""

import random
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from captum.attr import FeatureAblation, LayerGradCam, Occlusion, Saliency, ShapleyValues, ShapleyValueSampling
from jaxtyping import Float
from torch import Tensor

from mtlviz.analysis.attribution.games import TOGETHER, Game
from mtlviz.analysis.attribution.passes import ENCODER, Passes
from mtlviz.analysis.attribution.path import Function
from mtlviz.analysis.attribution.request import MOST_EXACT
from mtlviz.analysis.attribution.targets import Scalar

Image = Float[Tensor, "1 3 H W"]
"""Normalised, as the network receives it."""


def saliency(function: Function, image: Image, deviation: Sequence[float]) -> Float[np.ndarray, "H W"]:
    """Change of the target by brightness of a pixel, all colours together, on [0, 1] (Simonyan et al., 2014).

    Args:
        function: one number an image; gradients follow.
        image: normalised.
        deviation: of the normalisation, by colour.
    """
    found = Saliency(function).attribute(image.clone().requires_grad_(True), abs=False)
    return over_colours(found / torch.tensor(deviation, device=found.device)[:, None, None])


def grad_cam(passes: Passes, scalar: Scalar, layer: str) -> Float[np.ndarray, "h w"]:
    """Activations of a layer, each channel weighted by its mean gradient, not clipped at 0 (Selvaraju et al., 2017).

    Args:
        passes: of the image.
        scalar: the target.
        layer: ``encoder``, or ``task encoder`` for that of the target's task.
    """
    with passes.layer(ENCODER if layer == ENCODER else scalar.task.name) as module:
        method = LayerGradCam(lambda images: scalar.of(passes.outputs(images)), module)
        found = method.attribute(passes.prepared.image.clone().requires_grad_(True))
    first = found[0] if isinstance(found, tuple) else found  # the encoder gives a skip as well
    return np.asarray(first[0, 0].detach().double().cpu().numpy())


def occlusion(function: Function, image: Image, baseline: Image, window: int, stride: int) -> Float[np.ndarray, "H W"]:
    """Loss of the target when a square is covered, mean over the squares that cover a pixel (Zeiler & Fergus, 2014).

    Args:
        function: one number an image.
        image: normalised.
        baseline: what covers.
        window: side of the square in pixels.
        stride: distance between squares in pixels.
    """
    channels = image.shape[1]
    with torch.no_grad():
        found = Occlusion(function).attribute(
            image, (channels, window, window), (channels, stride, stride), baselines=baseline,
            perturbations_per_eval=TOGETHER,
        )  # fmt: skip
    return np.asarray(found[0, 0].double().cpu().numpy())  # all colours are covered together


def ablation(game: Game) -> Float[np.ndarray, " M"]:
    """Loss of the target when one feature is taken away from all."""
    method = FeatureAblation(game.tensor)
    return _numbers(method.attribute(torch.ones(1, game.size), baselines=0, perturbations_per_eval=TOGETHER))


def shapley(game: Game, samples: int, seed: int) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, " M"]]:
    """Shapley values, the mean gain of a feature over orders of all, with their standard error.

    Exact for at most ``MOST_EXACT`` features (error 0), else over random orders, each together with its reverse
    (Castro et al., 2009; https://doi.org/10.1016/j.cor.2008.04.004).

    Args:
        game: the features.
        samples: random orders, rounded up to pairs.
        seed: of the orders.
    """
    inputs = torch.ones(1, game.size)
    if game.size <= MOST_EXACT:
        every = torch.tensor(list(np.ndindex(*(2,) * game.size)), dtype=torch.float32)
        game.tensor(every)  # all coalitions at once: captum then finds them remembered
        return _numbers(ShapleyValues(game.tensor).attribute(inputs, baselines=0)), np.zeros(game.size)
    pairs = []
    for pair in range(-(-samples // 2)):
        method = ShapleyValueSampling(game.tensor)
        method.permutation_generator = _orders(game.size, seed + 7919 * pair)
        pairs.append(_numbers(method.attribute(inputs, baselines=0, perturbations_per_eval=TOGETHER)))
    rows = np.stack(pairs)
    spread = rows.std(0, ddof=1) / len(rows) ** 0.5 if len(rows) > 1 else np.full(game.size, np.nan)
    return rows.mean(0), spread


def _orders(size: int, seed: int) -> Callable[[int, int], Iterable[Sequence[int]]]:
    """A random order and its reverse, whatever captum asks for; other users of the global seed notice nothing."""
    order = list(range(size))
    random.Random(seed).shuffle(order)  # noqa: S311  # not for secrets
    return lambda count, samples: (order, order[::-1])


def over_colours(found: Image) -> Float[np.ndarray, "H W"]:
    """Sum over the colours of every pixel."""
    return np.asarray(found.detach()[0].sum(0).double().cpu().numpy())


def _numbers(found: Float[Tensor, "1 M"]) -> Float[np.ndarray, " M"]:
    return np.asarray(found.detach()[0].double().cpu().numpy())
