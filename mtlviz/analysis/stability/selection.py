"""What the slots of one run picked and hold, in terms of the tokens of the original image."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Int16

from mtlviz.analysis.stability.windows import OUTSIDE, TokenMap
from mtlviz.analysis.token_labels import UNKNOWN, token_classes
from mtlviz.data.sample import valid_pixels
from mtlviz.engine import Run
from mtlviz.errors import OptionError
from mtlviz.models.interactions import interaction_class
from mtlviz.models.interactions.kem import KEM
from mtlviz.tasks import IGNORE, TASKS, Task
from mtlviz.trace import Capture, FeatureTrace, SlotTrace

RECORDED = Capture(features=True)
"""What a run records for this analysis."""

Source = Literal["labels", "prediction", "none"]


@dataclass(frozen=True)
class TokenClasses:
    """The class of every position of an image.

    Attributes:
        task: whose classes; None where neither the image nor the model knows any.
        source: ground truth, else what the model says of the image as it is.
        classes: ``(N,)``, ``UNKNOWN`` where there is none.
    """

    task: Task | None
    source: Source
    classes: Int16[np.ndarray, " N"]


@dataclass(frozen=True)
class Selection:
    """What slots picked and hold.

    Attributes:
        picks: ``(L, K)`` the picked tokens as tokens of the original, ``OUTSIDE`` where that does not show them.
        classes: ``(L, K)`` their classes, ``UNKNOWN`` where there is none.
        contents: by name ``(L, D)``: ``retrieved``, what the slots hold, with the model's own values; ``features``,
            the same mixture of the tokens as the task encoders give them; ``compared``, of the tokens as the
            interaction compares them (kem.md 5.1).
        margin: ``(L,)`` see ``class_margins``.
        relative_margin: ``(L,)`` over the standard deviation of the slot's logits.
    """

    picks: Int[np.ndarray, "L K"]
    classes: Int16[np.ndarray, "L K"]
    contents: Mapping[str, Float[np.ndarray, "L D"]]
    margin: Float[np.ndarray, " L"]
    relative_margin: Float[np.ndarray, " L"]


def has_slots(interaction: str) -> bool:
    """Whether models with this interaction have memory slots that tokens compete for.

    Args:
        interaction: name in the registry.
    """
    return issubclass(interaction_class(interaction), KEM)


def slots_of(run: Run) -> SlotTrace:
    """The slots of a run.

    Raises:
        OptionError: if the model has none.
    """
    trace = run.trace.interaction
    if not isinstance(trace, SlotTrace):
        raise OptionError(f"Model {run.card.name!r} has no memory slots; choose one with slots, such as 'kem'.")
    return trace


def classes_of(run: Run) -> TokenClasses:
    """The class of every position of the run's image: from its labels, else from the run's own prediction."""
    own = [task for task in run.card.tasks if task.kind == "classes"]
    rows, columns = run.card.token_grid
    box, stride = run.letterbox.box, run.letterbox.target[0] // rows
    for task in [*own, TASKS["semseg"]]:
        if task.name in run.sample.labels:
            label = np.where(valid_pixels(run.sample, task), run.sample.labels[task.name], IGNORE).astype(np.uint8)
            return TokenClasses(task, "labels", token_classes(label, box, (rows, columns), stride))
    if own:
        said = run.letterbox.crop(run.outputs[own[0].name].argmax(0).astype(np.uint8))
        return TokenClasses(own[0], "prediction", token_classes(said, box, (rows, columns), stride))
    return TokenClasses(None, "none", np.full(rows * columns, UNKNOWN, np.int16))


def selection(run: Run, classes: TokenClasses, tokens: TokenMap) -> Selection:
    """What the slots of a run picked, named by tokens of the original.

    Args:
        run: of the original or of a changed copy, with features recorded.
        classes: of the original's tokens.
        tokens: which of the run's tokens lie on which of the original's.

    Raises:
        OptionError: if the model has no slots.
        ValueError: if the run recorded no features.
    """
    trace = slots_of(run)
    per_task = trace.layout.tokens_per_task
    here = np.where(tokens.original >= 0, classes.classes[tokens.original], UNKNOWN)  # classes of the run's tokens
    picks = np.asarray(trace.picks)
    task, place = np.divmod(picks, per_task)
    original = np.where(picks >= 0, tokens.original[place], OUTSIDE)
    margin = class_margins(trace, here)
    spread = _logit_spread(trace)
    return Selection(
        picks=np.where(original >= 0, task * per_task + original, OUTSIDE),
        classes=np.where(original >= 0, here[place], UNKNOWN).astype(np.int16),
        contents=_contents(trace, run.trace.features),
        margin=margin,
        relative_margin=np.divide(margin, spread, out=np.full_like(margin, np.nan), where=spread > 0),
    )


def class_margins(trace: SlotTrace, classes: Int16[np.ndarray, " N"]) -> Float[np.ndarray, " L"]:
    """Logit of a slot's last pick less that of the best token of another class than this pick's.

    How far the logits may move before the last place goes to another class; negative where a token of another class
    is ahead already, as in a slot that holds several classes. A change of all logits by less than half of it cannot
    change the class of the last pick. NaN where the pick has no class or there is no token of another class.

    Args:
        trace: of the slots.
        classes: ``(N,)`` of the positions of one task; all tasks have the same.
    """
    logits, picks = np.asarray(trace.logits, np.float64), np.asarray(trace.picks)
    everywhere = np.tile(classes, len(trace.layout.tasks))
    count = (picks >= 0).sum(1)
    last = picks[np.arange(len(picks)), np.maximum(count - 1, 0)]
    own = np.where(count > 0, everywhere[last], UNKNOWN)
    rivals = (everywhere[None] != own[:, None]) & (everywhere >= 0)[None] & np.isfinite(logits)
    best = np.where(rivals, logits, -np.inf).max(1)
    known = (own >= 0) & np.isfinite(best)
    margins: np.ndarray = np.where(known, logits[np.arange(len(picks)), last] - np.where(known, best, 0), np.nan)
    return margins


def _logit_spread(trace: SlotTrace) -> Float[np.ndarray, " L"]:
    logits = np.asarray(trace.logits, np.float64)
    spread: np.ndarray = np.nanstd(np.where(np.isfinite(logits), logits, np.nan), axis=1)
    return spread


def _contents(trace: SlotTrace, features: FeatureTrace | None) -> dict[str, Float[np.ndarray, "L D"]]:
    if features is None:
        raise ValueError("selection needs a run that recorded features; pass capture=RECORDED")
    found = {"retrieved": np.asarray(trace.memory_after, np.float64)}
    for name, place in (("features", "task_encoder"), ("compared", "interaction_input")):
        rows = np.asarray(features.places[place])
        picked = rows.reshape(-1, rows.shape[-1])[np.maximum(trace.picks, 0)]  # (L, K, D); weights of -1 are 0
        found[name] = np.einsum("lk,lkd->ld", np.asarray(trace.weights, np.float64), picked)
    return found
