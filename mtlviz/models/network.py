"""What the engine asks of a network, whoever built it."""

from collections.abc import Sequence

from jaxtyping import Bool, Float
from torch import Tensor, nn

from mtlviz.edits import Edit
from mtlviz.trace import Capture, Trace

Outputs = dict[str, Float[Tensor, "B C H W"]]


class Network(nn.Module):
    """Several dense predictions of one image, of ``multitask.MultiTaskNetwork`` or of a network that is not ours."""

    def forward(
        self,
        image: Float[Tensor, "B 3 H W"],
        *,
        mask: Bool[Tensor, "B N"] | None = None,
        capture: Capture | None = None,
        edit: Edit | None = None,
    ) -> tuple[Outputs, Trace, dict[str, Tensor]]:
        """Predict every task; see ``multitask.MultiTaskNetwork.forward``."""
        raise NotImplementedError

    def effects(
        self,
        image: Float[Tensor, "1 3 H W"],
        edits: Sequence[Edit],
        *,
        mask: Bool[Tensor, "1 N"] | None = None,
        full: bool = True,
    ) -> Outputs:
        """Predictions of one image under several edits; see ``multitask.MultiTaskNetwork.effects``."""
        raise NotImplementedError

    def check(self, edit: Edit | None) -> None:
        """Refuse an edit that the network cannot apply.

        Raises:
            OptionError: naming the first such field.
        """
        raise NotImplementedError
