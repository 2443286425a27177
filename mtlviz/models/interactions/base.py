"""What every interaction between tasks agrees to, and the registry that finds one by name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn

from mtlviz.edits import Edit
from mtlviz.errors import OptionError, first_mistake
from mtlviz.models.interactions.edited import ALWAYS, edited_inputs
from mtlviz.trace import Capture, InteractionTrace, TokenLayout

TaskFeatures = dict[str, Float[Tensor, "B D H W"]]
TokenLabels = dict[str, Int[Tensor, "B N"]]
"""By classification task the class of every token, ``IGNORE`` where it has none."""
DecoderFeatures = dict[str, Float[Tensor, "B _ _ _"]]
"""By task what its decoder receives, of any width and stride."""
Result = tuple[DecoderFeatures, InteractionTrace | None, dict[str, Tensor]]


class InteractionConfig(BaseModel):
    """Options of an interaction; a field that does not exist is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @property
    def free_of_grid(self) -> bool:
        """Whether the module runs on any grid of tokens."""
        return True

    def output_width(self, width: int) -> int:
        """Width of the features that come out, from that of those that go in."""
        return width


class Interaction(nn.Module):
    """The module that lets tasks share: task features in, task features out, of any stride.

    Nothing is kept on the module: what a pass did is returned as its trace.
    """

    Config: ClassVar[type[InteractionConfig]] = InteractionConfig
    edits: ClassVar[frozenset[str]] = frozenset()
    """Fields of ``Edit`` that it can apply beyond those that every interaction can."""

    def __init__(
        self,
        width: int,
        tasks: tuple[str, ...],
        config: Any,  # noqa: ANN401
        classes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.width = width
        self.tasks = tasks
        self.config = config
        self.classes = dict(classes)

    @property
    def auxiliary(self) -> tuple[str, ...]:
        """Names of the losses that a pass with labels returns."""
        return ()

    def forward(
        self,
        features: TaskFeatures,
        *,
        mask: Bool[Tensor, "B N"] | None = None,
        capture: Capture | None = None,
        edit: Edit | None = None,
        labels: TokenLabels | None = None,
    ) -> Result:
        """Let the tasks share.

        Args:
            features: by task, in the order of ``self.tasks``.
            mask: True where a token covers a part of the image, False at padding; None without padding.
            capture: what to record; needs a batch of one image.
            edit: intervention to apply.
            labels: classes of the tokens, for auxiliary losses; None in use.

        Returns:
            Features for the decoders, the trace (None without capture) and auxiliary losses by name.
        """
        raise NotImplementedError

    def compared(self, features: TaskFeatures) -> TaskFeatures:
        """The features as the interaction compares them, after its own norms and projections."""
        return features

    def each(
        self, features: TaskFeatures, edits: Sequence[Edit], mask: Bool[Tensor, "1 N"] | None = None
    ) -> dict[str, Float[Tensor, "_ D _ _"]]:
        """Features for the decoders of one image under several edits, one entry of the batch each."""
        rows = [self(edited_inputs(features, edit), mask=mask, edit=edit)[0] for edit in edits]
        return {task: torch.cat([row[task] for row in rows]) for task in features}

    def check(self, edit: Edit | None) -> None:
        """Refuse an edit that this interaction cannot apply.

        Raises:
            OptionError: naming the first such field.
        """
        if edit is None:
            return
        strange = sorted(edit.used - ALWAYS - self.edits)
        if strange:
            can = ", ".join(sorted(ALWAYS | self.edits))
            raise OptionError(f"This model's interaction cannot apply the edit {strange[0]!r}; it can apply {can}.")

    def computation(self, tokens_per_task: int) -> str:
        """Which of several computations of the same function runs on this many tokens; empty if there is one only."""
        return ""

    def operations(self, tokens_per_task: int) -> dict[str, int]:
        """Multiply-accumulates of one image by name of the computation, ``"used"`` being the one that runs."""
        raise NotImplementedError


REGISTRY: dict[str, type[Interaction]] = {}
OWN = "own"
"""Stands for the interaction of a network that is not ours; of its kind nothing is known here."""


def register(name: str) -> Callable[[type[Interaction]], type[Interaction]]:
    """Class decorator: make an interaction available under ``name`` in configs and cards."""

    def add(cls: type[Interaction]) -> type[Interaction]:
        REGISTRY[name] = cls
        return cls

    return add


def build_interaction(
    name: str,
    width: int,
    tasks: tuple[str, ...],
    options: Mapping[str, Any],
    classes: Mapping[str, int] = MappingProxyType({}),
) -> Interaction:
    """The interaction registered as ``name``.

    Args:
        name: in the registry.
        width: D.
        tasks: names of the tasks that share, in token order.
        options: of the interaction.
        classes: by classification task its number of classes.

    Raises:
        OptionError: if the name is unknown or an option is not one of its config's.
    """
    if name == OWN:
        raise OptionError(f"Interaction {name!r} stands for networks that are not built here; choose another.")
    config = interaction_config(name, options)
    return REGISTRY[name](width, tasks, config, classes)


def interaction_class(name: str) -> type[Interaction]:
    """The interaction registered as ``name``, and for ``OWN`` the class of all of them, which can nothing."""
    return Interaction if name == OWN else REGISTRY[name]


def interaction_config(name: str, options: Mapping[str, Any]) -> InteractionConfig:
    """Options of the interaction registered as ``name``, none for ``OWN``; raises as ``build_interaction``."""
    if name == OWN:
        return InteractionConfig()
    if name not in REGISTRY:
        raise OptionError(f"Interaction {name!r} is unknown; choose one of {', '.join(sorted(REGISTRY))}.")
    try:
        return REGISTRY[name].Config(**options)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "options"
        known = REGISTRY[name].Config.model_fields
        raise OptionError(f"Interaction {name!r}, option {where!r}: {first_mistake(error, known)}.") from error


def to_tokens(features: TaskFeatures) -> Float[Tensor, "B S D"]:
    """Tokens of all tasks on one axis, task by task."""
    return torch.cat([feature.flatten(2).transpose(1, 2) for feature in features.values()], 1)


def from_tokens(tokens: Float[Tensor, "B S D"], like: dict[str, Float[Tensor, "_ D H W"]]) -> TaskFeatures:
    """The inverse of ``to_tokens``, in the dtype of ``like`` and on its grid."""
    per_task = tokens.shape[1] // len(like)
    return {
        task: part.transpose(1, 2).reshape(-1, *feature.shape[1:]).to(feature.dtype)
        for (task, feature), part in zip(like.items(), tokens.split(per_task, 1), strict=True)
    }


def token_layout(features: TaskFeatures, mask: Bool[Tensor, "B N"] | None) -> TokenLayout:
    """The layout of the one image in a batch of one.

    Raises:
        ValueError: if the batch holds more than one image.
    """
    first = next(iter(features.values()))
    if first.shape[0] != 1:
        raise ValueError(f"a trace describes one image; this batch holds {first.shape[0]}")
    return TokenLayout(tuple(features), (first.shape[2], first.shape[3]), None if mask is None else mask[0])


@contextmanager
def full_precision(tokens: Tensor) -> Iterator[Tensor]:
    """Tokens in at least float32 with autocast off: logits and their competition do not survive half precision."""
    with torch.autocast(tokens.device.type, enabled=False):
        yield tokens.float() if tokens.dtype in (torch.float16, torch.bfloat16) else tokens


def projection(rows: int, columns: int) -> nn.Linear:
    """A bias-free linear map that keeps the variance of its input at the start."""
    linear = nn.Linear(columns, rows, bias=False)
    nn.init.normal_(linear.weight, std=columns**-0.5)
    return linear
