"""How much does every task hang on every slot, and do the Write weights tell?"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.exchange import task_exchange
from mtlviz.analysis.lesions.effects import effects_of_edits
from mtlviz.analysis.rank_correlation import rank_correlation
from mtlviz.checkpoints import ModelCard
from mtlviz.edits import NOTHING, Edit
from mtlviz.engine import Engine, Run
from mtlviz.errors import OptionError
from mtlviz.models.interactions.base import interaction_config
from mtlviz.tasks import Task
from mtlviz.trace import Capture, SlotTrace

LesionKind = Literal["zero", "renormalise", "freeze"]
KINDS: tuple[LesionKind, ...] = get_args(LesionKind)
"""The slot's term of the Write sum is dropped; the same and the others' weights sum to 1 again; the slot keeps its
content from before Retrieve."""


@dataclass(frozen=True, eq=False)
class SlotLesions:
    """Every slot of a model out of action once, on one image.

    Attributes:
        tasks: in the order of the columns.
        kind: what was done to a slot.
        effects: ``(L, T)`` effect of slot l's lesion on task t, in the unit of the task: the share of pixels with
            another class, metres, degrees or probability (``lesions.effects``).
        together: ``(T,)`` effect of dropping all slots at once, which leaves the residual path F alone.
        weights: ``(L, T)`` mean Write weight with which the tokens of task t read slot l; columns sum to 1.
    """

    tasks: tuple[Task, ...]
    kind: LesionKind
    effects: Float[np.ndarray, "L T"]
    together: Float[np.ndarray, " T"]
    weights: Float[np.ndarray, "L T"]

    @property
    def shares(self) -> Float[np.ndarray, "L T"]:
        """Effects over that of all slots at once, the unit in which tasks compare; NaN where that is 0.

        They need not sum to 1: slots can stand in for one another, or work against each other.
        """
        return shares_of(self.effects, self.together)

    @property
    def ranked(self) -> Int[np.ndarray, " L"]:
        """Slots by their mean share over the tasks, largest first."""
        known = np.nan_to_num(self.shares)
        order: Int[np.ndarray, " L"] = np.argsort(-known.mean(1), kind="stable")
        return order

    @property
    def faithfulness(self) -> Float[np.ndarray, " T"]:
        """By task the rank correlation over slots between Write weight and effect; NaN if one of them is constant."""
        pairs = zip(self.weights.T, self.effects.T, strict=True)
        return np.array([rank_correlation(weight, effect) for weight, effect in pairs])


def slot_count(card: ModelCard) -> int:
    """L, or 0 for an interaction without slots."""
    config = interaction_config(card.architecture.interaction, card.architecture.options)
    return int(getattr(config, "slots", 0))


def lesion(slot: int, kind: LesionKind = "zero") -> Edit:
    """The edit that takes one slot out of action."""
    if kind == "freeze":
        return Edit(frozen=(slot,))
    return Edit(zeroed=(slot,), renormalised=kind == "renormalise")


def slot_lesions(engine: Engine, clean: Run, kind: LesionKind = "zero", base: Edit = NOTHING) -> SlotLesions:
    """Take every slot out of action once.

    Args:
        engine: of a model with slots.
        clean: the image as it is, with the interaction's trace.
        kind: what is done to a slot.
        base: the edit under which ``clean`` was made, such as that of a negative control.

    Raises:
        OptionError: if the model has no slots, or ``base`` changes what a lesion does.
    """
    slots = slot_weights(engine, clean, base)
    count = len(slots)
    edits = [*(lesion(slot, kind) for slot in range(count)), Edit(zeroed=tuple(range(count)))]
    found = effects_of_edits(engine, clean.sample, edits, base)
    return SlotLesions(clean.card.tasks, kind, found[:-1], found[-1], slots)


def slot_weights(engine: Engine, clean: Run, base: Edit = NOTHING) -> Float[np.ndarray, "L T"]:
    """Mean Write weight of every slot for the tokens of every task, padding left out; the mean of all heads.

    Raises:
        OptionError: if the run recorded no slots.
    """
    heads = int(clean.card.architecture.options.get("heads", 1))
    traces = [clean.trace.interaction] if heads == 1 else [
        engine.run(clean.sample, capture=Capture(head=head), edit=base).trace.interaction for head in range(heads)
    ]  # fmt: skip
    found = []
    for trace in traces:
        if not isinstance(trace, SlotTrace):
            raise OptionError(f"Model {clean.card.name!r} has no memory slots that could be taken out.")
        outflow = task_exchange(trace).outflow
        found.append(outflow / outflow.sum(0))
    return np.asarray(np.mean(found, 0))


def shares_of(effects: Float[np.ndarray, "E T"], whole: Float[np.ndarray, " T"]) -> Float[np.ndarray, "E T"]:
    """Effects over a whole effect by task; NaN where that is 0."""
    shares: Float[np.ndarray, "E T"] = effects / np.where(whole > 0, whole, np.nan)
    return shares
