"""Names and shapes of a network's weights, found without making one of them.

A card comes from anywhere and may ask for a million channels or layers. So what it describes is first built on torch's
``meta`` device, whose tensors have no content, and compared with the weights that are there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from mtlviz.errors import OptionError
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import Task

STEPS = 20_000
"""Calls of torch that any network may take to be built; shipped ones take a thousand, a Swin-S six thousand."""
STEPS_EACH = 20
"""Further calls for every tensor of the weights."""
LARGEST = 2**26
"""Elements of a tensor that is no weight, made on the way, if the weights are few."""


class _Outlining(TorchFunctionMode):
    """Counts calls of torch and weighs what they make.

    Those that fill a tensor are left out: for the meta device, torch has them in a part that takes seconds to import.
    """

    def __init__(self, steps: int, largest: int) -> None:
        super().__init__()
        self.steps, self.largest = steps, largest

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        given, name = kwargs or {}, getattr(func, "__name__", "")
        self.steps -= 1
        if name.endswith("_") and not name.endswith("__"):
            return next(iter((*args, *given.values())))  # nothing to fill
        made = func(*args, **given)
        # Only where a tensor is made: the way out of torch.no_grad() is a call too, and has to be taken.
        if isinstance(made, Tensor) and (self.steps < 0 or made.numel() > self.largest):
            raise OptionError("the network is far larger than its weights")
        return made


def weight_shapes(config: NetworkConfig, tasks: Sequence[Task], weights: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """By name the shape of every weight of a network, which is not built.

    Args:
        config: the architecture.
        tasks: what it predicts.
        weights: that are there; what is far larger than they are is not looked at further.

    Raises:
        OptionError: if there is no such network, or it is far larger.
    """
    steps = STEPS + STEPS_EACH * len(weights)
    largest = max(LARGEST, *(4 * tensor.numel() for tensor in weights.values()), 0)
    try:
        with torch.device("meta"), _Outlining(steps, largest):
            network = MultiTaskNetwork(config, tasks)
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:  # of numbers that torch does not take
        raise OptionError(f"torch cannot build it: {' '.join(str(error).split())[:200]}") from error
    return {name: tensor.shape for name, tensor in network.state_dict().items()}
