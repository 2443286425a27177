"""No interaction: hard parameter sharing, the tasks meet in the encoder only."""

from jaxtyping import Bool
from torch import Tensor

from mtlviz.edits import Edit
from mtlviz.models.interactions.base import Interaction, Result, TaskFeatures, TokenLabels, register
from mtlviz.trace import Capture


@register("none")
class NoInteraction(Interaction):
    """Hands the task encoders' features to the decoders unchanged."""

    def forward(
        self,
        features: TaskFeatures,
        *,
        mask: Bool[Tensor, "B N"] | None = None,
        capture: Capture | None = None,
        edit: Edit | None = None,
        labels: TokenLabels | None = None,
    ) -> Result:
        """The features as they came; see ``Interaction.forward``."""
        return features, None, {}

    def operations(self, tokens_per_task: int) -> dict[str, int]:
        """Nothing is computed."""
        return {"used": 0}
