"""Where the label of a point goes so that labels keep off one another."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

LETTER, LINE, GAP = 6.4, 14.0, 9.0
"""Pixels: width of a letter, height of a line, distance from the point's centre."""
CANVAS = (320.0, 290.0)
"""Width and height of the plot in pixels, as small as a phone draws it."""
POSITIONS = {
    "middle right": (1, 0), "middle left": (-1, 0), "top center": (0, 1), "bottom center": (0, -1),
    "top right": (1, 1), "bottom right": (1, -1), "top left": (-1, 1), "bottom left": (-1, -1),
}  # fmt: skip
"""Plotly's text positions as (to the right, upwards)."""


def label_places(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], texts: Sequence[str]) -> list[str]:
    """A plotly ``textposition`` for every point, chosen greedily: off the points, the labels before it and the edges.

    Args:
        x: places on the plot's width, 0 to 1.
        y: places on its height, 0 to 1.
        texts: of the labels.
    """
    points = np.stack([x * CANVAS[0], y * CANVAS[1]], 1)
    taken = [(*(point - GAP / 2), *(point + GAP / 2)) for point in points]
    places = []
    for point, text in zip(points, texts, strict=True):
        boxes = {name: _box(point, side, text) for name, side in POSITIONS.items()}
        best = min(boxes, key=lambda name: _cost(boxes[name], taken))
        places.append(best)
        taken.append(boxes[best])
    return places


Box = tuple[float, float, float, float]
"""(left, bottom, right, top)."""


def _box(point: Float[np.ndarray, " 2"], side: tuple[int, int], text: str) -> Box:
    width = LETTER * len(text)
    left = point[0] - width / 2 + side[0] * (GAP + width / 2)
    middle = point[1] + side[1] * (GAP + LINE / 2) * (0.7 if side[0] else 1)
    return left, middle - LINE / 2, left + width, middle + LINE / 2


def _cost(box: Box, taken: Sequence[Box]) -> float:
    """Area that a label shares with what is there, and what of it lies outside the plot."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    outside = area - _shared(box, (0.0, 0.0, *CANVAS))
    return 2 * outside + sum(_shared(box, other) for other in taken)


def _shared(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(down, 0.0)
