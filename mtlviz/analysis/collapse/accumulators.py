"""What a pass over images keeps: fixed-size, and equal to that of another pass over the same images once merged."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from mtlviz.analysis.collapse.batch import class_moments
from mtlviz.analysis.collapse.kept import ImageKey, Kept, position_hashes
from mtlviz.analysis.collapse.moments import Moments, moments_of
from mtlviz.analysis.collapse.positions import class_order, rows_of
from mtlviz.analysis.collapse.record import Protocol
from mtlviz.models.token_classes import Grid, majority

FINAL = "decoder"
"""The place whose features the last linear layer sees."""

Features = Mapping[str, Float[Tensor, "B E h w"]]
"""One task's features by place."""

Target = tuple[Float[Tensor, "B n H W"], Bool[Tensor, "B H W"]]
"""A regression's target at the pixels, and which of them have one."""

THINNED = 2
"""A regression looks at every second row and every second column of positions, which are much alike."""


@dataclass(frozen=True)
class PlaceShape:
    """Width and grid of the features at a place."""

    width: int
    grid: Grid


def shapes_of(features: Features) -> dict[str, PlaceShape]:
    """By place the shape of its features."""
    return {place: PlaceShape(one.shape[1], (one.shape[2], one.shape[3])) for place, one in features.items()}


