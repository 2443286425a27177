"""Deep supervision: first predictions of every task from before the interaction, of every scale that it starts from."""

from collections.abc import Mapping, Sequence
from typing import cast

from torch import Tensor, nn

from mtlviz.models.decoders import InitialDecoder
from mtlviz.models.network import Outputs
from mtlviz.tasks import Task

INITIAL = "initial_"
"""Before the name of a task: its prediction from before the interaction, and the loss of that."""
_AT_SCALE = "@"
"""Behind that, and before a stride: the prediction of one of several scales."""


class InitialDecoders(nn.ModuleDict):
    """By task a first prediction from its tokens, or one from its features at every scale.

    Args:
        tasks: those that are predicted.
        width: of the tokens.
        scales: by stride the width of the features that are looked at in place of the tokens; empty for the tokens.
    """

    def __init__(self, tasks: Sequence[Task], width: int, scales: Mapping[int, int]) -> None:
        super().__init__()
        self.strides = tuple(scales)
        for task in tasks:
            several = nn.ModuleList(InitialDecoder(task, own) for own in scales.values())
            self[task.name] = several if scales else InitialDecoder(task, width)

    def forward(
        self, tokens: Mapping[str, Tensor], scales: Mapping[str, Sequence[Tensor]], size: tuple[int, int]
    ) -> Outputs:
        """Predictions by ``initial_`` and task, and ``@`` and stride where there are several.

        Args:
            tokens: by task.
            scales: by task its features at every scale, finest first.
            size: (H, W) of the image.
        """
        found = {}
        for name, head in self.items():
            if isinstance(head, InitialDecoder):
                found[INITIAL + name] = head.predict(tokens[name], size)
                continue
            for stride, part, features in zip(self.strides, cast(nn.ModuleList, head), scales[name], strict=True):
                found[f"{INITIAL}{name}{_AT_SCALE}{stride}"] = cast(InitialDecoder, part).predict(features, size)
        return found


def initial_predictions(outputs: Mapping[str, Tensor], task: str) -> list[Tensor]:
    """A task's predictions from before the interaction, of every scale that makes one."""
    return [output for name, output in outputs.items() if name.split(_AT_SCALE)[0] == INITIAL + task]
