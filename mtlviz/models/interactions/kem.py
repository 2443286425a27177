"""KEM, the knowledge extraction module: Retrieve, Write, Broadcast through L memory slots (kem.md 1.3).

    Retrieve   R^ = topk-softmax(R W_qr (F W_kr)^T / sqrt(d)) F W_vr
    Write      F^ =      softmax(F W_qw (R^ W_kw)^T / sqrt(d)) R^ W_vw
    Broadcast  F <- F + w_r F^

No token is projected: with few slots it is cheaper to fold W_kr into the slots' queries, W_qw into their keys,
and to project the K tokens a slot picked after mixing them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, cast

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

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
from mtlviz.models.interactions.competition import Competition, pick_weights, top_picks
from mtlviz.models.interactions.memory_gate import MemoryGate
from mtlviz.trace import Capture, Edit, SlotTrace


class KEMConfig(InteractionConfig):
    """Options of KEM; the defaults are those of kem.md part 3.

    Attributes:
        slots: L.
        picks: K tokens a slot keeps; None lets every token in (no competition).
        picks_per_task: the K picks are taken from each task separately, so that none is starved.
        competition: form of the top-K softmax.
        memory: ``learned`` rows, or the fixed zero-padded ``identity``.
        heads: split of the width.
        gate: gated memory update of the shared global workspace.
        pre_norm: layer norm on tokens and slots before they are compared; the residual stays raw.
        temperature: learn one factor on the Retrieve logits and one on the Write logits, 1 at the start.
        task_embedding: add a learned vector a task to what is compared.
        queries_per_task: an own W_qw for every task.
        output_projection: a last map on what is written, zero at the start.
        residual: w_r, or its starting value.
        learn_residual: learn w_r.
    """

    slots: int = Field(20, ge=1)
    picks: int | None = Field(3, ge=1)
    picks_per_task: bool = False
    competition: Competition = "renorm"
    memory: Literal["learned", "identity"] = "learned"
    heads: int = Field(1, ge=1)
    gate: bool = False
    pre_norm: bool = False
    temperature: bool = False
    task_embedding: bool = False
    queries_per_task: bool = False
    output_projection: bool = False
    residual: float = 1.0
    learn_residual: bool = False

    @model_validator(mode="after")
    def _combinations(self) -> "KEMConfig":
        if self.picks_per_task and self.competition == "subtract":
            raise ValueError(
                "competition 'subtract' knows one runner-up a slot; use 'renorm' or 'mask' with picks_per_task"
            )
        return self


@register("kem")
class KEM(Interaction):
    """Task tokens compete for memory slots; every token reads the slots back."""

    Config = KEMConfig
    config: KEMConfig

    def __init__(
        self,
        width: int,
        tasks: tuple[str, ...],
        config: KEMConfig,
        classes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        super().__init__(width, tasks, config, classes)
        if width % config.heads:
            raise OptionError(f"KEM with {config.heads} heads needs a width they divide; got {width}.")
        self.retrieve_query, self.retrieve_key, self.retrieve_value = (projection(width, width) for _ in range(3))
        per_task = len(tasks) if config.queries_per_task else 1
        self.write_query = projection(per_task * width, width)
        self.write_key, self.write_value = (projection(width, width) for _ in range(2))
        memory = torch.eye(config.slots, width)
        if config.memory == "learned":
            self.memory = nn.Parameter(nn.init.trunc_normal_(memory, std=0.02))
        else:
            self.register_buffer("memory", memory)
        self.token_norm = nn.LayerNorm(width) if config.pre_norm else nn.Identity()
        self.memory_norm = nn.LayerNorm(width) if config.pre_norm else nn.Identity()
        self.log_temperature = nn.Parameter(torch.zeros(2)) if config.temperature else None
        self.task_embedding = nn.Parameter(torch.zeros(len(tasks), width)) if config.task_embedding else None
        self.gate = MemoryGate(width) if config.gate else None
        self.output = projection(width, width) if config.output_projection else nn.Identity()
        if config.output_projection:
            nn.init.zeros_(self.output.weight)  # type: ignore[arg-type]
        self.residual = nn.Parameter(torch.tensor(config.residual)) if config.learn_residual else config.residual

    def forward(
        self,
        features: TaskFeatures,
        *,
        mask: Bool[Tensor, "B N"] | None = None,
        capture: Capture | None = None,
        edit: Edit | None = None,
        labels: TokenLabels | None = None,
    ) -> Result:
        """Retrieve, Write, Broadcast; see ``Interaction.forward``."""
        with full_precision(to_tokens(features)) as tokens:
            compared = self._compared(tokens)
            allowed = None if mask is None else mask.repeat(1, len(features))  # (B, S)
            logits = self._retrieve_logits(compared, allowed)  # (B, h, L, S)
            picks, weights = self._compete(logits)  # (B, h, L, K) twice
            retrieved = self._retrieve(compared, picks, weights)  # (B, L, D)
            memory = self.memory.expand(len(tokens), -1, -1)
            if self.gate is not None:
                retrieved = self.gate(memory, retrieved, compared, allowed)
            write = self._write_weights(compared, retrieved)  # (B, h, S, L)
            del compared  # with pre_norm a second set of tokens, the largest thing alive
            contents = self._contents(retrieved)  # (B, hL, D)
            residual = self.residual if edit is None or edit.residual is None else edit.residual
            reads = write.transpose(1, 2).flatten(2)  # (B, S, hL)
            # F^ itself is not built; the tokens are a copy of the features, so that they may be added to in place.
            add = torch.baddbmm if torch.is_grad_enabled() else torch.Tensor.baddbmm_
            broadcast = add(tokens, reads, residual * contents)
        trace = None
        if capture is not None and capture.interaction:
            layout = token_layout(features, mask)
            head = capture.head
            gone = torch.isneginf(logits[0, head].gather(-1, picks[0, head]))
            trace = SlotTrace(
                layout, logits[0, head], picks[0, head].masked_fill(gone, -1), weights[0, head], write[0, head],
                memory[0], retrieved[0], reads[0] @ contents[0], float(residual),
            )  # fmt: skip
        return from_tokens(broadcast, features), trace, {}

    def compared(self, features: TaskFeatures) -> TaskFeatures:
        """The features as the competition sees them; see ``Interaction.compared``."""
        with full_precision(to_tokens(features)) as tokens:
            return from_tokens(self._compared(tokens), features)

    def operations(self, tokens_per_task: int) -> dict[str, int]:
        """Multiply-accumulates of the folded form that runs and of the literal equations (one head, no gate)."""
        tokens, width, slots = tokens_per_task * len(self.tasks), self.width, self.config.slots
        groups = len(self.tasks) if self.config.picks_per_task else 1
        competing = tokens // groups
        picks = groups * (competing if self.config.picks is None else min(self.config.picks, competing))
        return {
            "used": 3 * slots * tokens * width + slots * picks * width + 6 * slots * width**2,
            "literal": 4 * slots * tokens * width + 3 * tokens * width**2 + 3 * slots * width**2,
        }

    def _compared(self, tokens: Float[Tensor, "B S D"]) -> Float[Tensor, "B S D"]:
        """Tokens as Retrieve and Write see them."""
        compared: Tensor = self.token_norm(tokens)
        if self.task_embedding is not None:
            compared = compared + self.task_embedding.repeat_interleave(tokens.shape[1] // len(self.tasks), 0)
        return compared

    def _scale(self, step: int) -> Tensor | float:
        """1 / sqrt(width of a head), times the learned factor of Retrieve (0) or Write (1)."""
        scale: float = (self.width // self.config.heads) ** -0.5
        return scale if self.log_temperature is None else scale * self.log_temperature[step].exp()

    def _retrieve_logits(
        self, tokens: Float[Tensor, "B S D"], allowed: Bool[Tensor, "B S"] | None
    ) -> Float[Tensor, "B h L S"]:
        queries = self._heads_in(self.retrieve_query(self.memory_norm(self.memory)))  # (h, L, D/h)
        keys = self.retrieve_key.weight.unflatten(0, (self.config.heads, -1))  # (h, D/h, D)
        folded = (queries @ keys).flatten(0, 1) * self._scale(0)  # (h L, D)
        logits = (folded @ tokens.transpose(1, 2)).unflatten(1, (self.config.heads, -1))
        if allowed is not None:
            logits = logits.masked_fill(~allowed[:, None, None], -torch.inf)
        return cast(Tensor, logits)

    def _compete(self, logits: Float[Tensor, "B h L S"]) -> tuple[Int[Tensor, "B h L K"], Float[Tensor, "B h L K"]]:
        tokens = logits.shape[-1]
        count = tokens if self.config.picks is None else self.config.picks
        if not self.config.picks_per_task:
            picks = top_picks(logits, min(count, tokens))
        else:
            by_task = logits.unflatten(-1, (len(self.tasks), -1))
            picks = top_picks(by_task, min(count, by_task.shape[-1]))
            start = torch.arange(len(self.tasks), device=logits.device) * by_task.shape[-1]
            picks = (picks + start[:, None]).flatten(-2)
            picks = picks.gather(-1, logits.gather(-1, picks).sort(dim=-1, descending=True, stable=True).indices)
        return picks, pick_weights(logits, picks, self.config.competition)

    def _retrieve(
        self, tokens: Float[Tensor, "B S D"], picks: Int[Tensor, "B h L K"], weights: Float[Tensor, "B h L K"]
    ) -> Float[Tensor, "B L D"]:
        """Mix the picked tokens, then project the mixture: W_vr acts on L rows instead of S."""
        batch = torch.arange(len(tokens), device=tokens.device)[:, None, None, None]
        mixed = (weights[..., None, :] @ tokens[batch, picks]).squeeze(-2)  # (B, h, L, D)
        values = self.retrieve_value.weight.unflatten(0, (self.config.heads, -1))  # (h, D/h, D)
        return self._heads_out(mixed @ values.transpose(1, 2))

    def _write_weights(
        self, tokens: Float[Tensor, "B S D"], retrieved: Float[Tensor, "B L D"]
    ) -> Float[Tensor, "B h S L"]:
        keys = self._heads_in(self.write_key(retrieved)) * self._scale(1)  # (B, h, L, D/h)
        queries = self.write_query.weight.unflatten(0, (-1, self.config.heads, self.width // self.config.heads))
        folded = keys[:, None] @ queries  # (B, tasks or 1, h, L, D)
        per_query = tokens.unflatten(1, (folded.shape[1], -1))[:, :, None]  # (B, tasks or 1, 1, N or S, D)
        logits = per_query @ folded.transpose(-1, -2)  # (B, tasks or 1, h, N or S, L)
        return cast(Tensor, logits.transpose(1, 2).flatten(2, 3).softmax(-1))

    def _contents(self, retrieved: Float[Tensor, "B L D"]) -> Float[Tensor, "B M D"]:
        """What one unit of Write weight of every head and slot adds to a token; M = h L."""
        values = self._heads_in(self.write_value(retrieved))  # (B, h, L, D/h)
        own_columns = torch.eye(self.config.heads, dtype=values.dtype, device=values.device)
        contents: Tensor = self.output((values[..., None, :] * own_columns[:, None, :, None]).flatten(3).flatten(1, 2))
        return contents

    def _heads_in(self, rows: Float[Tensor, "*B L D"]) -> Float[Tensor, "*B h L E"]:
        return cast(Tensor, rows.unflatten(-1, (self.config.heads, -1)).transpose(-2, -3))

    def _heads_out(self, rows: Float[Tensor, "B h L E"]) -> Float[Tensor, "B L D"]:
        return rows.transpose(1, 2).flatten(2)
