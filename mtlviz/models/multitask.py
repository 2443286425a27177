"""The network: encoder -> task encoders -> interaction -> decoders."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.models.decoders import Decoder
from mtlviz.models.encoders import TOKEN_STRIDE, Encoder, EncoderConfig, conv_norm
from mtlviz.models.interactions import build_interaction
from mtlviz.models.interactions.base import to_tokens, token_layout
from mtlviz.tasks import Task
from mtlviz.trace import Capture, Edit, FeatureTrace, Trace


class NetworkConfig(BaseModel):
    """Everything that fixes the architecture, apart from the tasks.

    Attributes:
        encoder: the shared encoder.
        width: D, the width of the tokens.
        task_convolutions: 3x3 convolutions of each task encoder, after its 1x1 map from the encoder's width.
        decoder_widths: channels of the decoders at strides 8 and 4.
        interaction: name in the registry.
        options: options of the interaction.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: EncoderConfig = EncoderConfig()
    width: int = Field(64, ge=1)
    task_convolutions: int = Field(1, ge=0)
    decoder_widths: tuple[int, int] = (40, 32)
    interaction: str = "kem"
    options: dict[str, Any] = {}


class MultiTaskNetwork(nn.Module):
    """Several dense predictions of one image."""

    def __init__(self, config: NetworkConfig, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.config = config
        names = tuple(task.name for task in tasks)
        self.encoder = Encoder(config.encoder)
        self.task_encoders = nn.ModuleDict(
            {
                name: nn.Sequential(
                    conv_norm(config.encoder.out, config.width, kernel=1),
                    *(conv_norm(config.width, config.width) for _ in range(config.task_convolutions)),
                )
                for name in names
            }
        )
        skip = config.encoder.widths[1]
        self.decoders = nn.ModuleDict(
            {task.name: Decoder(task, config.width, skip, config.decoder_widths) for task in tasks}
        )
        # Last, so that the rest starts alike whatever the interaction draws at random.
        self.interaction = build_interaction(config.interaction, config.width, names, config.options)

    def forward(
        self,
        image: Float[Tensor, "B 3 H W"],
        *,
        mask: Bool[Tensor, "B N"] | None = None,
        capture: Capture | None = None,
        edit: Edit | None = None,
    ) -> tuple[dict[str, Float[Tensor, "B C H W"]], Trace, dict[str, Tensor]]:
        """Predict every task.

        Args:
            image: normalised as the card says; both sides multiples of 32 keep the grids aligned.
            mask: True where a token covers a part of the image; None without padding.
            capture: what to record; needs a batch of one image.
            edit: intervention to apply.

        Returns:
            By task logits (classes, binary), metres (depth) or unit vectors (normals), the trace, and the
            interaction's auxiliary losses.
        """
        shared, skip = self.encoder(image)
        before = {name: encoder(shared) for name, encoder in self.task_encoders.items()}
        after, interaction, auxiliary = self.interaction(before, mask=mask, capture=capture, edit=edit)
        size = (image.shape[-2], image.shape[-1])
        outputs = {name: decoder(after[name], skip, size) for name, decoder in self.decoders.items()}
        features = None
        if capture is not None and capture.features:
            features = FeatureTrace(token_layout(before, mask), to_tokens(before)[0], to_tokens(after)[0])
        return outputs, Trace(interaction, features), auxiliary


def token_mask(inside: Bool[Tensor, "B H W"]) -> Bool[Tensor, "B N"]:
    """Tokens that cover at least one pixel of the image, from the pixels that are not padding."""
    pooled = functional.max_pool2d(inside[:, None].float(), TOKEN_STRIDE)
    return pooled.flatten(1) > 0


def parameter_counts(network: MultiTaskNetwork) -> dict[str, int]:
    """Number of parameters by part, and their ``total``."""
    parts = ("encoder", "task_encoders", "interaction", "decoders")
    counts = {part: sum(p.numel() for p in getattr(network, part).parameters()) for part in parts}
    return {**counts, "total": sum(counts.values())}
