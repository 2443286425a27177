"""The network: encoder -> task encoders -> interaction -> decoders."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.edits import Edit
from mtlviz.models.backbones import AnyEncoderConfig, build_encoder
from mtlviz.models.decoders import OUTPUT_STRIDE, Decoder
from mtlviz.models.encoders import TOKEN_STRIDE, EncoderConfig, conv_norm, unpacked
from mtlviz.models.initial import InitialDecoders
from mtlviz.models.interactions import build_interaction, interaction_config
from mtlviz.models.interactions.base import TokenLabels, token_layout
from mtlviz.models.interactions.edited import edited_inputs
from mtlviz.models.multi_scale import Scales, TaskScales, propagations, task_scales
from mtlviz.models.network import Network, Outputs
from mtlviz.tasks import Task
from mtlviz.trace import Capture, FeatureTrace, Trace

Places = dict[str, dict[str, Float[Tensor, "B E h w"]]]
"""Features by place (``mtlviz.trace.PLACES``) and by task, ``"shared"`` at the encoder."""


class NetworkConfig(BaseModel):
    """Everything that fixes the architecture, apart from the tasks.

    Attributes:
        encoder: the shared encoder, built in or a backbone.
        width: D, the width of the tokens.
        task_encoders: ``single_scale`` from what the encoder fused, or ``multi_scale`` from its own scales.
        scales: strides that ``multi_scale`` starts from, finest first; tokens lie on the grid of the first.
        task_convolutions: 3x3 convolutions of a ``single_scale`` task encoder, after its 1x1 map from the encoder's
            width.
        decoder_widths: channels of the decoders at strides 8 and 4.
        interaction: name in the registry.
        options: options of the interaction.
        deep_supervision: learn to predict every task from its encoder's features too, before the interaction; in a
            comparison on for all models or for none. ``multi_scale`` learns to at every scale.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: AnyEncoderConfig = EncoderConfig()
    width: int = Field(64, ge=1)
    task_encoders: Literal["single_scale", "multi_scale"] = "single_scale"
    scales: tuple[int, ...] = (4, 8, 16, 32)
    task_convolutions: int = Field(1, ge=0)
    decoder_widths: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (40, 32)
    interaction: str = "kem"
    options: dict[str, Any] = {}
    deep_supervision: bool = False

    @property
    def used_scales(self) -> tuple[int, ...]:
        """Strides that the task encoders start from; none where they start from what the encoder fused."""
        return self.scales if self.task_encoders == "multi_scale" else ()

    @property
    def token_stride(self) -> int:
        """Pixels between neighbouring tokens."""
        return self.scales[0] if self.used_scales else self.encoder.stride

    def pinned(self) -> "NetworkConfig":
        """The same with all that a backbone's name stands for written out; see ``BackboneConfig.pinned``."""
        return self.model_copy(update={"encoder": self.encoder.pinned()})

    @model_validator(mode="after")
    def _scales_of_the_encoder(self) -> "NetworkConfig":
        there = self.encoder.strides
        if self.task_encoders == "multi_scale":
            known = [there[first:last] for first in range(len(there)) for last in range(first + 1, len(there) + 1)]
            if self.scales not in known:
                raise ValueError(
                    f"scales must be neighbouring strides of the encoder, finest first, of {', '.join(map(str, there))}"
                    f"; got {', '.join(map(str, self.scales)) or 'none'}"
                )
            if self.encoder.stride not in (TOKEN_STRIDE, self.scales[0]):
                raise ValueError(
                    f"the encoder's stride {self.encoder.stride} is for task_encoders single_scale; with multi_scale "
                    f"tokens lie at the first of the scales, {self.scales[0]}"
                )
        return self


