"""Stable KEM: KEM whose tokens are projected onto a simplex ETF W* before they compete (kem.md 3.8 and 5).

    literal      F' = F W*                                     a control: W* is absorbed by W_kr, W_vr and W_qw
    normalised   F' = sqrt(d) z W*,  z = norm(LN(F) W_p)       tokens compete by direction, not by length
    learnable    as normalised, W* a parameter that starts at the ETF
    collapse     h = norm(LN(F) W_p),  logits s cos(q_l, h)    and a loss that pulls the tokens of a class to its vertex

Retrieve and Write see F' (under ``collapse`` h, and sqrt(d) h); Broadcast adds to the tokens themselves.
"""

import math
from collections.abc import Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Literal, cast

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.errors import OptionError
from mtlviz.models.etf import orthogonal_etfs, simplex_etf
from mtlviz.models.interactions.base import TokenLabels, projection, register
from mtlviz.models.interactions.collapse_loss import CollapseLoss, centre_loss, dot_regression_loss
from mtlviz.models.interactions.kem import KEM
from mtlviz.models.interactions.kem_config import KEMConfig
from mtlviz.trace import EtfTrace

Rung = Literal["literal", "normalised", "learnable", "collapse"]

START_SCALE = 10.0
"""s, the factor on the cosines of rung ``collapse``, at the start."""
SHORTEST = 1e-3
"""Shorter vectors are not scaled up to unit length; it bounds the gradient at a token that is all zero."""
OF_COLLAPSE = ("values", "collapse_loss", "logit_scale", "class_lengths")


class StableKEMConfig(KEMConfig):
    """Options of stable KEM, besides those of KEM.

    ``pre_norm`` under ``collapse`` is a layer norm on the values, which leaves W* as the only difference to KEM; slots
    have theirs whenever tokens are projected to unit length.

    Attributes:
        rung: what the projection is, see the module.
        frame_seed: of the basis that W* is built from.
        values: ``collapse`` only: what slots mix, the tokens themselves (``features``) or sqrt(d) h (``projected``).
        collapse_loss: ``collapse`` only: the auxiliary loss.
        logit_scale: ``collapse`` only: of the centre loss.
        class_lengths: ``collapse`` only: longer vertices for rare classes in the dot-regression loss.
    """

    rung: Rung = "normalised"
    frame_seed: int = Field(0, ge=0)
    values: Literal["features", "projected"] = "features"
    collapse_loss: CollapseLoss = "centre"
    logit_scale: float = Field(5.0, gt=0)
    class_lengths: bool = False

    @model_validator(mode="after")
    def _rungs(self) -> "StableKEMConfig":
        if self.pre_norm and (self.rung in ("normalised", "learnable") or self.values == "projected"):
            raise ValueError("pre_norm would undo the projection to unit length; leave it out")
        if self.rung != "collapse":
            strange = [name for name in OF_COLLAPSE if name in self.model_fields_set]
            if strange:
                raise ValueError(f"{strange[0]} belongs to rung 'collapse'; leave it out of rung '{self.rung}'")
        elif self.heads > 1 or self.task_embedding:
            raise ValueError("rung 'collapse' compares whole unit vectors; leave out heads and task_embedding")
        if self.class_lengths and self.collapse_loss != "dot_regression":
            raise ValueError("class_lengths belongs to collapse_loss 'dot_regression'; 'centre' weighs classes alike")
        return self


