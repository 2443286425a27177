"""KEM, the knowledge extraction module: Retrieve, Write, Broadcast through L memory slots (kem.md 1.3).

    Retrieve   R^ = topk-softmax(R W_qr (F W_kr)^T / sqrt(d)) F W_vr
    Write      F^ =      softmax(F W_qw (R^ W_kw)^T / sqrt(d)) R^ W_vw
    Broadcast  F <- F + w_r F^

No token is projected: with few slots it is cheaper to fold W_kr into the slots' queries, W_qw into their keys,
and to project the K tokens a slot picked after mixing them.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, NamedTuple, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mtlviz.edits import Edit
from mtlviz.errors import OptionError
from mtlviz.models.interactions.base import (
    Interaction,
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
from mtlviz.models.interactions.competition import pick_weights, top_picks_of_each
from mtlviz.models.interactions.edited import received
from mtlviz.models.interactions.kem_config import KEMConfig
from mtlviz.models.interactions.kem_edits import (
    AFTER_WRITE,
    KEM_EDITS,
    allowed_to_compete,
    check_edit,
    competing,
    each_alone,
    edited_contents,
    edited_memory,
    edited_write,
    held_picks,
    oracle_reads,
)
from mtlviz.models.interactions.memory_gate import MemoryGate
from mtlviz.trace import Capture, EtfTrace, SlotTrace, TokenLayout

MANY = 8
"""Slots that pick more than one token in so many multiply a sparse matrix with all tokens instead of gathering."""


class Reading(NamedTuple):
    """Everything between the tokens and what is added to them; ``(B, h, ...)`` a head, M = h L or, oracle, L K."""

    compared: Float[Tensor, "B S D"]
    logits: Float[Tensor, "B h L R"]
    picks: Int[Tensor, "B h L K"]
    weights: Float[Tensor, "B h L K"]
    retrieved: Float[Tensor, "B L D"]
    write: Float[Tensor, "B h S L"]
    reads: Float[Tensor, "B S M"]
    contents: Float[Tensor, "B M D"]


@register("kem")
class KEM(Interaction):
    """Task tokens compete for memory slots; every token reads the slots back."""

    Config: ClassVar[type[KEMConfig]] = KEMConfig
    config: KEMConfig
    edits = KEM_EDITS

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
        memory = torch.zeros(config.slots, width).fill_diagonal_(1)
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
            reading = self._reading(tokens, mask, edit)
            auxiliary = {} if labels is None else self._losses(reading.compared, labels)
            trace = None
            if capture is not None and capture.interaction:
                trace = self._trace(reading, token_layout(features, mask), self._residual(edit), capture.head)
            broadcast = self._broadcast(tokens, reading, edit)
        return from_tokens(broadcast, features), trace, auxiliary

    def each(
        self, features: TaskFeatures, edits: Sequence[Edit], mask: Bool[Tensor, "1 N"] | None = None
    ) -> dict[str, Float[Tensor, "_ D H W"]]:
        """As ``Interaction.each``; edits that leave Retrieve and the Write logits alone share them."""
        if not all(edit.used <= AFTER_WRITE for edit in edits):
            return super().each(features, edits, mask)
        with full_precision(to_tokens(features)) as tokens:
            plain = self._reading(tokens, mask, None)
            reads = [edited_write(plain.write, edit).transpose(1, 2).flatten(2) for edit in edits]
            contents = [
                self._residual(edit) * edited_contents(plain.contents, self.config.heads, edit) for edit in edits
            ]
            written = torch.cat(reads) @ torch.cat(contents)
            for index, edit in enumerate(edits):
                written[index] = received(written[index, None], edit)[0]
            return from_tokens(written.add_(tokens), features)

    def _reading(self, tokens: Float[Tensor, "B S D"], mask: Bool[Tensor, "B N"] | None, edit: Edit | None) -> Reading:
        """Retrieve, and what every token is to read."""
        size = tokens.shape[1]
        rivals = competing(tokens, edit)  # the tokens, but for an edit
        allowed = allowed_to_compete(mask, self.tasks, rivals, size, edit)  # (B, S)
        compared = self._compared(rivals)
        logits = self._retrieve_logits(compared, allowed)  # (B, h, L, S)
        picks, weights = self._compete(logits, edit)
        valued = self._valued(rivals, compared)
        retrieved = self._retrieve(valued, picks, weights)  # (B, L, D)
        compared = compared[:, :size]
        if self.gate is not None:
            memory = self.memory.expand(tokens.shape[0], -1, -1)
            retrieved = self.gate(memory, retrieved, compared, None if allowed is None else allowed[:, :size])
        retrieved = edited_memory(retrieved, self.memory, edit)
        write = edited_write(self._write_weights(compared, retrieved), edit)  # (B, h, S, L)
        if edit is not None and edit.oracle is not None:
            reads = oracle_reads(write, picks, weights, edit.oracle, len(self.tasks))  # (B, S, L K)
            contents = self._contents(self._retrieve(valued, *each_alone(picks, weights)))
        else:
            reads = write.transpose(1, 2).flatten(2)  # (B, S, hL)
            contents = edited_contents(self._contents(retrieved), self.config.heads, edit)  # (B, hL, D)
        return Reading(compared, logits, picks, weights, retrieved, write, reads, contents)

    def _broadcast(self, tokens: Float[Tensor, "B S D"], reading: Reading, edit: Edit | None) -> Float[Tensor, "B S D"]:
        """Tokens with what they read; may overwrite ``tokens``, which are a copy of the features."""
        residual = self._residual(edit)
        if edit is not None and (edit.muted or edit.moved):
            return tokens + residual * received(reading.reads @ reading.contents, edit)
        add = torch.baddbmm if torch.is_grad_enabled() else torch.Tensor.baddbmm_  # F^ itself is not built
        return add(tokens, reading.reads, residual * reading.contents)

    def _residual(self, edit: Edit | None) -> Tensor | float:
        residual: Tensor | float = self.residual
        return residual if edit is None or edit.residual is None else edit.residual

    def _trace(self, reading: Reading, layout: TokenLayout, residual: Tensor | float, head: int) -> SlotTrace:
        logits, picks = reading.logits[0, head], reading.picks[0, head]
        gone = torch.isneginf(logits.gather(-1, picks)) | (picks >= layout.tokens)
        return SlotTrace(
            layout, logits[:, : layout.tokens], picks.masked_fill(gone, -1), reading.weights[0, head],
            reading.write[0, head], self.memory, reading.retrieved[0], reading.reads[0] @ reading.contents[0],
            float(residual), self._projection_trace(reading.compared[0]),
        )  # fmt: skip

    def compared(self, features: TaskFeatures) -> TaskFeatures:
        """The features as the competition sees them; see ``Interaction.compared``."""
        with full_precision(to_tokens(features)) as tokens:
            return from_tokens(self._compared(tokens), features)

    def check(self, edit: Edit | None) -> None:
        """Refuse what KEM, or KEM with these options, cannot apply; see ``Interaction.check``."""
        super().check(edit)
        if edit is not None:
            check_edit(edit, self.config)

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

    def _valued(self, tokens: Float[Tensor, "B S D"], compared: Float[Tensor, "B S D"]) -> Float[Tensor, "B S D"]:
        """Tokens as the slots mix them, before W_vr."""
        return compared

    def _losses(self, compared: Float[Tensor, "B S D"], labels: TokenLabels) -> dict[str, Tensor]:
        """Auxiliary losses of the tokens as they are compared."""
        return {}

    def _projection_trace(self, compared: Float[Tensor, "S D"]) -> EtfTrace | None:
        """The record of a projection that the comparison uses."""
        return None

    def _scale(self, step: int) -> Tensor | float:
        """1 / sqrt(width of a head), times the learned factor of Retrieve (0) or Write (1)."""
        scale: float = (self.width // self.config.heads) ** -0.5
        return scale if self.log_temperature is None else scale * self.log_temperature[step].exp()

    def _retrieve_logits(
        self, tokens: Float[Tensor, "B S D"], allowed: Bool[Tensor, "B S"] | None
    ) -> Float[Tensor, "B h L S"]:
        logits = (self._probes() @ tokens.transpose(1, 2)).unflatten(1, (self.config.heads, -1))
        if allowed is not None:
            logits = logits.masked_fill(~allowed[:, None, None], -torch.inf)
        return cast(Tensor, logits)

    def _probes(self) -> Float[Tensor, "M D"]:
        """Vectors whose inner products with the tokens are the Retrieve logits, M = h L: queries with folded W_kr."""
        queries = self._heads_in(self.retrieve_query(self.memory_norm(self.memory)))  # (h, L, D/h)
        keys = self.retrieve_key.weight.unflatten(0, (self.config.heads, -1))  # (h, D/h, D)
        probes: Tensor = (queries @ keys).flatten(0, 1) * self._scale(0)
        return probes

    def _compete(
        self, logits: Float[Tensor, "B h L S"], edit: Edit | None
    ) -> tuple[Int[Tensor, "B h L K"], Float[Tensor, "B h L K"]]:
        """The picks of every slot with their weights; K of None takes every token."""
        if edit is not None and edit.held is not None:
            picks = held_picks(edit.held, logits)
        else:
            groups = len(self.tasks) if self.config.picks_per_task else 1
            wanted = (edit and edit.picks) or self.config.picks or logits.shape[-1]
            picks = top_picks_of_each(logits, wanted, groups)
        return picks, pick_weights(logits, picks, self.config.competition)

    def _retrieve(
        self, tokens: Float[Tensor, "B S D"], picks: Int[Tensor, "B h L K"], weights: Float[Tensor, "B h L K"]
    ) -> Float[Tensor, "B L D"]:
        """Mix the picked tokens, then project the mixture: W_vr acts on L rows instead of S."""
        if picks.shape[-1] > tokens.shape[1] // MANY:  # gathered, they would be many times the tokens
            everyone = weights.new_zeros(*picks.shape[:-1], tokens.shape[1])
            mixed = everyone.scatter(-1, picks, weights) @ tokens[:, None]
        else:
            batch = torch.arange(tokens.shape[0], device=tokens.device)[:, None, None, None]
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
