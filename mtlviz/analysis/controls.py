"""Negative controls: the same map where there is nothing to know, and how much it resembles the real one.

A map that says something about what a network learned, or about the image, changes when that is taken away
(Adebayo et al., "Sanity Checks for Saliency Maps", 2018; spec idea 7).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.lesions.effects import edits_of, on_top
from mtlviz.analysis.lesions.slots import slot_count
from mtlviz.analysis.rank_correlation import rank_correlation
from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit, Permutation
from mtlviz.engine import Run
from mtlviz.errors import OptionError
from mtlviz.trace import SlotTrace

THE_MODEL = "the model"
"""The choice that is no control."""
RANDOM = "random weights"
"""The control whose slots are others: that two of them have one number means nothing."""
BLOCK = (4, 5)
"""(rows, columns) of tokens over which maps without numbers of slots are compared."""
PAIRS = 20_000
"""Pairs of tokens whose distances stand for those of all."""


@dataclass(frozen=True)
class Control:
    """One negative control.

    Attributes:
        key: its name everywhere.
        what: one sentence: what is different from the model.
        left: what a map that does not change has shown all along.
        seeded: whether it is drawn at random.
    """

    key: str
    what: str
    left: str
    seeded: bool = True


CONTROLS: dict[str, Control] = {
    control.key: control
    for control in (
        Control(RANDOM, "The same architecture, its weights drawn at random and never trained.",
                "the architecture and the image, nothing that was learned"),
        Control("shuffled slots", "Every slot hands out what another slot retrieved; tokens read the slots as before.",
                "nothing of what the slots hold: who reads which slot is made before that and stays"),
        Control("permuted tokens", "The tokens change places before they interact, those of every task in the same "
                "way: what follows the content moves away with it.",
                "the places, not what lies there"),
        Control("mean image", "The image is replaced by its mean colour, in which there is nothing to see.",
                "the network and its frame, not this image", seeded=False),
    )
}  # fmt: skip


def offered(card: ModelCard) -> tuple[str, ...]:
    """The controls that exist for a model, in their order."""
    known = edits_of(card)
    return tuple(
        key
        for key in CONTROLS
        if (key != "shuffled slots" or ("swapped" in known and slot_count(card) > 1))
        and (key != "permuted tokens" or "permuted" in known)
    )


def control_sample(key: str, sample: Sample) -> Sample:
    """The image that the control is shown; its labels stay what they are."""
    if key != "mean image":
        return sample
    colour = sample.image.reshape(-1, 3).mean(0).round().astype(np.uint8)
    return replace(sample, image=np.broadcast_to(colour, sample.image.shape).copy(), name=f"{sample.name}, mean colour")


def control_edit(key: str, card: ModelCard, seed: int = 0, edit: Edit | None = None) -> Edit | None:
    """The intervention of a control on top of another one; that one itself where the control needs none.

    Args:
        key: of ``CONTROLS``, or ``THE_MODEL``.
        card: of the model.
        seed: of what is drawn.
        edit: of the user.

    Raises:
        OptionError: if the control does not exist for the model, or both change the same thing.
    """
    if key != THE_MODEL and key not in offered(card):
        raise OptionError(f"The control {key!r} does not exist for {card.name!r}; choose of {_listed(card)}.")
    made = _edit(key, card, seed)
    if made is None or edit is None:
        return made or edit
    clash = sorted(made.used & edit.used)
    if clash:
        raise OptionError(f"The control {key!r} already changes {clash[0]!r}; leave it out of the edit.")
    return on_top(made, edit)


def slot_sources(slots: int, seed: int = 0) -> Int[np.ndarray, " L"]:
    """By slot the slot whose content it hands out: one cycle through all of them, so that none keeps its own."""
    order = np.random.default_rng(seed).permutation(slots)
    sources = np.empty(slots, np.int64)
    sources[order] = np.roll(order, -1)
    return sources


def stamped(run: Run, key: str, seed: int = 0) -> Run:
    """The run of a control as such: its provenance says which, its trace what the slots really hand out.

    Args:
        run: of the control's engine, sample and edit.
        key: of ``CONTROLS``; a run of the model itself comes back as it is.
        seed: of what was drawn.
    """
    if key == THE_MODEL:
        return run
    said = {"control": key} | ({"control_seed": seed} if CONTROLS[key].seeded else {})
    trace = run.trace
    if key == "shuffled slots" and isinstance(trace.interaction, SlotTrace):
        trace = replace(trace, interaction=_handed_out(trace.interaction, seed))
    return replace(run, trace=trace, provenance=replace(run.provenance, edit=said | run.provenance.edit))


def map_correlation(values: Float[np.ndarray, "rows columns *k"], real: Float[np.ndarray, "rows columns *k"]) -> float:
    """Spearman's rank correlation of two maps over their cells (and, in maps of many numbers a cell, over these).

    1 for maps that put their cells in the same order, 0 for unrelated ones; NaN for a map that is the same
    everywhere. Cells that either leaves out (NaN) do not count.
    """
    return rank_correlation(np.asarray(values, np.float64).ravel(), np.asarray(real, np.float64).ravel())


def over_slots(values: Float[np.ndarray, "rows columns L"]) -> Float[np.ndarray, "down across"]:
    """A map of one number a slot without their numbers: summed over the slots, meaned over blocks of ``BLOCK`` tokens.

    Slot by slot, maps of other weights would be unrelated whatever they show; blocks, since the tokens that win are
    few, and two of them side by side would count as nothing in common. NaN where a block has no token of the image.
    """
    (rows, columns, _), (high, wide) = values.shape, BLOCK
    total = np.full((-(-rows // high) * high, -(-columns // wide) * wide), np.nan)
    total[:rows, :columns] = values.sum(2)
    blocks = total.reshape(len(total) // high, high, -1, wide)
    known = np.isfinite(blocks).sum((1, 3))
    return np.asarray(np.nansum(blocks, (1, 3)) / np.where(known > 0, known, np.nan))


def likeness_of_spaces(first: Float[np.ndarray, "n E"], second: Float[np.ndarray, "n F"], seed: int = 0) -> float:
    """Rank correlation of the distances between the same tokens in two spaces of features, over ``PAIRS`` drawn pairs.

    1 if both find the same tokens alike, however they are turned (Kriegeskorte et al., "Representational similarity
    analysis", 2008); NaN if all tokens of one are equal.
    """
    one, other = np.random.default_rng(seed).integers(0, len(first), (2, PAIRS))
    apart = one != other
    return rank_correlation(*(_distances(space, one[apart], other[apart]) for space in (first, second)))


def _distances(
    space: Float[np.ndarray, "n E"], one: Int[np.ndarray, " p"], other: Int[np.ndarray, " p"]
) -> Float[np.ndarray, " p"]:
    return np.asarray(np.linalg.norm(space[one].astype(np.float64) - space[other], axis=1))


def _edit(key: str, card: ModelCard, seed: int) -> Edit | None:
    if key == "permuted tokens":
        return Edit(permuted=Permutation(tuple(task.name for task in card.tasks), seed))
    if key == "shuffled slots":
        return Edit(swapped=_exchanges(slot_sources(slot_count(card), seed)))
    return None


def _exchanges(sources: Sequence[int] | np.ndarray) -> tuple[tuple[int, int], ...]:
    """The pairs whose exchange, one after the other, gives a cycle of contents."""
    cycle = [0]
    while (following := int(sources[cycle[-1]])) != cycle[0]:
        cycle.append(following)
    return tuple(pairwise(cycle))


def _handed_out(trace: SlotTrace, seed: int) -> SlotTrace:
    """The trace with every slot's Retrieve side being that of the slot whose content it hands out."""
    sources = slot_sources(len(np.asarray(trace.picks)), seed)
    moved = {name: np.asarray(getattr(trace, name))[sources] for name in ("logits", "picks", "weights", "memory_after")}
    return replace(trace, **moved)


def _listed(card: ModelCard) -> str:
    return ", ".join(offered(card))