class MultiTaskNetwork(Network):
    """Several dense predictions of one image."""

    def __init__(self, config: NetworkConfig, tasks: Sequence[Task]) -> None:
        super().__init__()
        names = tuple(task.name for task in tasks)
        self.encoder = build_encoder(config.encoder, config.used_scales)
        self.config = config = config.model_copy(update={"encoder": self.encoder.config})
        scales = self.encoder.scale_widths
        self.task_encoders = nn.ModuleDict(
            {name: TaskScales(scales, config.width) if scales else self._single_scale() for name in names}
        )
        self.propagation = propagations(names, scales)
        skip = self.encoder.skip_width
        width = interaction_config(config.interaction, config.options).output_width(config.width)
        self.decoders = nn.ModuleDict({task.name: Decoder(task, width, skip, config.decoder_widths) for task in tasks})
        supervised = tasks if config.deep_supervision else ()
        strides = dict(zip(config.used_scales, scales, strict=True))
        self.initial = InitialDecoders(supervised, config.width, strides)
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
            By task, and by the names of ``InitialDecoders``, logits (classes, binary), metres (depth) or unit vectors
            (normals), the trace, and the interaction's auxiliary losses.
        """
        self.interaction.check(edit)
        shared, skip = self.encoder(image)
        before, scales = self.encoded(shared)
        before = edited_inputs(before, edit)
        after, interaction, auxiliary = self.interaction(before, mask=mask, capture=capture, edit=edit, labels=labels)
        decoded = self._decoded(after, skip)
        trace = Trace(interaction)
        if capture is not None and capture.features:
            trace = Trace(interaction, feature_trace(self._places(shared, before, after, decoded), mask))
        outputs = self._outputs(decoded, image)
        if initial:
            outputs |= self.initial(before, scales, (image.shape[-2], image.shape[-1]))
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
        shared, skip = self.encoder(image)
        before, _ = self.encoded(shared)
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
        shared, skip = self.encoder(image)
        before, _ = self.encoded(shared)
        after, _, _ = self.interaction(before, mask=mask)
        return self._places(shared, before, after, self._decoded(after, skip))

    def check(self, edit: Edit | None) -> None:
        """Refuse an edit that the interaction cannot apply; see ``Interaction.check``."""
        self.interaction.check(edit)

    def decoder(self, task: str) -> Decoder:
        """The decoder of a task."""
        return cast(Decoder, self.decoders[task])

    def encoded(self, shared: Float[Tensor, "B E h w"]) -> tuple[dict[str, Tensor], dict[str, Scales]]:
        """Every task's features from the encoder's, and those at every scale where it starts from scales."""
        if not self.config.used_scales:
            return {name: encoder(shared) for name, encoder in self.task_encoders.items()}, {}
        given = unpacked(shared, self.encoder.scale_widths)
        scales = task_scales(dict(self.task_encoders.items()), self.propagation, given)
        return {name: encoder(scales[name]) for name, encoder in self.task_encoders.items()}, scales

    def _single_scale(self) -> nn.Sequential:
        width = self.config.width
        return nn.Sequential(
            conv_norm(self.encoder.width, width, kernel=1),
            *(conv_norm(width, width) for _ in range(self.config.task_convolutions)),
        )

    def _decoded(self, after: dict[str, Tensor], skip: Tensor) -> dict[str, Tensor]:
        return {name: self.decoder(name).features(after[name], skip) for name in self.decoders}

    def _outputs(self, decoded: dict[str, Tensor], image: Tensor) -> Outputs:
        size = (image.shape[-2], image.shape[-1])
        return {name: self.decoder(name).predict(decoded[name], size) for name in self.decoders}

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


def feature_trace(places: Places, mask: Bool[Tensor, "B N"] | None) -> FeatureTrace:
    """The record of one image's features, from those at every place of ``mtlviz.trace.PLACES``.

    Args:
        places: by place and by task, a single entry at the encoder; a batch of one.
        mask: as for ``MultiTaskNetwork.forward``.
    """
    rows = {
        place: torch.stack([feature[0].flatten(1).T for feature in features.values()])  # (G, n, E)
        for place, features in places.items()
    }
    grids = {place: _grid(features) for place, features in places.items()}
    return FeatureTrace(token_layout(places["task_encoder"], mask), rows, grids)


def _grid(features: Mapping[str, Tensor]) -> tuple[int, int]:
    first = next(iter(features.values()))
    return first.shape[-2], first.shape[-1]


def token_mask(inside: Bool[Tensor, "B H W"], stride: int = TOKEN_STRIDE) -> Bool[Tensor, "B N"]:
    """Tokens that cover at least one pixel of the image, from the pixels that are not padding."""
    pooled = functional.max_pool2d(inside[:, None].float(), stride)
    return pooled.flatten(1) > 0


def parameter_counts(network: MultiTaskNetwork) -> dict[str, int]:
    """Number of parameters by part, and their ``total``."""
    parts = ("encoder", "task_encoders", "interaction", "decoders", *(("initial",) if len(network.initial) else ()))
    counts = {part: sum(p.numel() for p in getattr(network, part).parameters()) for part in parts}
    counts["task_encoders"] += sum(p.numel() for p in network.propagation.parameters())
    return {**counts, "total": sum(counts.values())}
