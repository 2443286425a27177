"""One model over a set of images: how well each kind of its maps foretells the effects, image by image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from mtlviz.analysis.faithfulness.gradients import gradient_kinds
from mtlviz.analysis.faithfulness.image import RECORDED, Foretold, available_kinds, foretold
from mtlviz.analysis.faithfulness.names import MEASURES
from mtlviz.analysis.noise.record import Samples
from mtlviz.checkpoints import ModelCard
from mtlviz.engine import Engine
from mtlviz.errors import DataError

SEEDS_APART = 100_000
"""Distance of the seeds of two studies, so that no image of one draws as an image of the other."""

Columns = dict[str, Float[np.ndarray, " n"]]


@dataclass(frozen=True)
class ModelRecord:
    """A model over a set; NaN where an image has no value.

    Attributes:
        card: of the model.
        numbers: by kind of map, then by measure (``names.MEASURES``) ``(n,)``.
        by_task: by kind of map, then by reading task the rank correlation of map and effect ``(n,)``.
        images: n.
    """

    card: ModelCard
    numbers: dict[str, Columns]
    by_task: dict[str, Columns]
    images: int


def model_record(
    engine: Engine,
    samples: Samples,
    *,
    seed: int = 0,
    gradients: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> ModelRecord:
    """Measure a model over a set.

    Args:
        engine: of the model; one without an interaction has no maps of its inside.
        samples: the images; their labels are not looked at.
        seed: of the random weights and the shuffled cells.
        gradients: kinds of maps of gradients that are measured too, see ``gradients.BY_PIXEL``.
        progress: called with the number of images done.

    Raises:
        DataError: if the set is empty.
    """
    if not len(samples):
        raise DataError("The set holds no image; give one with at least one.")
    unlearned, found = engine.with_random_weights(seed), []
    also = [kind for kind in gradient_kinds(engine.card) if kind in gradients]
    # Several BLAS threads spin against whatever else runs, and the matrices are too small to gain from them.
    with threadpool_limits(1, user_api="blas"):
        for number in range(len(samples)):
            clean = engine.run(samples[number], capture=RECORDED)
            drawn = seed * SEEDS_APART + number
            found.append(foretold(engine, unlearned, clean, (*available_kinds(clean), *also), seed=drawn))
            if progress:
                progress(number + 1)
    return ModelRecord(engine.card, _joined(found, lambda one: one.numbers, tuple(MEASURES)),
                       _joined(found, lambda one: one.by_task, ()), len(found))  # fmt: skip


def _joined(
    images: list[dict[str, Foretold]], numbers: Callable[[Foretold], dict[str, float]], order: tuple[str, ...]
) -> dict[str, Columns]:
    """By kind, then by number, one value an image."""
    joined = {}
    for kind in images[0]:
        rows = [numbers(image[kind]) for image in images]
        joined[kind] = {key: np.array([row[key] for row in rows]) for key in order or rows[0]}
    return {kind: columns for kind, columns in joined.items() if columns}
