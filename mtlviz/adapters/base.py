"""The adapter: about 40 lines through which a network that is not ours meets the whole app."""

from abc import ABC, abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor, nn

from mtlviz.cards import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.errors import AdapterError
from mtlviz.models.network import Outputs
from mtlviz.prepared import Prepared, prepared
from mtlviz.trace import Capture, Trace


class Adapter(ABC):
    """A network that is not ours.

    A subclass takes no arguments, calls ``super().__init__`` and implements ``run``. It keeps nothing of a pass, on
    itself or on the module: several threads may run it at once. It leaves the image that it is given as it is.

    Attributes:
        card: everything there is to know about the network. ``architecture`` is an ``OwnArchitecture``, and
            ``capabilities`` says what ``run`` can record and which edits it applies: what is not claimed there is not
            asked for, and pages say that it is missing.
        network: the module, in evaluation mode. It is moved to a device, copied, and given noise or other weights
            by the analyses that ask for that.
    """

    def __init__(self, network: nn.Module, card: ModelCard) -> None:
        if not isinstance(network, nn.Module) or not isinstance(card, ModelCard):
            given = f"{type(network).__name__} and {type(card).__name__}"
            raise AdapterError(f"an adapter needs an nn.Module and a ModelCard, in this order; got {given}.")
        self.network = network.eval().requires_grad_(False)
        self.card = card

    def prepare(self, sample: Sample) -> Prepared:
        """An image as the network receives it: fitted into ``card.input_size`` and normalised as the card says.

        Override it for another normalisation; predictions find their way back by the letterbox.
        """
        return prepared(sample, self.card)

    @abstractmethod
    def run(
        self,
        image: Float[Tensor, "B 3 H W"],
        *,
        mask: Bool[Tensor, "B N"] | None,
        capture: Capture | None,
        edit: Edit | None,
    ) -> tuple[Outputs, Trace]:
        """Predict every task of the card.

        Args:
            image: as ``prepare`` gives it, on the network's device; a batch of one where something is recorded.
            mask: True at tokens that cover a part of the image; None without padding. A network that knows no
                padding leaves it aside.
            capture: what to record; None asks for nothing. Only what the card claims is asked for.
            edit: the intervention to apply, of the fields that the card names; None changes nothing.

        Returns:
            By task ``(B, C, H, W)`` at the size of ``image``: logits (classes, binary), metres above 0 (depth) or
            unit vectors (normals), attached to the graph if gradients are on; and what was recorded.
        """
