"""What do tasks lose when nobody reads one of them, and does the weight that they read it with tell?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mtlviz.analysis.lesions.effects import effects_of_edits, possible_edits
from mtlviz.analysis.lesions.slots import shares_of
from mtlviz.analysis.noise.maps import map_numbers
from mtlviz.analysis.rank_correlation import rank_correlation
from mtlviz.edits import NOTHING, Edit
from mtlviz.engine import Engine, Run
from mtlviz.errors import OptionError
from mtlviz.tasks import Task
from mtlviz.trace import AttentionTrace, SlotTrace


@dataclass(frozen=True, eq=False)
class Silencing:
    """Every task silenced once, on one image.

    Attributes:
        tasks: in the order of rows and columns.
        effects: ``(T, T)`` effect on task t (column) when nobody reads task s (row), in t's unit.
        together: ``(T,)`` effect of an interaction that is switched off.
        mass: ``(T, T)`` share of what the tokens of t (column) read that lies on tokens of s (row), for KEM by the
            composite map A_w A_r; None where tokens do not read tokens (CTAL).
    """

    tasks: tuple[Task, ...]
    effects: Float[np.ndarray, "T T"]
    together: Float[np.ndarray, " T"]
    mass: Float[np.ndarray, "T T"] | None

    @property
    def shares(self) -> Float[np.ndarray, "T T"]:
        """Effects over that of an interaction that is switched off; NaN where that is 0."""
        return shares_of(self.effects, self.together)

    @property
    def pairs(self) -> Bool[np.ndarray, "T T"]:
        """The pairs of different tasks, which enter the rank correlation."""
        return ~np.eye(len(self.tasks), dtype=bool)

    @property
    def faithfulness(self) -> float:
        """Rank correlation between mass and share of effect over pairs of different tasks; NaN without mass."""
        if self.mass is None:
            return float("nan")
        return rank_correlation(self.mass[self.pairs], self.shares[self.pairs])


def silencing(engine: Engine, clean: Run, base: Edit = NOTHING) -> Silencing:
    """Silence every task once.

    Args:
        engine: of a model whose tasks read one another.
        clean: the image as it is, with the interaction's trace.
        base: the edit under which ``clean`` was made, such as that of a negative control.

    Raises:
        OptionError: if its tasks do not read one another, or there is only one.
    """
    tasks = clean.card.tasks
    if "silenced" not in possible_edits(engine) or len(tasks) < 2:
        raise OptionError(f"In model {clean.card.name!r} no task reads another one, so that none can be silenced.")
    edits = [*(Edit(silenced=(task.name,)) for task in tasks), Edit(residual=0.0)]
    found = effects_of_edits(engine, clean.sample, edits, base)
    trace = clean.trace.interaction
    mass = map_numbers(trace, {}, rank=False).sources.T if isinstance(trace, SlotTrace | AttentionTrace) else None
    return Silencing(tasks, found[:-1], found[-1], mass)