@register("stable_kem")
class StableKEM(KEM):
    """Tokens compete in the space of a simplex ETF."""

    Config = StableKEMConfig
    config: StableKEMConfig
    frame: Tensor

    def __init__(
        self,
        width: int,
        tasks: tuple[str, ...],
        config: StableKEMConfig,
        classes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        super().__init__(width, tasks, config, classes)
        if torch.get_default_device().type == "meta":  # where shapes alone are asked for
            frame = torch.empty(width, sum(self.frame_tasks.values()) or width)
        else:
            frame = self._frame().to(torch.get_default_dtype())
        if config.rung == "learnable":
            self.frame = nn.Parameter(frame)
        else:
            self.register_buffer("frame", frame)
        if config.rung != "literal":
            self.projection_norm = nn.LayerNorm(width)
            self.project = projection(width, width)
            self.memory_norm = nn.LayerNorm(width)  # slots meet tokens at the same size, as with pre_norm
        if config.rung == "collapse":
            del self.retrieve_key  # cosines need no W_kr
            learned = (START_SCALE, 1.0) if config.temperature else (START_SCALE,)
            self.log_temperature = nn.Parameter(torch.tensor(learned).log_())

    @property
    def auxiliary(self) -> tuple[str, ...]:
        """``collapse`` for the rung of that name."""
        return ("collapse",) if self.config.rung == "collapse" else ()

    @property
    def frame_tasks(self) -> dict[str, int]:
        """Classes by task, in the order of the frame's columns; empty where no task owns a part of it."""
        if self.config.rung != "collapse":
            return {}
        return {task: self.classes[task] for task in self.tasks if task in self.classes}

    def task_frame(self, task: str) -> Float[Tensor, "D C"]:
        """Vertices of the classes of a task; rung ``collapse`` only."""
        ends = dict(zip(self.frame_tasks, accumulate(self.frame_tasks.values()), strict=True))
        return self.frame[:, ends[task] - self.frame_tasks[task] : ends[task]]

    def operations(self, tokens_per_task: int) -> dict[str, int]:
        """Multiply-accumulates as for KEM, with the projections of the tokens."""
        tokens, square = tokens_per_task * len(self.tasks), self.width**2
        added = tokens * square * (2 if self.config.rung in ("normalised", "learnable") else 1)
        counts = {name: count + added for name, count in super().operations(tokens_per_task).items()}
        if self.config.rung == "collapse":  # no W_kr
            counts["used"] -= self.config.slots * square
            counts["literal"] -= tokens * square
        return counts

    def _frame(self) -> Float[Tensor, "D K"]:
        if self.config.rung != "collapse":
            return simplex_etf(self.width, self.width, self.config.frame_seed)
        if not self.frame_tasks:
            raise OptionError("Rung 'collapse' needs a task with classes; choose rung 'normalised' without one.")
        return torch.cat(orthogonal_etfs(list(self.frame_tasks.values()), self.width, self.config.frame_seed), 1)

    def _compared(self, tokens: Float[Tensor, "B S D"]) -> Float[Tensor, "B S D"]:
        if self.config.rung == "literal":
            return super()._compared(tokens @ self.frame)
        unit = functional.normalize(self.project(self.projection_norm(tokens)), dim=-1, eps=SHORTEST)
        if self.config.rung == "collapse":
            return unit
        return super()._compared(math.sqrt(self.width) * unit @ self.frame)

    def _valued(self, tokens: Float[Tensor, "B S D"], compared: Float[Tensor, "B S D"]) -> Float[Tensor, "B S D"]:
        if self.config.rung != "collapse":
            return compared
        if self.config.values == "projected":
            return math.sqrt(self.width) * compared
        return cast(Tensor, self.token_norm(tokens))

    def _probes(self) -> Float[Tensor, "L D"]:
        if self.config.rung != "collapse":
            return super()._probes()
        queries = self.retrieve_query(self.memory_norm(self.memory))
        return self._scale(0) * functional.normalize(queries, dim=-1, eps=SHORTEST)

    def _scale(self, step: int) -> Tensor | float:
        """As for KEM; under ``collapse`` s for Retrieve and no root for Write, which asks with h for sqrt(d) h."""
        if self.config.rung != "collapse" or self.log_temperature is None:
            return super()._scale(step)
        learned = self.log_temperature.exp()
        return learned[step] if step < len(learned) else 1.0

    def _losses(self, compared: Float[Tensor, "B S D"], labels: TokenLabels) -> dict[str, Tensor]:
        """The collapse loss, summed over the classification tasks, each on the tokens of its own features."""
        if self.config.rung != "collapse":
            return {}
        by_task = dict(zip(self.tasks, compared.unflatten(1, (len(self.tasks), -1)).unbind(1), strict=True))
        losses = [
            self._collapse(by_task[task].flatten(0, 1), labels[task].flatten(), self.task_frame(task))
            for task in self.frame_tasks
        ]
        return {"collapse": torch.stack(losses).sum()}

    def _collapse(self, rows: Tensor, labels: Tensor, frame: Tensor) -> Tensor:
        if self.config.collapse_loss == "centre":
            return centre_loss(rows, labels, frame, self.config.logit_scale)
        return dot_regression_loss(rows, labels, frame, self.config.class_lengths)

    def _projection_trace(self, compared: Float[Tensor, "S D"]) -> EtfTrace:
        sizes = tuple(self.frame_tasks.values()) or (self.width,)
        return EtfTrace(self.config.rung, compared, self.frame, tuple(self.frame_tasks), sizes)
