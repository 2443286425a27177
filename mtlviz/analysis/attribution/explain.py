"""One attribution from beginning to end: the target, the map, what it adds up to, and whether it is faithful."""

import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.attribution import methods
from mtlviz.analysis.attribution.baselines import baseline
from mtlviz.analysis.attribution.curves import Curves, curves, leading
from mtlviz.analysis.attribution.games import Game, pixel_game, slot_game, superpixels, task_game, token_segments
from mtlviz.analysis.attribution.passes import Passes, Tick, held_picks, passes
from mtlviz.analysis.attribution.path import along, refined
from mtlviz.analysis.attribution.request import (
    ABLATION,
    GRAD_CAM,
    INTEGRATED,
    PIXELS,
    SALIENCY,
    SHAPLEY,
    SLOTS,
    SUPERPIXELS,
    TASKS,
    Request,
    Sizes,
)
from mtlviz.analysis.attribution.targets import Scalar, scalar
from mtlviz.analysis.lesions.effects import possible_edits
from mtlviz.checkpoints import ModelCard
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine
from mtlviz.errors import CapabilityError, OptionError
from mtlviz.models.interactions import interaction_config


@dataclass(frozen=True)
class Path:
    """How well Integrated Gradients adds up.

    Attributes:
        held: whether the picks of the image were held.
        difference: f(x) - f(b), with the picks held.
        delta: sum of the attributions minus ``difference``, over its size.
        free: the same with picks that may change, on the same segments; None where nothing is picked.
        steps: gradients on the path.
    """

    held: bool
    difference: float
    delta: float
    free: float | None
    steps: int


@dataclass(frozen=True, eq=False)
class Attribution:
    """What a prediction is owed to.

    Attributes:
        request: what was asked for.
        scalar: the target.
        value: f(x), the target on the image as it is.
        without: f(b), the target on the baseline, or without any slot or task.
        names: of the features that are ranked.
        scores: ``(M,)`` of these features, signed.
        errors: ``(M,)`` standard errors over random orders, 0 where all orders were taken; None for other methods.
        segments: ``(H, W)`` feature of every model pixel, -1 for none; None for slots and tasks.
        pixels: ``(H, W)`` signed map at model resolution, 0 at the padding; None for features that are no pixels.
        letterbox: how the image lies in the model's input.
        path: of Integrated Gradients.
        curves: deletion and insertion; None where they were not asked for.
        seconds: that it took.
    """

    request: Request
    scalar: Scalar
    value: float
    without: float
    names: tuple[str, ...]
    scores: Float[np.ndarray, " M"]
    errors: Float[np.ndarray, " M"] | None
    segments: Int[np.ndarray, "H W"] | None
    pixels: Float[np.ndarray, "H W"] | None
    letterbox: Letterbox
    path: Path | None
    curves: Curves | None
    seconds: float

    @property
    def total(self) -> float:
        """Sum over the features."""
        return float(self.scores.sum())

    @property
    def difference(self) -> float:
        """f(x) - f(b), which Integrated Gradients and Shapley values share out."""
        return self.value - self.without if self.path is None else self.path.difference

    @property
    def shares(self) -> bool:
        """Whether the method shares out the difference, so that the sum can be checked."""
        return self.request.method in (INTEGRATED, SHAPLEY)


def possible_features(engine: Engine) -> tuple[str, ...]:
    """What a prediction of this model can be owed to."""
    edits = possible_edits(engine)
    inside = ((SLOTS, "zeroed" in edits), (TASKS, "silenced" in edits and len(engine.card.tasks) > 1))
    return (PIXELS, SUPERPIXELS, *(name for name, there in inside if there))


def check_method(card: ModelCard, method: str) -> None:
    """Refuse a method for which a network that is not ours gives too little.

    Raises:
        CapabilityError: if gradients do not reach the image, or the method needs layers of our networks.
    """
    if card.capabilities is None:
        return
    if method == GRAD_CAM:
        raise CapabilityError(f"{card.title} comes from an adapter, so its layers are not known to {method}.")
    if method in (SALIENCY, INTEGRATED) and not card.capabilities.gradients:
        raise CapabilityError(f"Gradients do not reach the image in {card.title}, as its card says; choose occlusion.")


