"""Encoders at full size: a backbone by name, its stages fused on the token grid as kem.md 2.1 says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.errors import OptionError
from mtlviz.models.backbone_stages import (
    STRIDES,
    TIMM,
    build_stages,
    load_pretrained,
    published_settings,
    stage_widths,
)
from mtlviz.models.encoders import Encoder, EncoderConfig, packed

SKIP_STRIDE = STRIDES[0]
"""Of the features that the decoders take for fine detail."""


@dataclass(frozen=True)
class Preset:
    """A backbone by a friendly name.

    Attributes:
        repository: at Hugging Face, with weights learned on ImageNet.
        settings: all that fixes its form, without any download.
    """

    repository: str
    settings: dict[str, Any]


def _swin(kind: str, depth: int, **own: Any) -> dict[str, Any]:  # noqa: ANN401
    form = {"embed_dim": 96, "depths": [2, 2, depth, 2], "num_heads": [3, 6, 12, 24]}
    return {"model_type": kind, **form, **own}


PRESETS = {
    "swin-tiny": Preset("microsoft/swin-tiny-patch4-window7-224", _swin("swin", 6, window_size=7)),
    "swin-small": Preset("microsoft/swin-small-patch4-window7-224", _swin("swin", 18, window_size=7)),
    "swin-v2-small": Preset(
        "microsoft/swinv2-small-patch4-window8-256", _swin("swinv2", 18, window_size=8, image_size=256)
    ),
    "resnet-50": Preset(
        "microsoft/resnet-50",
        {
            "model_type": "resnet", "embedding_size": 64, "hidden_sizes": [256, 512, 1024, 2048],
            "depths": [3, 4, 6, 3], "layer_type": "bottleneck",
        },
    ),
    "hrnet-18": Preset(
        "timm/hrnet_w18_small_v2.gluon_in1k",
        {"model_type": TIMM, "architecture": "hrnet_w18_small_v2", "feature_location": ""},
    ),
}  # fmt: skip
"""``hrnet-18`` is the small HRNet-W18 of ctal.md 2.1, of 3.86 million parameters."""


class BackboneConfig(BaseModel):
    """A backbone of a library as the shared encoder.

    Attributes:
        backbone: one of ``PRESETS``, a repository of Hugging Face as owner/name, the path of a folder like one, or any
            name where ``settings`` say everything.
        settings: plain fields of the library's configuration; they change those that the name stands for, and with a
            ``model_type`` they need no name.
        pretrained: a training starts from the weights that the repository publishes as safetensors; elsewhere weights
            come from a checkpoint and nothing is downloaded.
        stride: pixels between neighbouring tokens; stages from there on are fused.
        out: width handed to the task encoders.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str
    settings: dict[str, Any] = {}
    pretrained: bool = False
    stride: Literal[4, 8, 16, 32] = 8
    out: Annotated[int, Field(ge=1)] = 256

    @model_validator(mode="after")
    def _known(self) -> "BackboneConfig":
        named = self.backbone in PRESETS or "/" in self.backbone
        if not named and "model_type" not in self.settings:
            raise ValueError(
                f"backbone {self.backbone!r} is unknown; choose one of {', '.join(PRESETS)}, name a repository as "
                "owner/name, or give settings with a model_type"
            )
        if self.pretrained and not named:
            raise ValueError(
                f"pretrained needs published weights, and {self.backbone!r} names none; choose one of "
                f"{', '.join(PRESETS)} or name a repository as owner/name"
            )
        return self

    @property
    def strides(self) -> tuple[int, ...]:
        """Of the stages that task encoders can start from."""
        return STRIDES

    @property
    def repository(self) -> str:
        """Where published weights lie."""
        return PRESETS[self.backbone].repository if self.backbone in PRESETS else self.backbone

    def pinned(self) -> "BackboneConfig":
        """The same with all settings written out, so that the encoder is built from it without any download.

        Raises:
            OptionError: if the repository's configuration cannot be had.
        """
        if self.backbone in PRESETS:
            settings = PRESETS[self.backbone].settings | self.settings
        elif "model_type" in self.settings:
            settings = self.settings
        else:
            settings = published_settings(self.backbone) | self.settings
        return self.model_copy(update={"settings": settings})


