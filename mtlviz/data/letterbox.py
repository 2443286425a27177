"""Fitting an image of any shape into a network's input, proportions kept, and finding it again."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

Size = tuple[int, int]
"""(height, width)."""

Box = tuple[int, int, int, int]
"""(top, left, height, width)."""

IMAGENET_MEAN_COLOUR = (124, 116, 104)
"""RGB that the usual normalisation takes to about zero."""


@dataclass(frozen=True)
class Letterbox:
    """The largest centred copy of a source inside a target, with bars on two sides where the shapes differ.

    Attributes:
        source: (height, width) of the image in pixels.
        target: (height, width) of the network's input in pixels.
    """

    source: Size
    target: Size

    def __post_init__(self) -> None:
        if min(*self.source, *self.target) < 1:
            raise ValueError(f"sides must be at least 1 pixel; got source {self.source}, target {self.target}")

    @property
    def box(self) -> Box:
        """(top, left, height, width) in target pixels of the image; proportions hold within a pixel."""
        scale = min(self.target[0] / self.source[0], self.target[1] / self.source[1])
        height, width = (
            min(max(round(side * scale), 1), limit) for side, limit in zip(self.source, self.target, strict=True)
        )
        return (self.target[0] - height) // 2, (self.target[1] - width) // 2, height, width

    @property
    def inside(self) -> Bool[np.ndarray, "H W"]:
        """True in target pixels that show the image, False in the bars."""
        top, left, height, width = self.box
        mask = np.zeros(self.target, bool)
        mask[top : top + height, left : left + width] = True
        return mask

    def token_box(self, stride: int) -> Box:
        """(first row, first column, rows, columns) of the tokens that cover at least one pixel of the image.

        Args:
            stride: target pixels between neighbouring tokens.
        """
        top, left, height, width = self.box
        row, column = top // stride, left // stride
        return row, column, -(-(top + height) // stride) - row, -(-(left + width) // stride) - column

    def apply(
        self, image: UInt8[np.ndarray, "h w 3"], fill: tuple[int, int, int] = IMAGENET_MEAN_COLOUR
    ) -> UInt8[np.ndarray, "H W 3"]:
        """The image in the target, resized with antialiasing; one that needs no resizing keeps every bit.

        Args:
            image: of the ``source``'s size.
            fill: RGB of the bars.

        Raises:
            ValueError: if the image has another size.
        """
        if image.shape != (*self.source, 3):
            raise ValueError(f"expected an image of shape {(*self.source, 3)}, got {image.shape}")
        top, left, height, width = self.box
        inner = image
        if (height, width) != self.source:
            inner = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
        framed = np.empty((*self.target, 3), np.uint8)
        framed[:] = fill
        framed[top : top + height, left : left + width] = inner
        return framed

    def crop(self, array: np.ndarray) -> np.ndarray:
        """What lies inside the box, as a view.

        Args:
            array: ``(..., H, W)`` in target pixels.

        Returns:
            ``(..., height, width)`` of the box.

        Raises:
            ValueError: if the last two sides are not the target's.
        """
        if array.shape[-2:] != self.target:
            raise ValueError(f"expected the last two sides to be {self.target}, got shape {array.shape}")
        top, left, height, width = self.box
        return array[..., top : top + height, left : left + width]
