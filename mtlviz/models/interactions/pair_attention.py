"""Cross-attention pair by pair: one softmax for every ordered pair of tasks (ctal.md 7.1, XA-pair).

    O_s->t = softmax(F_t W_q,t (F_s W_k,s)^T / sqrt(d)) F_s W_v,s,   F_t <- F_t + w_r W_o,t mean_{s != t} O_s->t

Tasks do not compete with one another: each of the others gives the same share. Every task has its own four
maps with biases; W_o starts at zero, so that the network starts as hard sharing.
"""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

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
    register,
    to_tokens,
    token_layout,
)
from mtlviz.models.interactions.cross_attention import edited_reading
from mtlviz.models.interactions.edited import received, same_label
from mtlviz.trace import AttentionTrace, Capture

PARTS = ("query", "key", "value", "output")


class PairAttentionConfig(InteractionConfig):
    """Options of pair-wise cross-attention.

    Attributes:
        residual: w_r.
    """

    residual: float = 1.0


@register("pair_attention")
class PairAttention(Interaction):
    """Every token reads each other task with a softmax of its own."""

    Config = PairAttentionConfig
    edits = frozenset({"silenced", "oracle"})
    config: PairAttentionConfig

    def __init__(
        self,
        width: int,
        tasks: tuple[str, ...],
        config: PairAttentionConfig,
        classes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        super().__init__(width, tasks, config, classes)
        if len(tasks) < 2:
            raise OptionError(f"Pair-wise cross-attention needs at least two tasks; got {len(tasks)}.")
        for part in PARTS:
            self.register_parameter(f"{part}_weight", nn.Parameter(torch.zeros(len(tasks), width, width)))
            self.register_parameter(f"{part}_bias", nn.Parameter(torch.zeros(len(tasks), width)))
        for part in PARTS[:3]:
            nn.init.normal_(self.get_parameter(f"{part}_weight"), std=width**-0.5)

    def forward(
        self,
        features: TaskFeatures,
        *,
        mask: Bool[Tensor, "B N"] | None = None,
        capture: Capture | None = None,
        edit: Edit | None = None,
        labels: TokenLabels | None = None,
    ) -> Result:
        """Attend pair by pair and add; see ``Interaction.forward``."""
        with full_precision(to_tokens(features)) as tokens:
            by_task = tokens.unflatten(1, (len(self.tasks), -1))  # (B, T, N, D)
            queries, keys, values = (self._mapped(part, by_task) for part in PARTS[:3])
            mixed = self._attend(queries, keys, values, mask, edit)
            written = self._mapped("output", mixed).flatten(1, 2)  # (B, S, D)
            residual = self.config.residual if edit is None or edit.residual is None else edit.residual
            broadcast = tokens + residual * received(written, edit)
        trace = None
        if capture is not None and capture.interaction:
            queries, keys, values = (rows[0].flatten(0, 1) for rows in (queries, keys, values))
            layout = token_layout(features, mask)
            trace = AttentionTrace(
                layout, queries, keys, values, written[0], residual, pairwise=True, **edited_reading(keys[:0], edit)
            )
        return from_tokens(broadcast, features), trace, {}

    def operations(self, tokens_per_task: int) -> dict[str, int]:
        """Multiply-accumulates of one image."""
        tasks, width = len(self.tasks), self.width
        pairs = tasks * (tasks - 1)
        return {"used": 2 * pairs * tokens_per_task**2 * width + 4 * tasks * tokens_per_task * width**2}

    def _mapped(self, part: str, rows: Float[Tensor, "B T N D"]) -> Float[Tensor, "B T N D"]:
        """Every task's tokens through its own map."""
        weight, bias = self.get_parameter(f"{part}_weight"), self.get_parameter(f"{part}_bias")
        mapped: Tensor = rows @ weight.transpose(1, 2) + bias[:, None]
        return mapped

    def _attend(
        self,
        queries: Float[Tensor, "B T N D"],
        keys: Float[Tensor, "B T N D"],
        values: Float[Tensor, "B T N D"],
        mask: Bool[Tensor, "B N"] | None,
        edit: Edit | None,
    ) -> Float[Tensor, "B T N D"]:
        """Mean over the other tasks of what a token reads there; a silenced task gives nothing."""
        silenced = () if edit is None else edit.silenced
        same = None if edit is None or edit.oracle is None else same_label(edit.oracle, 1, queries)
        mixed = []
        for target in range(len(self.tasks)):
            others = [source for source, name in enumerate(self.tasks) if source != target and name not in silenced]
            logits = queries[:, target, None] @ keys[:, others].transpose(2, 3) * self.width**-0.5  # (B, T-1, N, N)
            if mask is not None:
                logits = logits.masked_fill(~mask[:, None, None], -torch.inf)
            weights = logits.softmax(-1) if same is None else logits.softmax(-1) * same
            mixed.append((weights @ values[:, others]).sum(1) / (len(self.tasks) - 1))
        return torch.stack(mixed, 1)