def _form(value: object) -> str:
    named = "backbone" in value if isinstance(value, dict) else isinstance(value, BackboneConfig)
    return "backbone" if named else "built-in"


AnyEncoderConfig = Annotated[
    Annotated[EncoderConfig, Tag("built-in")] | Annotated[BackboneConfig, Tag("backbone")], Discriminator(_form)
]
"""The built-in encoder, or a backbone where one is named."""


class BackboneEncoder(nn.Module):
    """A backbone whose stages are mapped to one width and added on the token grid.

    The sum of 1x1 convolutions on each resized stage is the 1x1 convolution of their concatenation (kem.md 2.1);
    here a stage is mapped before it is resized, which gives the same and costs less.

    Args:
        config: of the backbone.
        scales: strides of the stages that are handed on ``packed`` in place of being fused; empty fuses.
    """

    def __init__(self, config: BackboneConfig, scales: Sequence[int] = ()) -> None:
        super().__init__()
        self.config = config = config.pinned()
        self.scales = tuple(scales)
        self.fused = self.scales or tuple(stride for stride in STRIDES if stride >= config.stride)
        self.strides = tuple(sorted({SKIP_STRIDE, *self.fused}))
        self.backbone = build_stages(config.settings, self.strides)
        widths = dict(zip(self.strides, stage_widths(self.backbone, self.strides, config.backbone), strict=True))
        self.scale_widths = tuple(widths[stride] for stride in self.scales)
        self.width = sum(self.scale_widths) or config.out
        self.skip_width = widths[SKIP_STRIDE]
        self.laterals = nn.ModuleList()
        if not self.scales:  # one bias, that of the one convolution
            self.laterals.extend(
                nn.Conv2d(widths[stride], config.out, 1, bias=stride == self.fused[0]) for stride in self.fused
            )

    def load_pretrained(self) -> None:
        """Take over the published weights where ``pretrained`` asks for them.

        Raises:
            OptionError: if they cannot be had.
        """
        if self.config.pretrained:
            load_pretrained(self.backbone, self.config.repository)

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "B E h w"], Float[Tensor, "B _ _ _"]]:
        """Features on the token grid, and the stride-4 features for the decoders' fine detail.

        Raises:
            OptionError: if a side of the image does not fit the grid.
        """
        self._check_sides(image.shape[-2], image.shape[-1])
        stages = dict(zip(self.strides, self.backbone(image), strict=True))
        skip = stages[SKIP_STRIDE]
        if self.scales:
            return packed([stages[stride] for stride in self.scales]), skip
        fused: Tensor = self.laterals[0](stages[self.fused[0]])
        for lateral, stride in zip(list(self.laterals)[1:], self.fused[1:], strict=True):
            fused = fused + functional.interpolate(lateral(stages[stride]), fused.shape[-2:], mode="bilinear")
        return fused, skip

    def _check_sides(self, height: int, width: int) -> None:
        multiple = max(self.fused[0], self.backbone.sides)
        if height % multiple or width % multiple:
            near = " x ".join(str(max(1, round(side / multiple)) * multiple) for side in (height, width))
            raise OptionError(
                f"Images of {height} x {width} pixels do not suit backbone {self.config.backbone!r} with tokens at "
                f"stride {self.fused[0]}; both sides must be multiples of {multiple}, such as {near}."
            )


def build_encoder(config: EncoderConfig | BackboneConfig, scales: Sequence[int] = ()) -> Encoder | BackboneEncoder:
    """The encoder of a configuration, with weights drawn at random.

    Args:
        config: its form.
        scales: strides of the stages that task encoders start from; empty fuses the stages on the token grid.

    Raises:
        OptionError: if a backbone's library is not installed, or its settings cannot be had or are wrong.
    """
    if isinstance(config, BackboneConfig):
        return BackboneEncoder(config, scales)
    return Encoder(config, scales)
