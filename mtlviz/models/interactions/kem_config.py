"""Options of KEM, and which of them go together."""

from typing import Literal

from pydantic import Field, model_validator

from mtlviz.models.interactions.base import InteractionConfig
from mtlviz.models.interactions.competition import Competition


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
