"""What an edit did to the predictions: one definition for maps, matrices, rankings and reports.

The effect of an edit on a task is ``Difference.mean`` of the prediction after minus the one before, over all pixels
of the image: the share of pixels with another class, metres, degrees or probability. A mean over pixels, and not an
intersection over union, since there a class of three pixels that vanishes would outweigh all the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.compare import Difference, difference
from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.edits import NOTHING, Edit
from mtlviz.engine import Engine, Run
from mtlviz.errors import OptionError
from mtlviz.models.interactions import REGISTRY
from mtlviz.models.interactions.edited import ALWAYS, ON_INPUTS

VISIBLE = {"classes": 0.0, "depth": 0.1, "normals": 5.0, "binary": 0.1}
"""By kind of task the change above which a pixel counts as changed: any, metres, degrees, probability."""
TOGETHER = 24
"""Edits that share one pass through the decoders; bounds the memory."""


def prediction_change(before: Run, after: Run, task: str) -> Difference:
    """The prediction of a task after an edit minus the one before; ``mean`` is the effect.

    Args:
        before: the image as it is.
        after: the same image under an edit.
        task: its name.
    """
    old, new = before.prediction(task), after.prediction(task)
    return difference(old.task, new.values, old.values)


def edit_effects(before: Run, after: Run) -> Float[np.ndarray, " T"]:
    """The effect of an edit on every task, in the order of the card; 0 where nothing changed."""
    return np.array([prediction_change(before, after, task.name).mean for task in before.card.tasks])


def changed_share(change: Difference) -> float:
    """Share of the pixels that changed visibly: another class, or more than ``VISIBLE``."""
    sizes = np.abs(change.values[change.compared])
    return float((sizes > VISIBLE[change.task.kind]).mean()) if sizes.size else float("nan")


def on_top(base: Edit, edit: Edit) -> Edit:
    """Both edits at once.

    Raises:
        OptionError: if both change the same thing.
    """
    if clash := sorted(base.used & edit.used):
        raise OptionError(f"Two edits change {clash[0]!r} at once; leave it out of one of them.")
    used = base.used | ({"renormalised"} if base.renormalised else set())
    return replace(edit, **{one.name: getattr(base, one.name) for one in fields(base) if one.name in used})


def effects_of_edits(
    engine: Engine, sample: Sample, edits: Sequence[Edit], base: Edit = NOTHING
) -> Float[np.ndarray, "E T"]:
    """The effects of many edits of one image at the cost of a few passes.

    Every batch holds the image without an edit too, and the edits are compared with that one: an edit that does
    nothing then has an effect of exactly 0, which rounding in another batch would spoil.

    Args:
        engine: of the model.
        sample: the image.
        edits: one row each.
        base: an edit that is in force all along, such as that of a negative control.
    """
    rows = [edit_effects(batch[0], after) for batch in _batches(engine, sample, edits, base) for after in batch[1:]]
    return np.stack(rows) if rows else np.empty((0, len(engine.card.tasks)))


def possible_edits(engine: Engine) -> frozenset[str]:
    """Fields of ``Edit`` that can change anything in this model; without interaction only what goes into decoders."""
    return edits_of(engine.card)


def edits_of(card: ModelCard) -> frozenset[str]:
    """The same from its card; a network that is not ours lists them there."""
    if card.capabilities is not None:
        return frozenset(card.capabilities.edits)
    name = card.architecture.interaction
    return ON_INPUTS if name == "none" else ALWAYS | REGISTRY[name].edits


def _batches(engine: Engine, sample: Sample, edits: Sequence[Edit], base: Edit) -> Iterator[list[Run]]:
    for start in range(0, len(edits), TOGETHER):
        yield engine.effects(sample, [base, *(on_top(base, edit) for edit in edits[start : start + TOGETHER])])
