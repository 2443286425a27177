"""CTAL, cross-task affinity learning: tasks share where to look, not what to say (ctal.md 1).

Every task projects its features, compares its own positions by cosine, and a convolution with an own kernel for every
query position fuses what the tasks found into G; G spreads each task's own values (``affinity``), a little of which
is blended into its features: Z_t = gamma Y_t + (1 - gamma) F_t. An output block doubles the resolution.
"""

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from mtlviz.edits import Edit
from mtlviz.errors import OptionError
from mtlviz.models.interactions.affinity import Fusion, dense_diffusion, linear_diffusion, unit_features
from mtlviz.models.interactions.base import (
    Interaction,
    Result,
    TaskFeatures,
    TokenLabels,
    full_precision,
    projection,
    register,
    to_tokens,
    token_layout,
)
from mtlviz.models.interactions.ctal_blocks import block_operations, input_block, output_block
from mtlviz.models.interactions.ctal_config import CTALConfig
from mtlviz.models.interactions.edited import received
from mtlviz.trace import AffinityTrace, Capture

Computation = Literal["dense", "linear"]
Projected = dict[str, Float[Tensor, "B C H W"]]


@register("ctal")
class CTAL(Interaction):
    """Affinities of all tasks decide together how each task's own values spread; puts out twice the resolution.

    Where an image is letterboxed, unit features and values of tokens that cover only padding are zero: they are
    nobody's keys and nobody reads them.
    """

    Config = CTALConfig
    config: CTALConfig
    edits: ClassVar[frozenset[str]] = frozenset({"silenced"})

    def __init__(
        self,
        width: int,
        tasks: tuple[str, ...],
        config: CTALConfig,
        classes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        super().__init__(width, tasks, config, classes)
        self.channels = channels = config.output_width(width)
        self.inputs = nn.ModuleDict({task: input_block(width, channels, config.input_norm) for task in tasks})
        learned = config.similarity == "learned"
        self.compare = nn.ModuleDict({task: projection(channels, channels) for task in tasks if learned})
        self.values = nn.ModuleDict({task: nn.Conv2d(channels, channels, 3, padding=1) for task in tasks})
        self.groups = len(tasks) if config.fusion == "per_task" else 1
        if config.fusion != "mean":
            positions = 1 if config.tied else math.prod(config.grid)
            sources = 1 if config.own_task else len(tasks)
            bound = (9 * sources) ** -0.5  # a convolution's own start
            rows = self.groups * positions
            self.fusion_weights = nn.Parameter(torch.empty(rows, sources, 3, 3).uniform_(-bound, bound))
            self.fusion_bias = nn.Parameter(torch.empty(rows).uniform_(-bound, bound))
        self.outputs = nn.ModuleDict({task: output_block(channels) for task in tasks})

    def forward(
        self,
        features: TaskFeatures,
        *,
        mask: Bool[Tensor, "B N"] | None = None,
        capture: Capture | None = None,
        edit: Edit | None = None,
        labels: TokenLabels | None = None,
    ) -> Result:
        """Compare, fuse, diffuse, upsample; ``edit.residual`` replaces gamma. See ``Interaction.forward``.

        Raises:
            OptionError: if the tokens do not lie on the grid of the weights.
        """
        projected = self.projected(features)
        values = self._values(projected, mask)  # (B, n, E)
        fusion = self.fusion(values.shape[1], () if edit is None else edit.silenced)
        attended = _received(self._attended(projected, values, fusion, mask), projected, edit)
        gamma = self.config.gamma if edit is None or edit.residual is None else edit.residual
        diffused = _blended(projected, attended, gamma)
        trace = None
        if capture is not None and capture.interaction:
            trace = self._trace(features, mask, projected, values, fusion, attended, gamma)
        return {task: self.outputs[task](diffused[task]) for task in self.tasks}, trace, {}

    def projected(self, features: TaskFeatures) -> Projected:
        """F_t, the input of the core."""
        self._check_grid(features)
        return {task: self.inputs[task](feature) for task, feature in features.items()}

    def core(self, projected: Projected, mask: Bool[Tensor, "B N"] | None = None) -> Projected:
        """Z_t from F_t (ctal.md 1.2-1.5)."""
        values = self._values(projected, mask)
        attended = self._attended(projected, values, self.fusion(values.shape[1]), mask)
        return _blended(projected, attended, self.config.gamma)

    def compared(self, features: TaskFeatures) -> Projected:
        """The unit features, whose inner products are the affinities; see ``Interaction.compared``."""
        projected = self.projected(features)
        return {task: _to_image(self._units(task, feature, None), feature) for task, feature in projected.items()}

    def computation(self, tokens_per_task: int) -> Computation:
        """Which of the two computations runs on a grid of this many tokens."""
        if self.config.kind.needs_matrix:
            return "dense"
        if self.config.computation != "auto":
            return self.config.computation
        counts = self.operations(tokens_per_task)
        return "linear" if counts["linear"] < counts["dense"] else "dense"

    def operations(self, tokens_per_task: int) -> dict[str, int]:
        """Multiply-accumulates of one image (ctal.md 1.7): what runs, and each computation that the options allow."""
        n, tasks, channels = tokens_per_task, len(self.tasks), self.channels
        taps = 1 if self.config.fusion == "mean" else 9
        around = tasks * (block_operations(self.width, channels, n) + 9 * n * channels**2)
        around += len(self.compare) * n * channels**2
        counts = {"dense": around + 2 * tasks * channels * n**2 + self.groups * taps * tasks * n**2}
        if not self.config.kind.needs_matrix:
            counts["linear"] = around + 2 * taps * tasks**2 * n * channels**2
        chosen = self.config.computation
        used = min(counts.values()) if chosen == "auto" else counts[chosen]
        return {"used": used, **counts}

    def fusion(self, tokens_per_task: int, silenced: tuple[str, ...] = ()) -> Fusion:
        """The weights in force on a grid of this many tokens, 0 for sources that are not looked at.

        Args:
            tokens_per_task: n.
            silenced: sources that no task looks at.
        """
        some = next(iter(self.parameters()))
        looked = torch.tensor([task not in silenced for task in self.tasks], device=some.device).to(some.dtype)
        if self.config.fusion == "mean":
            weights, bias = some.new_full((1, 1, 1, 1, 1), 1 / len(self.tasks)), some.new_zeros(1, 1)
        else:
            weights = self.fusion_weights.unflatten(0, (self.groups, -1))  # (G, n or 1, T or 1, 3, 3)
            bias = self.fusion_bias.unflatten(0, (self.groups, -1))
        seen = looked.diag() if self.config.own_task else looked[None]  # (G or 1, T)
        if silenced or weights.shape[2] == 1:
            weights = weights * seen[:, None, :, None, None]
        count = tokens_per_task
        return Fusion(weights.expand(-1, count, -1, -1, -1), bias.expand(-1, count), self.config.interleaved)

    def _check_grid(self, features: TaskFeatures) -> None:
        first = next(iter(features.values()))
        rows, columns = first.shape[-2:]
        if not self.config.free_of_grid and (rows, columns) != self.config.grid:
            own = " x ".join(map(str, self.config.grid))
            raise OptionError(
                f"CTAL's weights belong to a grid of {own} tokens and these features have {rows} x {columns}; resize "
                "the image, or set the option 'grid' and train again."
            )

    def _units(
        self, task: str, feature: Float[Tensor, "B C H W"], mask: Bool[Tensor, "B N"] | None
    ) -> Float[Tensor, "B n C"]:
        """Unit features of a task, in full precision."""
        with full_precision(_to_tokens(feature)) as tokens:
            return unit_features(self.compare[task](tokens) if task in self.compare else tokens, mask)

    def _sources(self, projected: Projected, mask: Bool[Tensor, "B N"] | None) -> Iterator[Float[Tensor, "B n C"]]:
        """Unit features, task by task, each made when it is asked for."""
        for task, feature in projected.items():
            yield self._units(task, feature, mask)

    def _values(self, projected: Projected, mask: Bool[Tensor, "B N"] | None) -> Float[Tensor, "B n E"]:
        """Values of all tasks side by side, zero at padding."""
        values = torch.cat([_to_tokens(self.values[task](feature)) for task, feature in projected.items()], -1)
        return values if mask is None else values * mask[..., None]

    def _attended(
        self,
        projected: Projected,
        values: Float[Tensor, "B n E"],
        fusion: Fusion,
        mask: Bool[Tensor, "B N"] | None,
    ) -> Float[Tensor, "B n E"]:
        """Y of all tasks side by side, in full precision."""
        first = next(iter(projected.values()))
        grid = (first.shape[-2], first.shape[-1])
        with full_precision(values) as precise:
            sources = self._sources(projected, mask)
            if self.computation(values.shape[1]) == "linear":
                return linear_diffusion(sources, precise, fusion, grid)
            return dense_diffusion(sources, precise, fusion, grid, self.config.kind, mask)

    def _trace(
        self,
        features: TaskFeatures,
        mask: Bool[Tensor, "B N"] | None,
        projected: Projected,
        values: Float[Tensor, "B n E"],
        fusion: Fusion,
        attended: Float[Tensor, "B n E"],
        gamma: float,
    ) -> AffinityTrace:
        missing = 1 - fusion.weights.shape[-1] // 2
        kind = self.config.kind
        return AffinityTrace(
            layout=token_layout(features, mask),
            units=torch.stack([units[0] for units in self._sources(projected, mask)]),
            weights=functional.pad(fusion.weights, (missing,) * 4),
            bias=fusion.bias,
            values=torch.stack(values[0].chunk(len(self.tasks), -1)),
            projected=torch.stack([_to_tokens(feature)[0] for feature in projected.values()]),
            attended=torch.stack(attended[0].chunk(len(self.tasks), -1)),
            gamma=gamma,
            similarity="rbf" if kind.similarity == "rbf" else "cosine",
            bandwidth=kind.bandwidth,
            top=kind.top,
            softmax=kind.softmax,
            interleaved=fusion.interleaved,
        )


def _blended(projected: Projected, attended: Float[Tensor, "B n E"], gamma: float) -> Projected:
    """The features blended with what they received, gamma Y + (1 - gamma) F, which is exactly F at gamma = 0."""
    parts = attended.chunk(len(projected), -1)
    return {
        task: torch.lerp(feature.to(part.dtype), _to_image(part, feature), gamma)
        for (task, feature), part in zip(projected.items(), parts, strict=True)
    }


def _received(attended: Float[Tensor, "B n E"], projected: Projected, edit: Edit | None) -> Float[Tensor, "B n E"]:
    """What positions receive under an edit; a muted one keeps its own features whatever gamma is."""
    if edit is None or not (edit.muted or edit.moved):
        return attended
    tokens = received(torch.cat(attended.chunk(len(projected), -1), 1), edit)  # (B, S, C)
    muted = list(edit.muted)
    tokens[:, muted] = to_tokens(projected).to(tokens.dtype)[:, muted]
    return torch.cat(tokens.chunk(len(projected), 1), -1)


def _to_tokens(feature: Float[Tensor, "B C H W"]) -> Float[Tensor, "B n C"]:
    return feature.flatten(2).transpose(1, 2)


def _to_image(tokens: Float[Tensor, "B n C"], like: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    image: Tensor = tokens.transpose(1, 2).unflatten(2, like.shape[-2:])
    return image
