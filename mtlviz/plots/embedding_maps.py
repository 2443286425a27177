"""The same tokens on their images: every cell in the colour its point has, and patches around tokens."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int, UInt8
from PIL import Image

from mtlviz.analysis.token_cloud import TokenCloud
from mtlviz.plots.embedding import Highlight
from mtlviz.plots.geometry import Geometry
from mtlviz.plots.map_parts import Hover, Layer, Marks, Panel
from mtlviz.plots.style import task_title
from mtlviz.plots.token_colours import Colouring

SOLID, CHOSEN, OTHERS = 0.72, 0.95, 0.12
"""Opacity of a cell: with nothing selected, selected, and beside selected ones."""
PATCH = 112
"""Pixels of a patch on the screen."""
CONTEXT = 2.0
"""Cells around a token that its patch shows."""


def token_panels(cloud: TokenCloud, colouring: Colouring, highlight: Highlight) -> list[Panel]:
    """One map a task of a cloud of one image; tokens that are not in the cloud stay free.

    Args:
        cloud: tokens of one image.
        colouring: their colours.
        highlight: which stand out.
    """
    panels = []
    for index, name in enumerate(cloud.groups):
        members = cloud["group"] == index
        if not members.any():
            continue
        title, task = ("All tasks", None) if cloud.shared else (task_title(name), name)
        if highlight.selected is None:
            note = f"{int(members.sum()):,} tokens"
        else:
            note = f"{int((members & highlight.selected).sum()):,} of {int(members.sum()):,} tokens selected"
        marks = _nearest(cloud, members, highlight)
        layer = _layer(cloud, members, colouring, highlight.selected)
        hover = Hover(_texts(cloud, members, colouring))
        panels.append(Panel(title, (layer,), marks=marks, hover=hover, task=task, note=note))
    return panels


def image_panel(cloud: TokenCloud, image: int, colouring: Colouring, highlight: Highlight) -> Panel:
    """One image of a set with its selected tokens, whatever their task; a cell of several has the first task's colour.

    Args:
        cloud: tokens of a set.
        image: index of the image.
        colouring: their colours.
        highlight: which stand out.
    """
    here = cloud["image"] == image
    chosen = here if highlight.selected is None else here & highlight.selected
    note = f"{int(chosen.sum())} tokens" + ("" if highlight.selected is None else " selected")
    hover = Hover(_texts(cloud, chosen, colouring))
    return Panel(cloud.images[image], (_layer(cloud, chosen, colouring, None),), hover=hover, note=note, picked=False)


def _layer(
    cloud: TokenCloud, members: Bool[np.ndarray, " n"], colouring: Colouring, selected: Bool[np.ndarray, " n"] | None
) -> Layer:
    opacity = np.full(len(cloud), SOLID) if selected is None else np.where(selected, CHOSEN, OTHERS)
    cells = np.zeros((*cloud.grid, 4), np.uint8)
    indices = np.flatnonzero(members)[::-1]  # the first one wins
    rgba = np.concatenate([colouring.rgb[indices], (opacity[indices, None] * 255).round().astype(np.uint8)], 1)
    cells[cloud["row"][indices], cloud["column"][indices]] = rgba
    return Layer(cells, "grid")


def _texts(cloud: TokenCloud, members: Bool[np.ndarray, " n"], colouring: Colouring) -> np.ndarray:
    texts = np.full(cloud.grid, "", object)
    for index in np.flatnonzero(members):
        cell = cloud["row"][index], cloud["column"][index]
        name = "" if cloud.shared else f"{task_title(cloud.groups[cloud['group'][index]])}: "
        said = name + said_of(colouring, int(index))
        texts[cell] = f"{texts[cell]}<br>{said}" if texts[cell] else said
    texts[texts == ""] = "not among the tokens shown"
    return texts


def said_of(colouring: Colouring, index: int) -> str:
    """What the colour of a token says, in words."""
    if colouring.values is not None:
        value = float(colouring.values[index])
        return f"{colouring.title}: {value:.3g}" if np.isfinite(value) else "no truth"
    label = int(colouring.labels[index])
    return colouring.names[label] if label >= 0 else "none"


def _nearest(cloud: TokenCloud, members: Bool[np.ndarray, " n"], highlight: Highlight) -> tuple[Marks, ...]:
    here = highlight.nearest[members[highlight.nearest]]
    if not len(here):
        return ()
    return (
        Marks(cloud["row"][here], cloud["column"][here], "rgba(0,0,0,0.55)", "circle", 6.0, name="nearest tokens",
              texts=["one of the nearest tokens"] * len(here)),
    )  # fmt: skip


def token_patch(
    image: UInt8[np.ndarray, "h w 3"], geometry: Geometry, row: int, column: int, colour: Sequence[int]
) -> UInt8[np.ndarray, "p p 3"]:
    """What lies around a token, its own cell outlined, in a frame of its colour; beyond the image it is grey.

    Args:
        image: the source image.
        geometry: of its tokens.
        row: of the token.
        column: of the token.
        colour: RGB of the frame.
    """
    middle = [geometry.origin[axis] + (place + 0.5) * geometry.cell[axis] for axis, place in enumerate((row, column))]
    reach = [(0.5 + CONTEXT) * side for side in geometry.cell]
    box = (middle[1] - reach[1], middle[0] - reach[0], middle[1] + reach[1], middle[0] + reach[0])
    step = np.stack(np.meshgrid(*(np.linspace(box[i], box[i + 2], PATCH, endpoint=False) for i in (0, 1))), -1)
    inside = ((step >= 0) & (step < (image.shape[1], image.shape[0]))).all(-1)
    patch = np.asarray(
        Image.fromarray(image).transform(
            (PATCH, PATCH), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR, fillcolor=(128, 128, 128)
        )
    ).copy()
    patch[~inside] = 128
    _outline(patch, CONTEXT / (1 + 2 * CONTEXT))
    patch[:5], patch[-5:], patch[:, :5], patch[:, -5:] = (np.asarray(colour, np.uint8),) * 4
    return patch


def _outline(patch: UInt8[np.ndarray, "p p 3"], inset: float) -> None:
    """White within black around the middle cell."""
    low, high = round(inset * PATCH), round((1 - inset) * PATCH)
    for width, colour in ((2, 0), (1, 255)):
        patch[low - width : low, low - width : high + width] = colour
        patch[high : high + width, low - width : high + width] = colour
        patch[low - width : high + width, low - width : low] = colour
        patch[low - width : high + width, high : high + width] = colour


def spread_out(members: Int[np.ndarray, " m"], count: int) -> Int[np.ndarray, " k"]:
    """At most so many of some tokens, evenly along their order."""
    if len(members) <= count:
        return members
    return members[np.linspace(0, len(members) - 1, count).round().astype(np.int64)]
