"""The edits that need no knowledge of the interaction: on what goes in, and on who receives."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mtlviz.edits import Distractors, Edit
from mtlviz.errors import OptionError

ON_INPUTS = frozenset({"noise", "features", "permuted"})
"""Edits of what an interaction receives."""
ALWAYS = ON_INPUTS | {"residual", "muted", "moved"}
"""Edits that every interaction can apply."""

Features = dict[str, Float[Tensor, "B D H W"]]


def edited_inputs(features: Features, edit: Edit | None) -> Features:
    """The features that the interaction receives: noise, other features, tokens that change places.

    Raises:
        OptionError: if the edit names a task that there is not, or features of another shape.
    """
    if edit is None:
        return features
    permuted = () if edit.permuted is None else edit.permuted.tasks
    for task in (*edit.features, *(noise.task for noise in edit.noise), *permuted, *edit.silenced):
        if task not in features:
            raise OptionError(
                f"The edit names task {task!r}, which the model does not have; choose of {_of(features)}."
            )
    changed = dict(features)
    for task, other in edit.features.items():
        changed[task] = _like(other, changed[task], task)
    for noise in edit.noise:
        feature = changed[noise.task]
        scale = noise.level * feature.square().mean().sqrt()
        changed[noise.task] = feature + scale * _normal(feature.shape, noise.seed).to(feature)
    if edit.permuted is not None:
        for task in permuted:
            flat = changed[task].flatten(2)
            generator = torch.Generator().manual_seed(edit.permuted.seed)
            order = torch.randperm(flat.shape[-1], generator=generator).to(flat.device)
            changed[task] = flat[..., order].reshape(changed[task].shape)
    return changed


def received(written: Float[Tensor, "B S D"], edit: Edit | None) -> Float[Tensor, "B S D"]:
    """What tokens receive once some are muted and some receive what others would have.

    Raises:
        OptionError: if a token does not exist.
    """
    if edit is None or not (edit.muted or edit.moved):
        return written
    named = (*edit.muted, *(token for pair in edit.moved for token in pair))
    if min(named) < 0 or max(named) >= written.shape[1]:
        raise OptionError(f"The edit names token {max(named)}; tokens are 0 to {written.shape[1] - 1}.")
    changed = written.clone()
    for source, target in edit.moved:
        changed[:, target] = written[:, source]
    changed[:, list(edit.muted)] = 0
    return changed


def distractor_tokens(tokens: Float[Tensor, "B S D"], distractors: Distractors | None) -> Float[Tensor, "B m D"]:
    """The extra tokens, as large as the real ones times their level."""
    if distractors is None:
        return tokens[:, :0]
    scale = distractors.level * tokens.square().mean((1, 2), keepdim=True).sqrt()
    return scale * _normal((1, distractors.count, tokens.shape[-1]), distractors.seed).to(tokens)


def same_label(oracle: object, tasks: int, like: Tensor) -> Bool[Tensor, "S S"]:
    """Pairs of tokens whose places have the same label, whatever their tasks; negative labels match nothing."""
    labels = torch.as_tensor(oracle, device=like.device).repeat(tasks)
    return (labels[:, None] == labels[None]) & (labels >= 0)[:, None]


def _like(other: object, feature: Float[Tensor, "B D H W"], task: str) -> Float[Tensor, "B D H W"]:
    found = torch.as_tensor(other).to(feature)
    if found.shape != feature.shape[1:]:
        shapes = f"{tuple(found.shape)}, the model's are {tuple(feature.shape[1:])}"
        raise OptionError(f"Features put in the place of {task!r} have shape {shapes}; give features of that shape.")
    return found.expand_as(feature)


def _normal(shape: torch.Size | tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _of(features: Features) -> str:
    return ", ".join(features)
