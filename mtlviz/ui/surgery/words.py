"""The sentences of the Slot surgery page: what an operation does, and what it changed."""

from collections.abc import Sequence

import numpy as np

from mtlviz.analysis.compare import Difference
from mtlviz.analysis.lesions.operations import HERE, Operation
from mtlviz.analysis.lesions.silencing import Silencing
from mtlviz.analysis.lesions.slots import SlotLesions
from mtlviz.analysis.rank_correlation import beyond_chance
from mtlviz.plots.attention import percent
from mtlviz.plots.style import slot_label, task_title
from mtlviz.tasks import Task
from mtlviz.ui.stability.words import signed

TITLES = {
    "zero": "Drop a slot",
    "renormalise": "Renormalise what is left",
    "freeze": "Freeze a slot",
    "swap": "Swap two slots",
    "give": "Transplant a content",
    "silence": "Silence a task",
    "mute": "Mute a token",
    "move": "Move a token's write",
    "residual": "Set the residual's weight",
    "picks": "Set K, picks a slot",
    "slots": "Set L, number of slots",
    "noise": "Noise on a task",
}
"""Of every operation, in a picker."""

MEANINGS = {
    "zero": "The slot's term of the Write sum is left out; the weights of the other slots stay as they are.",
    "renormalise": "With slots dropped: every token's weights on the other slots are scaled to sum to 1 again.",
    "freeze": "The slot keeps its content from before Retrieve, as if nothing had been put into it.",
    "swap": "The two slots hand out each other's content, while they are read with the weights as before.",
    "give": "The slot holds what a slot retrieved from this or another image; it is read with the weights that follow.",
    "silence": "Tokens of the task are read by nobody: they compete for no slot, or are attended to by no other task.",
    "mute": "The token receives nothing from the other tasks.",
    "move": "The target token receives what the picked one would have received, which keeps it too.",
    "residual": "w_r in F + w_r F^ (gamma for CTAL): 0 switches the interaction off, 1 is the usual value.",
    "picks": "How many tokens every slot takes in.",
    "slots": "The first L' slots alone: the others are dropped and the weights renormalised. As slots do not see one "
    "another, that is the network with L' slots.",
    "noise": "Gaussian noise on the task's features before the interaction; level 1 is as large as the features.",
}
"""What every operation does."""

OFF = "the tasks exchange nothing"
"""What a whole effect is the effect of."""

KIND_TITLES = {"zero": "dropped", "renormalise": "dropped, rest renormalised", "freeze": "frozen"}
"""What a lesion does to a slot."""


def said(operation: Operation, weight: str = "w_r") -> str:
    """An operation as a short phrase.

    Args:
        operation: of the list.
        weight: what the interaction calls the weight of its residual.
    """
    parts = operation.parts
    if operation.verb in ("mute", "move"):
        first = token_name(*parts[:3])
        return f"{first} muted" if operation.verb == "mute" else f"write of {first} → {token_name(*parts[3:])}"
    texts = {
        "zero": "slot {0} dropped",
        "renormalise": "weights renormalised",
        "freeze": "slot {0} frozen",
        "swap": "slots {0} and {1} swapped",
        "silence": "{0} silenced",
        "residual": weight + " = {0:g}",
        "picks": "K = {0}",
        "slots": "first {0} slots only",
        "noise": "noise {1:g} on {0} (seed {2})",
    }
    if operation.verb == "give":
        where = "this image" if parts[2] == HERE else str(parts[2]).replace("room", "room ")
        return f"slot {parts[0]} ← slot {parts[1]} of {where}"
    named = [task_title(part) if isinstance(part, str) else part for part in parts]
    return texts[operation.verb].format(*named)


def token_name(task: object, row: object, column: object) -> str:
    """A token in words."""
    return f"{task_title(str(task))} token ({row}, {column})"


def unit_of(task: Task) -> str:
    """What the effect on a task is measured in."""
    return {"classes": "share of pixels with another class", "depth": "mean change (m)",
            "normals": "mean turn (°)", "binary": "mean change of probability"}[task.kind]  # fmt: skip


