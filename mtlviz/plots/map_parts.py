"""What a map is made of: pictures over the image, markers on tokens, a colour bar, and what hovering reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from mtlviz.plots.style import SEQUENTIAL, colours

On = Literal["image", "grid"]


@dataclass(frozen=True)
class Layer:
    """A picture over the image, 3 channels or 4 with opacity; ``on="grid"`` has one pixel a token.

    Pixels stay crisp when enlarged, unless ``smooth``, which is for photographs. ``values`` are the numbers behind the
    colours, ``(rows, columns)`` or ``(rows, columns, k)`` of the token grid with NaN where there is none, so that two
    maps can be compared; None for a picture of anything else.
    """

    picture: UInt8[np.ndarray, "h w c"]
    on: On = "image"
    opacity: float = 1.0
    smooth: bool = False
    values: Float[np.ndarray, "rows columns *k"] | None = None


@dataclass(frozen=True)
class Marks:
    """Markers on tokens.

    Attributes:
        rows: ``(M,)``.
        columns: ``(M,)``.
        colours: one, or one a marker.
        symbols: plotly's names.
        sizes: diameters in pixels.
        texts: what hovering shows.
        labels: short texts printed on the markers.
        name: of the group.
        opacities: 0 to 1.
    """

    rows: Sequence[int] | np.ndarray
    columns: Sequence[int] | np.ndarray
    colours: Sequence[str] | str = "#ffffff"
    symbols: Sequence[str] | str = "circle"
    sizes: Sequence[float] | np.ndarray | float = 10.0
    texts: Sequence[str] = ()
    labels: Sequence[str] = ()
    name: str = ""
    opacities: Sequence[float] | np.ndarray | float = 1.0


@dataclass(frozen=True)
class Scale:
    """The colour bar under a map.

    Attributes:
        low: value at its start.
        high: value at its end.
        label: what it shows, with the unit.
        colours: name of a plotly colour scale.
        ticks: (value, text); plotly chooses them if empty.
    """

    low: float
    high: float
    label: str
    colours: str = SEQUENTIAL
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Hover:
    """What hovering over a map reads.

    Attributes:
        texts: ``(r, c)`` of str; with ``on="grid"`` one a token, else any grid that covers the image.
        on: hovering over the image itself takes the place of picking tokens on that map.
        values: ``(r, c)`` numbers instead of texts.
        template: how a number is written, plotly's template with ``%{z}``.
    """

    texts: np.ndarray | None = None
    on: On = "grid"
    values: Float[np.ndarray, "r c"] | None = None
    template: str = "%{z:.2f}"


@dataclass(frozen=True)
class Panel:
    """One map: what is drawn over the image.

    Attributes:
        title: short.
        layers: pictures, first below.
        marks: markers.
        scale: the colour bar.
        hover: what hovering reads.
        task: a click picks a token of this task; None leaves the task as it is.
        picked: draw the picked token.
        note: small second line of the title.
        values: numbers behind the map as in ``Layer``, where no layer has them.
    """

    title: str
    layers: tuple[Layer, ...] = ()
    marks: tuple[Marks, ...] = ()
    scale: Scale | None = None
    hover: Hover | None = None
    task: str | None = None
    picked: bool = True
    note: str = ""
    values: Float[np.ndarray, "rows columns *k"] | None = None


def cells(
    values: Float[np.ndarray, "rows columns"],
    low: float,
    high: float,
    *,
    scale: str = SEQUENTIAL,
    alpha: Float[np.ndarray, "rows columns"] | None = None,
) -> Layer:
    """A number a token as crisp cells.

    Args:
        values: NaN is not drawn.
        low: value at the start of the colour scale.
        high: value at its end.
        scale: plotly's name.
        alpha: opacity of every cell, 0 to 1.
    """
    opacity = np.isfinite(values) * (1.0 if alpha is None else np.nan_to_num(alpha))
    rgba = np.concatenate([colours(values, low, high, scale), (opacity * 255).astype(np.uint8)[..., None]], -1)
    return Layer(rgba, "grid", values=values)
