"""The gated memory update of the shared global workspace (kem.md 2.3), an option of KEM."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mtlviz.models.interactions.base import projection


class MemoryGate(nn.Module):
    """M' = I o tanh(R^) + G o M with gates computed from the mean token and the old memory."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.summary = projection(width, width)
        self.input_gate = nn.Linear(width, width)
        self.forget_gate = nn.Linear(width, width)
        nn.init.zeros_(self.input_gate.bias)
        nn.init.ones_(self.forget_gate.bias)

    def forward(
        self,
        memory: Float[Tensor, "B L D"],
        retrieved: Float[Tensor, "B L D"],
        tokens: Float[Tensor, "B S D"],
        allowed: Bool[Tensor, "B S"] | None,
    ) -> Float[Tensor, "B L D"]:
        """The new memory; tokens that are padding do not enter the mean."""
        active = self.summary(tokens).relu()
        if allowed is None:
            mean = active.mean(1, keepdim=True)
        else:
            share = allowed / allowed.sum(1, keepdim=True)
            mean = share[:, None].to(active) @ active
        gates = mean + torch.tanh(memory)
        kept = torch.sigmoid(self.forget_gate(gates)) * memory
        return torch.sigmoid(self.input_gate(gates)) * torch.tanh(retrieved) + kept
