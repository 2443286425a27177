"""Options of CTAL, and which of them go together."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from mtlviz.models.interactions.affinity import AffinityKind, Similarity
from mtlviz.models.interactions.base import InteractionConfig


class CTALConfig(InteractionConfig):
    """Options of CTAL; the defaults are the released code's, with the grid of this package's networks.

    Attributes:
        grid: (rows, columns) of the tokens, which the fusion weights belong to.
        channels: C inside and behind the module; None takes the width of the tokens.
        input_norm: batch norm and ReLU after the input projection, so that affinities are not negative.
        fusion: one G ``shared`` by all targets, one ``per_task`` as the paper draws it, or the plain ``mean`` of the
            affinities without any weight.
        own_task: the G of a task sees its own affinity alone; needs ``per_task``.
        tied: one kernel for all query positions, which makes the module free of the grid.
        interleaved: the groups of the fusion hold one query in all tasks; False lays the tasks end to end.
        similarity: ``cosine``, ``learned`` (cosine of a learned projection) or ``rbf``.
        bandwidth: of the rbf, on unit features.
        top: entries kept in every row of an affinity; None keeps all.
        softmax: normalise the rows of G.
        gamma: share of what is diffused in the result.
        computation: ``dense`` builds the affinities, ``linear`` never does; ``auto`` takes the one with fewer
            multiply-adds.
    """

    grid: tuple[PositiveInt, PositiveInt] = (16, 20)
    channels: int | None = Field(None, ge=1)
    input_norm: bool = False
    fusion: Literal["shared", "per_task", "mean"] = "shared"
    own_task: bool = False
    tied: bool = False
    interleaved: bool = True
    similarity: Similarity = "cosine"
    bandwidth: PositiveFloat = 0.5
    top: int | None = Field(None, ge=1)
    softmax: bool = False
    gamma: Annotated[float, Field(ge=0, le=1)] = 0.05
    computation: Literal["auto", "dense", "linear"] = "auto"

    @property
    def kind(self) -> AffinityKind:
        """How affinities are made."""
        return AffinityKind(self.similarity, self.bandwidth, self.top, self.softmax)

    @property
    def free_of_grid(self) -> bool:
        """Whether the module runs on any grid."""
        return self.tied or self.fusion == "mean"

    def output_width(self, width: int) -> int:
        """C; see ``InteractionConfig.output_width``."""
        return self.channels or width

    @model_validator(mode="after")
    def _combinations(self) -> "CTALConfig":
        if self.computation == "linear" and self.kind.needs_matrix:
            raise ValueError(
                f"{self.kind.needs_matrix} needs the affinities themselves, which computation 'linear' never builds; "
                "use 'dense' or 'auto'"
            )
        if self.own_task and self.fusion != "per_task":
            raise ValueError("own_task needs a G of its own for every task; use it with fusion 'per_task'")
        if self.fusion == "mean" and (self.tied or not self.interleaved):
            raise ValueError("fusion 'mean' has no weights to tie or to lay out; leave tied and interleaved alone")
        return self
