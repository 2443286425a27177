"""Top-K competition of tokens for a slot, in the three forms of the literature (kem.md 2.3)."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

Competition = Literal["renorm", "mask", "subtract"]


def top_picks(logits: Float[Tensor, "*rows S"], count: int) -> Int[Tensor, "*rows K"]:
    """Indices of the ``count`` largest entries of every row, largest first, ties to the lower index.

    ``torch.topk`` leaves ties open; here the entries equal to the count-th value are taken in index order.
    """
    size = logits.shape[-1]
    if count == size:
        return logits.sort(dim=-1, descending=True, stable=True).indices
    threshold = logits.topk(count).values[..., -1:]
    above, tied = logits > threshold, logits == threshold
    wanted = count - above.sum(-1, keepdim=True)
    chosen = above | (tied & (tied.cumsum(-1) <= wanted))
    order = torch.arange(size, 0, -1, device=logits.device)
    picks = torch.where(chosen, order, 0).topk(count).indices  # ascending index, no ties left
    best_first = logits.gather(-1, picks).sort(dim=-1, descending=True, stable=True).indices
    return picks.gather(-1, best_first)


def top_picks_of_each(logits: Float[Tensor, "*rows S"], count: int, groups: int) -> Int[Tensor, "*rows K"]:
    """Indices of the ``count`` largest entries of each of ``groups`` equal parts of every row, largest first."""
    parts = logits.unflatten(-1, (groups, -1))
    picks = top_picks(parts, min(count, parts.shape[-1]))
    start = torch.arange(groups, device=logits.device) * parts.shape[-1]
    picks = (picks + start[:, None]).flatten(-2)
    ordered: Tensor = picks.gather(-1, logits.gather(-1, picks).sort(dim=-1, descending=True, stable=True).indices)
    return ordered


def pick_weights(
    logits: Float[Tensor, "*rows S"], picks: Int[Tensor, "*rows K"], form: Competition
) -> Float[Tensor, "*rows K"]:
    """Retrieve weights of the picks.

    Args:
        logits: scores of all tokens, -inf at padding.
        picks: the K largest of every row, largest first.
        form: ``renorm`` softmax over the picks alone; ``mask`` softmax over all tokens, others dropped, not
            renormalised; ``subtract`` softmax over all tokens less the (K+1)-th probability, renormalised
            (falls back to ``renorm`` where nothing is left).
    """
    picked = logits.gather(-1, picks)
    renormed = picked.softmax(-1)  # -inf, padding, gets 0
    if form == "renorm":
        return renormed
    probabilities = (picked - logits.logsumexp(-1, keepdim=True)).exp()
    if form == "mask":
        return probabilities
    count = picks.shape[-1]
    if count < logits.shape[-1]:
        runner_up = logits.topk(count + 1).values[..., -1:]
        probabilities = probabilities - (runner_up - logits.logsumexp(-1, keepdim=True)).exp()
    rest = probabilities.clamp_min(0)
    total = rest.sum(-1, keepdim=True)
    return torch.where(total > 0, rest / torch.where(total > 0, total, 1), renormed)
