"""The network: encoder -> task encoders -> interaction -> decoders."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.edits import Edit
from mtlviz.models.decoders import OUTPUT_STRIDE, Decoder, InitialDecoder
from mtlviz.models.encoders import TOKEN_STRIDE, Encoder, EncoderConfig, conv_norm
from mtlviz.models.interactions import build_interaction, interaction_config
from mtlviz.models.interactions.base import TokenLabels, token_layout
from mtlviz.models.interactions.edited import edited_inputs
from mtlviz.tasks import Task
from mtlviz.trace import Capture, FeatureTrace, Trace

Places = dict[str, dict[str, Float[Tensor, "B E h w"]]]
"""Features by place (``mtlviz.trace.PLACES``) and by task, ``"shared"`` at the encoder."""
Outputs = dict[str, Float[Tensor, "B C H W"]]

INITIAL = "initial_"
"""Before the name of a task: its prediction from before the interaction, and the loss of that."""


class NetworkConfig(BaseModel):
    """Everything that fixes the architecture, apart from the tasks.

    Attributes:
        encoder: the shared encoder.
        width: D, the width of the tokens.
        task_convolutions: 3x3 convolutions of each task encoder, after its 1x1 map from the encoder's width.
        decoder_widths: channels of the decoders at strides 8 and 4.
        interaction: name in the registry.
        options: options of the interaction.
        deep_supervision: learn to predict every task from its encoder's features too, before the interaction; in a
            comparison on for all models or for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: EncoderConfig = EncoderConfig()
    width: int = Field(64, ge=1)
    task_convolutions: int = Field(1, ge=0)
    decoder_widths: tuple[int, int] = (40, 32)
    interaction: str = "kem"
    options: dict[str, Any] = {}
    deep_supervision: bool = False


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
        width = interaction_config(config.interaction, config.options).output_width(config.width)
        self.decoders = nn.ModuleDict({task.name: Decoder(task, width, skip, config.decoder_widths) for task in tasks})
        supervised = tasks if config.deep_supervision else ()
        self.initial = nn.ModuleDict({task.name: InitialDecoder(task, config.width) for task in supervised})
        # Last, so that the rest starts alike whatever the interaction draws at random.
        self.interaction = build_interaction(
            config.interaction,
            config.width,
            names,
            config.options,
            {task.name: task.channels for task in tasks if task.kind == "classes"},
        )

    def forward(
        self,
        image: Float[Tensor, "B 3 H W"],
        *,
        mask: Bool[Tensor, "B N"] | None = None,
        capture: Capture | None = None,
        edit: Edit | None = None,
        labels: TokenLabels | None = None,
        initial: bool = False,
    ) -> tuple[Outputs, Trace, dict[str, Tensor]]:
        """Predict every task.

        Args:
            image: normalised as the card says; both sides multiples of 32 keep the grids aligned.
            mask: True where a token covers a part of the image; None without padding.
            capture: what to record; needs a batch of one image.
            edit: intervention to apply.
            labels: classes of the tokens, for the interaction's auxiliary losses.
            initial: give the predictions from before the interaction as well, where the network makes them.

        Returns:
            By task, and by ``initial_`` and task, logits (classes, binary), metres (depth) or unit vectors (normals),
            the trace, and the interaction's auxiliary losses.
        """
        self.interaction.check(edit)
        shared, skip, before = self._encoded(image)
        before = edited_inputs(before, edit)
        after, interaction, auxiliary = self.interaction(before, mask=mask, capture=capture, edit=edit, labels=labels)
        decoded = self._decoded(after, skip)
        trace = Trace(interaction)
        if capture is not None and capture.features:
            trace = Trace(interaction, _feature_trace(self._places(shared, before, after, decoded), mask))
        outputs = self._outputs(decoded, image)
        if initial:
            outputs |= self._initial(before, image)
        return outputs, trace, auxiliary

    def effects(
        self,
        image: Float[Tensor, "1 3 H W"],
        edits: Sequence[Edit],
        *,
        mask: Bool[Tensor, "1 N"] | None = None,
        full: bool = True,
    ) -> Outputs:
        """Predictions of one image under several edits, one entry of the batch each.

        The encoder runs once, the interaction once an edit, the decoders on all of them together.

        Args:
            image: as for ``forward``.
            edits: what to change.
            mask: as for ``forward``.
            full: predict at the image's resolution; False leaves out the last upsampling, from stride 2.
        """
        for edit in edits:
            self.interaction.check(edit)
        _, skip, before = self._encoded(image)
        after = self.interaction.each(before, edits, mask)
        decoded = self._decoded(after, skip)
        if full:
            return self._outputs(decoded, image)
        size = (image.shape[-2] // OUTPUT_STRIDE, image.shape[-1] // OUTPUT_STRIDE)
        return {name: self.decoder(name).predict(decoded[name], size) for name in self.decoders}

    def features(
        self, image: Float[Tensor, "B 3 H W"], *, mask: Bool[Tensor, "B N"] | None = None
    ) -> tuple[Outputs, Places]:
        """Predict every task, and give the features of the whole batch at every place.

        Args:
            image: as for ``forward``.
            mask: as for ``forward``.
        """
        places = self.places(image, mask=mask)
        return self._outputs(places["decoder"], image), places

    def places(self, image: Float[Tensor, "B 3 H W"], *, mask: Bool[Tensor, "B N"] | None = None) -> Places:
        """The features of the whole batch at every place, without the predictions that follow from the last ones.

        Args:
            image: as for ``forward``.
            mask: as for ``forward``.
        """
        shared, skip, before = self._encoded(image)
        after, _, _ = self.interaction(before, mask=mask)
        return self._places(shared, before, after, self._decoded(after, skip))

    def decoder(self, task: str) -> Decoder:
        """The decoder of a task."""
        return cast(Decoder, self.decoders[task])

    def _encoded(self, image: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """The shared features, the skip at stride 4 and every task's features."""
        shared, skip = self.encoder(image)
        return shared, skip, {name: encoder(shared) for name, encoder in self.task_encoders.items()}

    def _decoded(self, after: dict[str, Tensor], skip: Tensor) -> dict[str, Tensor]:
        return {name: self.decoder(name).features(after[name], skip) for name in self.decoders}

    def _outputs(self, decoded: dict[str, Tensor], image: Tensor) -> Outputs:
        size = (image.shape[-2], image.shape[-1])
        return {name: self.decoder(name).predict(decoded[name], size) for name in self.decoders}

    def _initial(self, before: dict[str, Tensor], image: Tensor) -> Outputs:
        size = (image.shape[-2], image.shape[-1])
        heads = {name: cast(InitialDecoder, head) for name, head in self.initial.items()}
        return {INITIAL + name: head.predict(before[name], size) for name, head in heads.items()}

    def _places(
        self, shared: Tensor, before: dict[str, Tensor], after: dict[str, Tensor], decoded: dict[str, Tensor]
    ) -> Places:
        return {
            "encoder": {"shared": shared},
            "task_encoder": before,
            "interaction_input": self.interaction.compared(before),
            "interaction_output": after,
            "decoder": decoded,
        }


def _feature_trace(places: Places, mask: Bool[Tensor, "B N"] | None) -> FeatureTrace:
    rows = {
        place: torch.stack([feature[0].flatten(1).T for feature in features.values()])  # (G, n, E)
        for place, features in places.items()
    }
    grids = {place: _grid(features) for place, features in places.items()}
    return FeatureTrace(token_layout(places["task_encoder"], mask), rows, grids)


def _grid(features: Mapping[str, Tensor]) -> tuple[int, int]:
    first = next(iter(features.values()))
    return first.shape[-2], first.shape[-1]


def token_mask(inside: Bool[Tensor, "B H W"]) -> Bool[Tensor, "B N"]:
    """Tokens that cover at least one pixel of the image, from the pixels that are not padding."""
    pooled = functional.max_pool2d(inside[:, None].float(), TOKEN_STRIDE)
    return pooled.flatten(1) > 0


def parameter_counts(network: MultiTaskNetwork) -> dict[str, int]:
    """Number of parameters by part, and their ``total``."""
    parts = ("encoder", "task_encoders", "interaction", "decoders", *(("initial",) if len(network.initial) else ()))
    counts = {part: sum(p.numel() for p in getattr(network, part).parameters()) for part in parts}
    return {**counts, "total": sum(counts.values())}
