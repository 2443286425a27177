"""Maps of gradients by region of the image, and what blurring a region does to every prediction."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter

from mtlviz.analysis.attribution import methods
from mtlviz.analysis.attribution.baselines import BLUR, baseline
from mtlviz.analysis.attribution.passes import Passes, held_picks, passes
from mtlviz.analysis.attribution.path import Function, along
from mtlviz.analysis.attribution.targets import Scalar, Target, scalar
from mtlviz.analysis.faithfulness.maps import Cells
from mtlviz.analysis.faithfulness.regions import Regions
from mtlviz.analysis.lesions.effects import edit_effects
from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.engine import Engine, Run

SALIENCY, INTEGRATED = BY_PIXEL = ("saliency", "integrated")
"""Kinds of maps that exist for every network whose gradients reach the image; they share the blurred regions."""
PATH = ((0.0, 1.0),)
"""Segments of the path of Integrated Gradients: one, with eight gradients, since only the order is looked at."""


def gradient_kinds(card: ModelCard) -> tuple[str, ...]:
    """``BY_PIXEL``, or nothing for a network that is not ours and gives no gradients."""
    return BY_PIXEL if card.capabilities is None or card.capabilities.gradients else ()


def gradient_rows(
    engine: Engine, sample: Sample, regions: Regions, kind: str, tasks: Sequence[str] | None = None
) -> Cells:
    """``(T, R)`` how much a map of gradients lays on every region of the image, for the mean of a task's prediction.

    ``saliency``: sum of the sizes of the slopes; ``integrated``: size of the sum of the contributions, against the
    blurred image and with the picks held.

    Args:
        engine: of the model.
        sample: the image.
        regions: of the image.
        kind: of ``BY_PIXEL``.
        tasks: whose predictions, one row each; by default all.
    """
    way = passes(engine, sample)
    held = held_picks(engine, sample) if kind == INTEGRATED else None
    outputs, inside = engine.run(sample, capture=None).outputs, regions.of_input >= 0
    rows = []
    for task in tasks or list(outputs):
        number = _number(way, scalar(Target(task, "image"), engine.card, outputs, way.prepared.letterbox), held)
        if kind == SALIENCY:
            found = np.abs(methods.saliency(number, way.prepared.image, engine.card.std))
        else:
            instead = baseline("blurred", way.prepared, engine.card)
            found = methods.over_colours(along(number, way.prepared.image, instead, PATH).map)
        rows.append(np.abs(np.bincount(regions.of_input[inside], found[inside], len(regions))))
    return np.stack(rows)


def _number(way: Passes, target: Scalar, held: Edit | None) -> Function:
    return lambda images: target.of(way.outputs(images, held))


def blurred_effects(engine: Engine, clean: Run, regions: Regions) -> Cells:
    """``(T, R)`` effect on every task (``lesions.effects``) of blurring every region of the image.

    Args:
        engine: of the model.
        clean: the image as it is.
        regions: of the image.
    """
    image = clean.sample.image
    sigma = BLUR * min(image.shape[:2])
    smooth = gaussian_filter(image.astype(np.float32), (sigma, sigma, 0), mode="nearest").round().astype(np.uint8)
    found = []
    for region in range(len(regions)):
        there = (regions.of_pixel == region)[..., None]
        changed = replace(clean.sample, image=np.where(there, smooth, image))
        found.append(edit_effects(clean, engine.run(changed, capture=None)))
    return np.stack(found, 1)