class ClassAccumulator:
    """A classification task.

    Args:
        shapes: by place; holds ``FINAL``.
        weight: ``(C, E)`` of the last linear layer.
        bias: ``(C,)`` of the last linear layer.
        protocol: groups and positions kept.

    Attributes:
        moments: by place, of every class.
        grouped: by place, of every group and class, with the trace of the products alone.
        kept: by grid, for nearest class means.
    """

    def __init__(
        self,
        shapes: Mapping[str, PlaceShape],
        weight: Float[Tensor, "C E"],
        bias: Float[Tensor, " C"],
        protocol: Protocol,
    ) -> None:
        finest = shapes[FINAL].grid
        if any(finest[axis] % shape.grid[axis] for shape in shapes.values() for axis in (0, 1)):
            raise ValueError(f"the grid {finest} of {FINAL!r} is no multiple of those of all other places")
        self.shapes = dict(shapes)
        self.weight, self.bias = weight, bias
        self.classes = len(weight)
        one, many = (self.classes,), (protocol.groups, self.classes)
        self.moments = {place: Moments.empty(one, shape.width, True) for place, shape in shapes.items()}
        self.grouped = {place: Moments.empty(many, shape.width, False) for place, shape in shapes.items()}
        self.kept = {grid: Kept(self.classes, protocol.kept, self._widths(grid)) for grid in self.grids()}

    def grids(self) -> list[Grid]:
        """All grids, each once."""
        return list(dict.fromkeys(shape.grid for shape in self.shapes.values()))

    def update(self, features: Features, labels: UInt8[Tensor, "B H W"], keys: Sequence[ImageKey]) -> None:
        """Add a batch.

        Args:
            features: at every place.
            labels: of the pixels, ``IGNORE`` where there is none.
            keys: of the images.
        """
        groups = torch.tensor([key.group for key in keys])
        for grid in self.grids():
            classes = majority(labels, self.classes, grid)
            order = class_order(classes, self.classes)
            rows = {place: rows_of(features[place]) for place in self._widths(grid)}
            for place, one in rows.items():
                whole, parts, there = class_moments(one, order, groups)
                self.moments[place].merge(whole)
                self.grouped[place].merge_at(there, parts)
            self._keep(grid, classes, rows, features[FINAL], keys)

    def merge(self, other: "ClassAccumulator") -> None:
        """Add what another pass kept."""
        for mine, theirs in ((self.moments, other.moments), (self.grouped, other.grouped)):
            for place in mine:
                mine[place].merge(theirs[place])
        for grid, kept in self.kept.items():
            kept.merge(other.kept[grid])

    def tensors(self) -> Iterator[Tensor]:
        """Everything that is kept, always in the same order and of the same shapes."""
        for moments in (*self.moments.values(), *self.grouped.values()):
            yield from moments.tensors()
        for kept in self.kept.values():
            yield from kept.tensors()

    def _widths(self, grid: Grid) -> dict[str, int]:
        return {place: shape.width for place, shape in self.shapes.items() if shape.grid == grid}

    def _keep(
        self, grid: Grid, labels: Tensor, rows: Mapping[str, Tensor], final: Tensor, keys: Sequence[ImageKey]
    ) -> None:
        per_image = labels.shape[1]
        entries = self.kept[grid].choose(position_hashes(list(keys), per_image), labels.flatten().cpu())
        at = entries.rows.to(labels.device)
        predictions = functional.linear(self._final_rows(final, grid, at), self.weight, self.bias).argmax(1)
        groups = torch.tensor([key.group for key in keys])[entries.rows // per_image]
        chosen = {place: one.index_select(0, at) for place, one in rows.items()}
        self.kept[grid].put(entries, groups, predictions.cpu(), chosen)

    def _final_rows(self, final: Float[Tensor, "B E h w"], grid: Grid, at: Int[Tensor, " M"]) -> Float[Tensor, "M E"]:
        """What the last linear layer sees under some positions of a grid, averaged: it maps them to mean logits."""
        (rows, columns), (high, wide) = grid, self.shapes[FINAL].grid
        down, across = high // rows, wide // columns
        corner = at // columns * (down * wide) + at % columns * across  # images have whole numbers of rows
        within = torch.arange(down, device=at.device)[:, None] * wide + torch.arange(across, device=at.device)
        found = rows_of(final).index_select(0, (corner[:, None] + within.flatten()).flatten())
        return found.view(len(at), down * across, found.shape[1]).mean(1)


class RegressionAccumulator:
    """All regression tasks of a network: moments of all positions of their features, and of their targets.

    Args:
        shapes: by place, the same for all tasks.
        dimensions: by task n, the number of values of its target.
        shared: places where all tasks have the same features.

    Attributes:
        moments: by place, one set a task in the order of ``dimensions``, or one for all.
        targets: by task, of the target at the positions of ``FINAL``.
    """

    def __init__(
        self, shapes: Mapping[str, PlaceShape], dimensions: Mapping[str, int], shared: Collection[str] = ()
    ) -> None:
        self.shapes, self.dimensions, self.shared = dict(shapes), dict(dimensions), frozenset(shared)
        self.moments = {
            place: Moments.empty((1 if place in shared else len(dimensions),), shape.width, True)
            for place, shape in shapes.items()
        }
        self.targets = {task: Moments.empty((1,), number, True) for task, number in dimensions.items()}

    def update(self, features: Mapping[str, Features], targets: Mapping[str, Target]) -> None:
        """Add a batch.

        Args:
            features: by task, at every place.
            targets: by task; those of a single value can be left out, since nothing depends on their covariance.
        """
        tasks = list(self.dimensions)
        for place in self.shapes:
            sets = [features[task][place] for task in (tasks[:1] if place in self.shared else tasks)]
            thinned = torch.stack([one.permute(0, 2, 3, 1)[:, ::THINNED, ::THINNED] for one in sets])
            self.moments[place].merge(moments_of(thinned.flatten(1, 3)))
        for task, (target, valid) in targets.items():
            known = self._at_positions(target.permute(0, 2, 3, 1))[self._at_positions(valid)]
            if len(known):
                self.targets[task].merge(moments_of(known[None]))

    def covariance(self, task: str, place: str) -> tuple[int, Float[Tensor, "E E"]]:
        """Number of positions and covariance of a task's features."""
        at = 0 if place in self.shared else list(self.dimensions).index(task)
        moments = self.moments[place]
        return int(moments.count[at]), moments.spread[at] / moments.count[at].clamp_min(1)

    def merge(self, other: "RegressionAccumulator") -> None:
        """Add what another pass kept."""
        for mine, theirs in ((self.moments, other.moments), (self.targets, other.targets)):
            for name, moments in mine.items():
                moments.merge(theirs[name])

    def tensors(self) -> Iterator[Tensor]:
        """Everything that is kept."""
        for part in (*self.moments.values(), *self.targets.values()):
            yield from part.tensors()

    def _at_positions(self, pixels: Tensor) -> Tensor:
        """The pixel in the middle of each position of ``FINAL`` that is looked at, from ``(B, H, W, ...)``."""
        grid = self.shapes[FINAL].grid
        down, across = (pixels.shape[1 + axis] // grid[axis] for axis in (0, 1))
        return pixels[:, down // 2 :: down * THINNED, across // 2 :: across * THINNED]
