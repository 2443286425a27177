"""Interventions on KEM: on who competes, what slots hold, how they are read."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mtlviz.edits import Edit
from mtlviz.errors import OptionError
from mtlviz.models.interactions.edited import distractor_tokens, same_label
from mtlviz.models.interactions.kem_config import KEMConfig

KEM_EDITS = frozenset(
    {"silenced", "distractors", "oracle", "zeroed", "renormalised", "frozen", "contents", "swapped", "picks", "held"}
)

AFTER_WRITE = frozenset({"residual", "zeroed", "swapped", "muted", "moved"})
"""Edits that leave Retrieve and the Write logits as they are."""


def check_edit(edit: Edit, config: KEMConfig) -> None:
    """Refuse what KEM, or KEM with these options, cannot apply.

    Raises:
        OptionError: in one sentence.
    """
    _check_slots(edit, config.slots)
    if edit.distractors is not None and (config.task_embedding or config.picks_per_task):
        raise OptionError("Distractors belong to no task; this model tells tasks apart when tokens compete.")
    if edit.oracle is not None and (config.gate or config.heads > 1):
        raise OptionError("An oracle needs KEM without gate and with one head; this model has other options.")


def _check_slots(edit: Edit, slots: int) -> None:
    """Refuse an edit that names a slot that there is not, or combines what cannot be."""
    named = (*edit.zeroed, *edit.frozen, *edit.contents, *(slot for pair in edit.swapped for slot in pair))
    strange = [slot for slot in named if not 0 <= slot < slots]
    if strange:
        raise OptionError(f"The edit names slot {strange[0]}; this model's slots are 0 to {slots - 1}.")
    if edit.picks is not None and edit.picks < 1:
        raise OptionError(f"A slot needs at least one pick; got {edit.picks}.")
    if edit.picks is not None and edit.held is not None:
        raise OptionError("Held picks fix how many tokens a slot takes; leave out their number, or do not hold them.")
    if edit.renormalised and len(set(edit.zeroed)) == slots:
        raise OptionError("Without any slot there are no weights left to renormalise; keep one, or do not renormalise.")
    if edit.oracle is not None and (edit.frozen or edit.contents or edit.swapped):
        raise OptionError("An oracle follows single picks through the slots; leave out frozen, contents and swapped.")


def competing(tokens: Float[Tensor, "B S D"], edit: Edit | None) -> Float[Tensor, "B R D"]:
    """The tokens and, after them, distractors."""
    if edit is None or edit.distractors is None:
        return tokens
    return torch.cat([tokens, distractor_tokens(tokens, edit.distractors).expand(len(tokens), -1, -1)], 1)


def allowed_to_compete(
    mask: Bool[Tensor, "B N"] | None, tasks: tuple[str, ...], rivals: Float[Tensor, "B R D"], tokens: int,
    edit: Edit | None,
) -> Bool[Tensor, "B R"] | None:  # fmt: skip
    """False at padding and at tokens of silenced tasks; None where all may compete.

    Raises:
        OptionError: if nobody is left.
    """
    silenced = () if edit is None else edit.silenced
    if mask is None and not silenced:
        return None
    per_task = tokens // len(tasks)
    one = rivals.new_ones(len(rivals), per_task, dtype=torch.bool) if mask is None else mask
    parts = [torch.zeros_like(one) if task in silenced else one for task in tasks]
    allowed = torch.cat([*parts, one.new_ones(len(one), rivals.shape[1] - tokens)], 1)
    if not allowed.any(1).all():
        raise OptionError("With every task silenced nothing is left to retrieve; keep at least one task.")
    return allowed


def held_picks(held: object, logits: Float[Tensor, "B h L R"]) -> Int[Tensor, "B h L K"]:
    """The same winners for every image of the batch.

    Raises:
        OptionError: if they are not the picks of these slots and tokens.
    """
    (batch, heads, slots, rivals), picks = logits.shape, torch.as_tensor(held, device=logits.device)
    picks = picks[None] if picks.dim() == 2 else picks
    if picks.dim() != 3 or picks.shape[:2] != (heads, slots) or not picks.shape[2]:
        raise OptionError(f"Held picks of {heads} x {slots} slots have a row each; got shape {tuple(picks.shape)}.")
    if picks.is_floating_point() or int(picks.min()) < 0 or int(picks.max()) >= rivals:
        raise OptionError(f"Held picks are whole numbers from 0 to {rivals - 1}, the tokens that compete.")
    return picks.long().expand(batch, -1, -1, -1)


def edited_memory(
    retrieved: Float[Tensor, "B L D"], memory: Float[Tensor, "L D"], edit: Edit | None
) -> Float[Tensor, "B L D"]:
    """Slots that stay as they were, or hold what they are given."""
    if edit is None or not (edit.frozen or edit.contents):
        return retrieved
    changed = retrieved.clone()
    changed[:, list(edit.frozen)] = memory[list(edit.frozen)]
    for slot, content in edit.contents.items():
        given = torch.as_tensor(content).to(changed)
        if given.shape != changed.shape[2:]:
            raise OptionError(f"The content of a slot has {changed.shape[2]} numbers; got shape {tuple(given.shape)}.")
        changed[:, slot] = given
    return changed


def edited_write(write: Float[Tensor, "B h S L"], edit: Edit | None) -> Float[Tensor, "B h S L"]:
    """Write weights without the zeroed slots."""
    if edit is None or not edit.zeroed:
        return write
    changed = write.clone()
    changed[..., list(edit.zeroed)] = 0
    return changed / changed.sum(-1, keepdim=True) if edit.renormalised else changed


def edited_contents(contents: Float[Tensor, "B M D"], heads: int, edit: Edit | None) -> Float[Tensor, "B M D"]:
    """What slots hand out, with some of them exchanged."""
    if edit is None or not edit.swapped:
        return contents
    by_head = contents.unflatten(1, (heads, -1)).clone()
    for first, second in edit.swapped:
        by_head[:, :, [first, second]] = by_head[:, :, [second, first]]
    exchanged: Tensor = by_head.flatten(1, 2)
    return exchanged


def oracle_reads(
    write: Float[Tensor, "B 1 S L"],
    picks: Int[Tensor, "B 1 L K"],
    weights: Float[Tensor, "B 1 L K"],
    oracle: object,
    tasks: int,
) -> Float[Tensor, "B S LK"]:
    """Weights from every token to every pick, 0 where their places have different labels."""
    reads = (write[:, 0, :, :, None] * weights[:, 0, None]).flatten(2)  # (B, S, L K)
    same = same_label(oracle, tasks, write)
    same = torch.cat([same, same.new_zeros(len(same), 1)], 1)  # a distractor is nobody's kin
    return reads * same[:, picks[:, 0].flatten(1).clamp(max=len(same))].transpose(0, 1)


def each_alone(
    picks: Int[Tensor, "B 1 L K"], weights: Float[Tensor, "B 1 L K"]
) -> tuple[Int[Tensor, "B 1 M 1"], Float[Tensor, "B 1 M 1"]]:
    """The picks as M = L K slots of one token each, with weight 1."""
    return picks.flatten(2)[..., None], torch.ones_like(weights.flatten(2)[..., None])
