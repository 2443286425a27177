"""Predictions as a function of what is left: parts of the image, slots or tasks that are there or not.

Every kind is one function of a coalition, a row of booleans with one entry a feature; methods that take features away,
and the curves that test a map, need nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from skimage.segmentation import slic
from torch import Tensor

from mtlviz.analysis.attribution.passes import Passes
from mtlviz.analysis.attribution.targets import Scalar
from mtlviz.data.letterbox import Letterbox
from mtlviz.edits import Edit

TOGETHER = 8
"""Images in one pass."""

Values = Callable[[Bool[np.ndarray, "n M"]], Float[np.ndarray, " n"]]


@dataclass(eq=False)
class Game:
    """The target's number for every coalition; one that was asked for before is remembered.

    Attributes:
        names: of the features.
        values: of coalitions that are not remembered, at most ``TOGETHER`` at a time.
    """

    names: tuple[str, ...]
    values: Values
    _known: dict[bytes, float] = field(default_factory=dict)

    def __call__(self, coalitions: Bool[np.ndarray, "n M"]) -> Float[np.ndarray, " n"]:
        """The number of every coalition."""
        keys = [row.tobytes() for row in np.ascontiguousarray(coalitions, bool)]
        fresh = list({key: row for key, row in zip(keys, coalitions, strict=True) if key not in self._known}.items())
        for start in range(0, len(fresh), TOGETHER):
            part = fresh[start : start + TOGETHER]
            found = self.values(np.stack([row for _, row in part]).astype(bool))
            self._known.update(zip((key for key, _ in part), (float(value) for value in found), strict=True))
        return np.array([self._known[key] for key in keys])

    def tensor(self, present: Float[Tensor, "n M"]) -> Float[Tensor, " n"]:
        """The same for captum, which asks with ones and zeros."""
        return torch.from_numpy(self(present.detach().cpu().numpy() > 0.5))

    @property
    def size(self) -> int:
        """M, the number of features."""
        return len(self.names)

    def ends(self) -> tuple[float, float]:
        """With everything, and with nothing."""
        everything, nothing = self(np.stack([np.ones(self.size, bool), np.zeros(self.size, bool)]))
        return float(everything), float(nothing)


def pixel_game(
    passes: Passes, scalar: Scalar, baseline: Float[Tensor, "1 3 H W"], segments: Int[np.ndarray, "H W"], what: str
) -> Game:
    """Parts of the image; what is missing looks like the baseline.

    Args:
        passes: of the image.
        scalar: the target.
        baseline: takes the place of missing parts.
        segments: part of every pixel, from 0; -1 always stays.
        what: name of a part.
    """
    image = passes.prepared.image
    parts = torch.from_numpy(segments).to(image.device)

    def values(coalitions: Bool[np.ndarray, "n M"]) -> Float[np.ndarray, " n"]:
        there = torch.from_numpy(coalitions).to(image.device)
        kept = there[:, parts.clamp_min(0)] | (parts < 0)  # (n, H, W)
        with torch.no_grad():
            found = scalar.of(passes.outputs(torch.where(kept[:, None], image, baseline)))
        return np.asarray(found.double().cpu().numpy())

    return Game(tuple(f"{what} {index}" for index in range(int(segments.max()) + 1)), values)


def slot_game(passes: Passes, scalar: Scalar, slots: int) -> Game:
    """Slots; a missing one's term of the Write sum is dropped, the others are not scaled up."""
    return Game(
        tuple(f"slot {slot}" for slot in range(slots)),
        _edited(passes, scalar, lambda there: Edit(zeroed=tuple(np.flatnonzero(~there).tolist()))),
    )


def task_game(passes: Passes, scalar: Scalar, tasks: Sequence[str], *, through_slots: bool) -> Game:
    """Tasks; nobody reads a missing one.

    Args:
        passes: of the image.
        scalar: the target.
        tasks: names in token order.
        through_slots: whether nothing can be retrieved without any task; then nothing is written either.
    """

    def edit(there: Bool[np.ndarray, " M"]) -> Edit:
        if through_slots and not there.any():
            return Edit(residual=0.0)
        return Edit(silenced=tuple(task for task, left in zip(tasks, there, strict=True) if not left))

    return Game(tuple(tasks), _edited(passes, scalar, edit))


def _edited(passes: Passes, scalar: Scalar, edit: Callable[[Bool[np.ndarray, " M"]], Edit]) -> Values:
    def values(coalitions: Bool[np.ndarray, "n M"]) -> Float[np.ndarray, " n"]:
        found = scalar.of(passes.under([edit(row) for row in coalitions]))
        return np.asarray(found.double().cpu().numpy())

    return values


def token_segments(letterbox: Letterbox, stride: int) -> Int[np.ndarray, "H W"]:
    """Every token that shows a part of the image as one part, row by row; -1 at the padding."""
    row, column, _, columns = letterbox.token_box(stride)
    down, right = (np.arange(side) // stride for side in letterbox.target)
    segments = (down[:, None] - row) * columns + (right[None] - column)
    inside: Int[np.ndarray, "H W"] = np.where(letterbox.inside, segments, -1)
    return inside


def superpixels(picture: Float[np.ndarray, "H W 3"], letterbox: Letterbox, count: int) -> Int[np.ndarray, "H W"]:
    """About ``count`` parts of similar colour (SLIC, Achanta et al., 2012), from 0; -1 at the padding.

    Args:
        picture: colours from 0 to 1, in the network's input.
        letterbox: where the image lies in it.
        count: parts that are asked for; there may be fewer.
    """
    top, left, height, width = letterbox.box
    found = np.full(letterbox.target, -1)
    inner = slic(picture[top : top + height, left : left + width], n_segments=count, compactness=10, start_label=0)
    found[top : top + height, left : left + width] = np.unique(inner, return_inverse=True)[1].reshape(inner.shape)
    return found
