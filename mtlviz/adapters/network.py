"""The network of an adapter in the form in which the engine holds networks."""

import copy
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from mtlviz.adapters.base import Adapter
from mtlviz.cards import Capabilities, ModelCard
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.errors import AdapterError, CapabilityError
from mtlviz.models.network import Network, Outputs
from mtlviz.models.random_weights import settle_norms
from mtlviz.models.weight_noise import parameters_sha256
from mtlviz.trace import Capture, Trace

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)
_DRAWING = threading.Lock()
"""Layers draw their weights from torch's one generator, whose state is put back afterwards."""


class AdaptedNetwork(Network):
    """An adapter as a module: what is asked of it is what its card claims."""

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self.adapter = adapter
        self.network = adapter.network

    def forward(
        self,
        image: Float[Tensor, "B 3 H W"],
        *,
        mask: Bool[Tensor, "B N"] | None = None,
        capture: Capture | None = None,
        edit: Edit | None = None,
    ) -> tuple[Outputs, Trace, dict[str, Tensor]]:
        """Predict every task of the card, in its order; see ``Adapter.run``.

        Raises:
            AdapterError: if a task is missing.
            CapabilityError: if the card does not claim the edit.
        """
        self.check(edit)
        outputs, trace = self.adapter.run(image, mask=mask, capture=self._claimed(capture), edit=edit)
        missing = [task.name for task in self.adapter.card.tasks if task.name not in outputs]
        if missing:
            raise AdapterError(
                f"The adapter {self.adapter.card.name!r} gave no {missing[0]!r}, which its card names; "
                "`python -m mtlviz check` tells more."
            )
        return {task.name: outputs[task.name] for task in self.adapter.card.tasks}, trace, {}

    def effects(
        self,
        image: Float[Tensor, "1 3 H W"],
        edits: Sequence[Edit],
        *,
        mask: Bool[Tensor, "1 N"] | None = None,
        full: bool = True,
    ) -> Outputs:
        """Predictions of one image under several edits, a pass each, at full size whatever ``full`` says."""
        found = [self(image, mask=mask, edit=edit)[0] for edit in edits]
        return {task.name: torch.cat([one[task.name] for one in found]) for task in self.adapter.card.tasks}

    def received(self, images: UInt8[Tensor, "B H W 3"]) -> Float[Tensor, "B 3 H W"]:
        """Images of the card's size as the adapter prepares them."""
        made = [self.adapter.prepare(Sample(image.cpu().numpy(), "image")).image for image in images]
        return torch.cat(made).to(images.device)

    def check(self, edit: Edit | None) -> None:
        """Refuse an edit that the card does not claim."""
        able = self._able.edits
        strange = [] if edit is None else sorted(edit.used - set(able))
        if strange:
            can = f"it can apply {', '.join(able)}" if able else "it can apply none"
            raise CapabilityError(f"{self.adapter.card.title} cannot apply the edit {strange[0]!r}; {can}.")

    def _claimed(self, capture: Capture | None) -> Capture | None:
        """What is asked for and claimed; None if that is nothing."""
        if capture is None:
            return None
        able = self._able
        asked = replace(
            capture, interaction=capture.interaction and bool(able.trace), features=capture.features and able.features
        )
        return asked if asked.interaction or asked.features else None

    @property
    def _able(self) -> Capabilities:
        able = self.adapter.card.capabilities
        if able is None:
            raise AdapterError(
                f"The card of the adapter {self.adapter.card.name!r} claims no capabilities; give it Capabilities(...)."
            )
        return able


def adapted(adapter: Adapter, device: str = "cpu") -> tuple[AdaptedNetwork, ModelCard]:
    """The network of an adapter on a device, and its card with the counts and the hash that it may leave out.

    The hash covers the parameters, the card and the name of the adapter's class, as runs are told apart by it.
    """
    card, kind = adapter.card, type(adapter)
    said = f"{kind.__module__}.{kind.__qualname__} {card.model_dump_json()} {parameters_sha256(adapter.network)}"
    counted = card.parameters or {"total": sum(parameter.numel() for parameter in adapter.network.parameters())}
    sha256 = hashlib.sha256(said.encode()).hexdigest()
    network = AdaptedNetwork(adapter).eval().to(device)
    return network, card.model_copy(update={"parameters": counted, "weights_sha256": sha256})


@torch.no_grad()
def redrawn_copy(network: AnyNetwork, input_size: tuple[int, int], seed: int) -> AnyNetwork:
    """A copy with weights that never saw data, for a network whose start is not known here.

    Layers that can draw their weights anew do so; the entries of every other parameter change places, which keeps
    their size and takes away what they mean. Running statistics become those of smooth random images.

    Args:
        network: stays as it is.
        input_size: (H, W) of its images.
        seed: fixes weights and images; the same on every device, since all is drawn on the CPU.
    """
    drawn = copy.deepcopy(network).to("cpu")
    with _DRAWING, torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.no_grad():
        torch.manual_seed(seed)
        for layer in drawn.modules():
            if callable(reset := getattr(layer, "reset_parameters", None)):
                reset()
            else:
                for parameter in layer.parameters(recurse=False):
                    order = torch.randperm(parameter.numel())
                    parameter.copy_(parameter.flatten()[order].view_as(parameter))
        settle_norms(drawn, input_size)
    return drawn