def exact(task: Task, value: float) -> str:
    """An effect with three significant digits and its unit: ``0.12% of pixels``, ``0.0345 m``, ``1.2°``."""
    if not np.isfinite(value):
        return "unknown"
    if task.kind == "classes":
        return f"{percent(value)} of pixels"
    return f"{value:.3g}" + {"depth": " m", "normals": "°"}.get(task.kind, "")


def change_text(change: Difference) -> str:
    """How far one prediction moved, as a clause."""
    task, size = change.task, exact(change.task, change.mean)
    if not change.mean > 0:
        return f"{task_title(task.name)} stays as it is"
    verbs = {
        "classes": f"**{size}** change their class",
        "depth": f"depth moves by **{size}**",
        "normals": f"normals turn by **{size}**",
        "binary": f"the probability of {task_title(task.name).lower()} moves by **{size}**",
    }
    of = f" ({task_title(task.name).lower()})" if task.kind == "classes" else ""
    return verbs[task.kind] + of


def edited_answer(phrases: Sequence[str], changes: Sequence[Difference]) -> str:
    """The page's sentence where something is edited."""
    if all(change.mean == 0 for change in changes):
        return f"With {_listed(phrases)} **no prediction changes at all**, to the last bit of every pixel."
    return f"With {_listed(phrases)}: {'; '.join(map(change_text, changes))} (means over the image)."


def lesion_answer(found: SlotLesions) -> str:
    """The page's sentence for a model with slots of which nothing is edited."""
    slot = int(found.ranked[0])
    effects = [
        f"{task_title(task.name)} {exact(task, effect)}"
        for task, effect in zip(found.tasks, found.effects[slot], strict=True)
    ]
    total = np.nanmean(found.shares.sum(0)) if np.isfinite(found.shares).any() else float("nan")
    together = (
        "" if not np.isfinite(total) else
        f" Added up, the slots' single effects are **{total:.1f} times** the effect of dropping all at once: "
        + ("they cancel one another or fall on the same pixels." if total > 1.1 else
           "together they do more than one by one." if total < 0.9 else "they add up.")
    )  # fmt: skip
    return (
        f"Nothing is edited yet. Of {len(found.effects)} slots, **{slot_label(slot)}** matters most on this image: "
        f"without it the predictions move by **{', '.join(effects)}**.{together}"
    )


def silencing_answer(found: Silencing) -> str:
    """The page's sentence for a model without slots of which nothing is edited."""
    shares = np.where(found.pairs, np.nan_to_num(found.shares), 0.0)
    source, target = np.unravel_index(int(shares.argmax()), shares.shape)
    if not shares.max() > 0:
        return "Nothing is edited yet, and no task of this model loses anything when another one is silenced."
    names = [task_title(task.name) for task in found.tasks]
    size = exact(found.tasks[target], found.effects[source, target])
    return (
        f"Nothing is edited yet. What hurts most between tasks is to silence **{names[source]}**: "
        f"**{names[target]}** then moves by **{size}**, {percent(float(shares.max()))} of what it does without any "
        "exchange."
    )


def faithfulness_text(correlation: float, count: int, weight: str = "the Write weights") -> str:
    """What a rank correlation between weights and effects says about the map of the weights.

    Args:
        correlation: of ranks.
        count: n, the points behind it.
        weight: what the map shows.
    """
    if not np.isfinite(correlation):
        return "no rank correlation, since the effects or the weights are all alike"
    said = f"rank correlation **{correlation:+.2f}** (n = {count})"
    if not beyond_chance(correlation, count):
        return f"{said}: within chance, {weight} do not foretell the effects"
    if correlation < 0:
        return f"{said}: {weight} mislead, larger ones go with smaller effects"
    how = "foretell the order of the effects well" if correlation >= 0.8 else "foretell the effects in part"
    return f"{said}: {weight} {how}"


def correlation_text(correlation: float) -> str:
    """A rank correlation, or that there is none."""
    return signed(correlation) if np.isfinite(correlation) else "none"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