def sizes(card: ModelCard, letterbox: Letterbox) -> Sizes:
    """What costs depend on."""
    config = interaction_config(card.architecture.interaction, card.architecture.options)
    grid = letterbox.token_box(card.input_size[0] // card.token_grid[0])[2:]
    return Sizes((grid[0], grid[1]), getattr(config, "slots", 0), len(card.tasks),
                 getattr(config, "picks", None) is not None)  # fmt: skip


def explain(
    engine: Engine, sample: Sample, request: Request, tick: Tick | None = None, *, tested: bool = True
) -> Attribution:
    """Compute an attribution.

    Args:
        engine: of the model.
        sample: the image.
        request: what is asked for.
        tick: is told before every pass how many images go through; may raise to stop.
        tested: measure deletion and insertion as well.

    Raises:
        OptionError: if the model has no such task, class, slots, or tasks that read one another.
    """
    start = time.perf_counter()
    check_method(engine.card, request.method)
    way = passes(engine, sample, tick)
    target = scalar(request.target, engine.card, engine.run(sample, capture=None).outputs, way.prepared.letterbox)
    game, segments = _game(way, target, request)
    value, without = game.ends()
    pixels, errors, path = None, None, None
    if request.features == PIXELS and segments is not None:
        pixels, path = _pixel_map(way, target, request)
        scores = _by_token(pixels, segments, summed=request.method in (SALIENCY, INTEGRATED))
    elif request.method == ABLATION:
        scores = methods.ablation(game)
    else:
        scores, errors = methods.shapley(game, request.samples, request.seed)
    ranked = _strength(pixels, segments) if request.method == SALIENCY else scores * leading(value - without)
    found = curves(game, ranked, request.seed) if tested else None
    return Attribution(request, target, value, without, game.names, scores, errors, segments, pixels,
                       way.prepared.letterbox, path, found, time.perf_counter() - start)  # fmt: skip


def _game(way: Passes, target: Scalar, request: Request) -> tuple[Game, Int[np.ndarray, "H W"] | None]:
    """What is ranked, and taken away by the curves; with the part of every pixel."""
    card, letterbox = way.engine.card, way.prepared.letterbox
    if request.features not in possible_features(way.engine):
        raise OptionError(
            f"Model {card.name!r} has no {request.features} that could be switched off; ask for superpixels or pixels."
        )
    if request.features == SLOTS:
        return slot_game(way, target, sizes(card, letterbox).slots), None
    if request.features == TASKS:
        names = [task.name for task in card.tasks]
        return task_game(way, target, names, through_slots="zeroed" in possible_edits(way.engine)), None
    instead = baseline(request.baseline, way.prepared, card, request.seed)
    if request.features == SUPERPIXELS:
        segments = superpixels(letterbox.apply(way.sample.image) / 255, letterbox, request.parts)
        return pixel_game(way, target, instead, segments, "superpixel"), segments
    segments = token_segments(letterbox, _stride(card))
    return pixel_game(way, target, instead, segments, "token"), segments


def _pixel_map(way: Passes, target: Scalar, request: Request) -> tuple[Float[np.ndarray, "H W"], Path | None]:
    card, prepared, path = way.engine.card, way.prepared, None
    if request.method == SALIENCY:
        found = methods.saliency(lambda images: target.of(way.outputs(images)), prepared.image, card.std)
    elif request.method == GRAD_CAM:
        coarse = methods.grad_cam(way, target, request.layer)
        factors = [side // cells for side, cells in zip(card.input_size, coarse.shape, strict=True)]
        found = coarse.repeat(factors[0], 0).repeat(factors[1], 1)
    else:
        instead = baseline(request.baseline, prepared, card, request.seed)
        if request.method == INTEGRATED:
            found, path = _integrated(way, target, request.steps, instead)
        else:
            window, stride = request.window * _stride(card), max(1, request.window // 2) * _stride(card)
            found = methods.occlusion(
                lambda images: target.of(way.outputs(images)), prepared.image, instead, window, stride
            )
    return np.where(prepared.letterbox.inside, found, 0.0), path


def _integrated(
    way: Passes, target: Scalar, steps: int, instead: methods.Image
) -> tuple[Float[np.ndarray, "H W"], Path]:
    """With the picks held, so that the output does not jump, and the gap that free picks would have left."""
    edit, image = held_picks(way.engine, way.sample), way.prepared.image
    found = refined(lambda images: target.of(way.outputs(images, edit)), image, instead, steps)
    free = None
    if edit is not None:
        other = along(lambda images: target.of(way.outputs(images)), image, instead, found.segments)
        free = _relative(other.delta, other.difference)
    path = Path(edit is not None, found.difference, _relative(found.delta, found.difference), free, found.steps)
    return methods.over_colours(found.map), path


def _relative(delta: float, difference: float) -> float:
    return abs(delta) / abs(difference) if difference else float("nan")


def _by_token(
    pixels: Float[np.ndarray, "H W"], segments: Int[np.ndarray, "H W"], *, summed: bool
) -> Float[np.ndarray, " M"]:
    """Sum or mean over the pixels of every token."""
    inside = segments >= 0
    sums = np.bincount(segments[inside], pixels[inside])
    return np.asarray(sums if summed else sums / np.bincount(segments[inside]))


def _strength(
    pixels: Float[np.ndarray, "H W"] | None, segments: Int[np.ndarray, "H W"] | None
) -> Float[np.ndarray, " M"]:
    """Sizes of gradients by token: a gradient says how much a token matters, but not in which direction."""
    if pixels is None or segments is None:
        raise ValueError("gradients belong to pixels")
    return _by_token(np.abs(pixels), segments, summed=True)


def _stride(card: ModelCard) -> int:
    return card.input_size[0] // card.token_grid[0]
