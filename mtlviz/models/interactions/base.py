"""What every interaction between tasks agrees to, and the registry that finds one by name."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn

from mtlviz.errors import OptionError
from mtlviz.trace import Capture, Edit, InteractionTrace, TokenLayout

TaskFeatures = dict[str, Float[Tensor, "B D H W"]]
TokenLabels = dict[str, Int[Tensor, "B N"]]
"""By classification task the class of every token, ``IGNORE`` where it has none."""
Result = tuple[TaskFeatures, InteractionTrace | None, dict[str, Tensor]]


class InteractionConfig(BaseModel):
    """Options of an interaction; a field that does not exist is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Interaction(nn.Module):
    """The module that lets tasks share: task features in, task features of the same width out.

    Nothing is kept on the module: what a pass did is returned as its trace.
    """

    Config: ClassVar[type[InteractionConfig]] = InteractionConfig

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

    def operations(self, tokens_per_task: int) -> dict[str, int]:
        """Multiply-accumulates of one image by name of the computation, ``"used"`` being the one that runs."""
        raise NotImplementedError


REGISTRY: dict[str, type[Interaction]] = {}


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
    if name not in REGISTRY:
        raise OptionError(f"Interaction {name!r} is unknown; choose one of {', '.join(sorted(REGISTRY))}.")
    cls = REGISTRY[name]
    try:
        config = cls.Config(**options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "options"
        raise OptionError(f"Interaction {name!r}, option {where!r}: {first['msg']}.") from error
    return cls(width, tasks, config, classes)


def to_tokens(features: TaskFeatures) -> Float[Tensor, "B S D"]:
    """Tokens of all tasks on one axis, task by task."""
    return torch.cat([feature.flatten(2).transpose(1, 2) for feature in features.values()], 1)


def from_tokens(tokens: Float[Tensor, "B S D"], like: TaskFeatures) -> TaskFeatures:
    """The inverse of ``to_tokens``, in the dtype of ``like``."""
    per_task = tokens.shape[1] // len(like)
    return {
        task: part.transpose(1, 2).reshape(feature.shape).to(feature.dtype)
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
