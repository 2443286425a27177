"""Cross-attention between tasks: a token attends to all tokens of all other tasks (kem.md 3.15, "KEM w/ CA").

    F^_t = softmax(F_t W_q (F_-t W_k)^T / sqrt(d)) F_-t W_v W_o,   F_t <- F_t + w_r F^_t

F_-t holds the tokens of every task but t, so all other tasks compete in one softmax. W_v widens and W_o
narrows by the same factor, which brings the parameters to KEM's. With ``picks`` a token reads only the K tokens
that it likes best: sparse as KEM, but without a bottleneck.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.edits import Edit
from mtlviz.errors import OptionError
from mtlviz.models.interactions.base import (
    Interaction,
    InteractionConfig,
    Result,
    TaskFeatures,
    TokenLabels,
    from_tokens,
    full_precision,
    projection,
    register,
    to_tokens,
    token_layout,
)
from mtlviz.models.interactions.edited import distractor_tokens, received, same_label
from mtlviz.trace import AttentionTrace, Capture


class CrossAttentionConfig(InteractionConfig):
    """Options of cross-attention.

    Attributes:
        value_factor: width of the values over the width of the tokens; 2 gives KEM's six square matrices.
        pre_norm: layer norm on the tokens before they are compared; the residual stays raw.
        temperature: learn one factor on the logits, 1 at the start.
        picks: K tokens that a token reads, ties of the K-th included; None lets it read all.
        residual: w_r.
    """

    value_factor: int = Field(2, ge=1)
    pre_norm: bool = False
    temperature: bool = False
    picks: int | None = Field(None, ge=1)
    residual: float = 1.0


@register("cross_attention")
class CrossAttention(Interaction):
    """Every token reads all tokens of all other tasks."""

    Config = CrossAttentionConfig
    edits = frozenset({"silenced", "distractors", "oracle", "held"})
    config: CrossAttentionConfig

    def __init__(
        self,
        width: int,
        tasks: tuple[str, ...],
        config: CrossAttentionConfig,
        classes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        super().__init__(width, tasks, config, classes)
        if len(tasks) < 2:
            raise OptionError(f"Cross-attention needs at least two tasks; got {len(tasks)}.")
        self.query = projection(width, width)
        self.key = projection(width, width)
        self.value = projection(config.value_factor * width, width)
        self.output = projection(width, config.value_factor * width)
        self.token_norm = nn.LayerNorm(width) if config.pre_norm else nn.Identity()
        self.log_temperature = nn.Parameter(torch.zeros(())) if config.temperature else None

    def forward(
        self,
        features: TaskFeatures,
        *,
        mask: Bool[Tensor, "B N"] | None = None,
        capture: Capture | None = None,
        edit: Edit | None = None,
        labels: TokenLabels | None = None,
    ) -> Result:
        """Attend and add; see ``Interaction.forward``."""
        with full_precision(to_tokens(features)) as tokens:
            queries = self.query(self.token_norm(tokens))
            if self.log_temperature is not None:
                queries = queries * self.log_temperature.exp()
            extra = distractor_tokens(tokens, None if edit is None else edit.distractors)
            read = self.token_norm(torch.cat([tokens, extra], 1))
            keys, values = self.key(read), self.value(read)
            written = self.output(self._attend(queries, keys, values, mask, edit))  # (B, S, D)
            residual = self.config.residual if edit is None or edit.residual is None else edit.residual
            broadcast = tokens + residual * received(written, edit)
        trace = None
        if capture is not None and capture.interaction:
            size = tokens.shape[1]
            trace = AttentionTrace(
                token_layout(features, mask), queries[0], keys[0, :size], values[0, :size], written[0], residual,
                self.config.picks, **edited_reading(keys[0, size:], edit),
            )  # fmt: skip
        return from_tokens(broadcast, features), trace, {}

    def compared(self, features: TaskFeatures) -> TaskFeatures:
        """The features that are projected to queries and keys; see ``Interaction.compared``."""
        with full_precision(to_tokens(features)) as tokens:
            return from_tokens(self.token_norm(tokens), features)

    def operations(self, tokens_per_task: int) -> dict[str, int]:
        """Multiply-accumulates of one image."""
        tokens, width, factor = tokens_per_task * len(self.tasks), self.width, self.config.value_factor
        others = tokens - tokens_per_task
        return {"used": (1 + factor) * tokens * others * width + (2 + 2 * factor) * tokens * width**2}

    def _attend(
        self,
        queries: Float[Tensor, "B S D"],
        keys: Float[Tensor, "B R D"],
        values: Float[Tensor, "B R V"],
        mask: Bool[Tensor, "B N"] | None,
        edit: Edit | None,
    ) -> Float[Tensor, "B S V"]:
        """For each task in turn, softmax over the tokens of all the others, and over distractors."""
        tasks = len(self.tasks)
        per_task = queries.shape[1] // tasks
        silenced = () if edit is None else edit.silenced
        same = None if edit is None or edit.oracle is None else same_label(edit.oracle, tasks, queries)
        mixed = []
        for task in range(tasks):
            others = [other for other in range(tasks) if other != task and self.tasks[other] not in silenced]
            read = columns(others, per_task, queries.shape[1], keys.shape[1])
            if not read:
                mixed.append(queries.new_zeros(len(queries), per_task, values.shape[-1]))
                continue
            own = slice(task * per_task, (task + 1) * per_task)
            logits = queries[:, own] @ _joined(keys, read).transpose(1, 2) * self.width**-0.5  # (B, N, R)
            if mask is not None:
                beside = mask.new_ones(len(mask), keys.shape[1] - queries.shape[1])
                allowed = torch.cat([mask.repeat(1, len(others)), beside], 1)
                logits = logits.masked_fill(~allowed[:, None], -torch.inf)
            if edit is not None and edit.held is not None:
                logits = logits.masked_fill(~_joined(held_reading(edit.held, own, keys), read, 1), -torch.inf)
                weights = logits.softmax(-1)
            else:
                weights = top_softmax(logits, self.config.picks)
            if same is not None:
                weights = weights * _joined(functional.pad(same[own], (0, keys.shape[1] - len(same))), read, 1)
            mixed.append(weights @ _joined(values, read))
        return torch.cat(mixed, 1)


def columns(tasks: list[int], per_task: int, tokens: int, read: int) -> list[slice]:
    """Where the tokens of some tasks and the distractors, which follow all tokens, lie among what is read."""
    beside = [slice(tokens, read)] if read > tokens else []
    return [slice(task * per_task, (task + 1) * per_task) for task in tasks] + beside


def edited_reading(distractors: Float[Tensor, "m D"], edit: Edit | None) -> dict[str, Any]:
    """Fields of an ``AttentionTrace`` that tell how an edit changed what is read."""
    if edit is None:
        return {}
    keys = distractors if edit.distractors is not None else None
    return {"silenced": edit.silenced, "distractors": keys, "oracle": edit.oracle}


def top_softmax(logits: Float[Tensor, "*rows R"], picks: int | None) -> Float[Tensor, "*rows R"]:
    """Softmax over the ``picks`` largest logits of every row, ties of the last one included; None takes all."""
    if picks is not None and picks < logits.shape[-1]:
        least = logits.detach().topk(picks).values[..., -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    return logits.softmax(-1)


def held_reading(held: object, own: slice, keys: Float[Tensor, "B R D"]) -> Bool[Tensor, "N R"]:
    """What the tokens of one task read when it is held.

    Raises:
        OptionError: if that is not a row of tokens for every token, some of them of another task.
    """
    tokens, rows = keys.shape[1], torch.as_tensor(held, device=keys.device)
    if rows.dim() != 2 or len(rows) < own.stop or rows.is_floating_point():
        raise OptionError(f"Held reading is a row of token indices for each token; got shape {tuple(rows.shape)}.")
    least, most = int(rows.min()), int(rows.max())
    if least < 0 or most >= tokens:
        raise OptionError(f"Held reading names tokens from 0 to {tokens - 1}; got {least} to {most}.")
    kept = torch.zeros(own.stop - own.start, tokens, dtype=torch.bool, device=keys.device)
    kept.scatter_(1, rows[own].long(), True)
    others = kept.clone()
    others[:, own] = False
    if not others.any(1).all():
        raise OptionError("Held reading leaves a token without one of another task; hold at least one for each.")
    return kept


def _joined(rows: Tensor, parts: list[slice], axis: int = 1) -> Tensor:
    """Some parts of an axis, one after another."""
    return torch.cat([rows[(slice(None),) * axis + (part,)] for part in parts], axis)
