"""What a token reads with the relevant tokens outlined, and how much noise every token reads, as maps of the image."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from mtlviz.plots.attention import percent
from mtlviz.plots.maps import Hover, Layer, Panel, Scale, cells
from mtlviz.plots.style import DIVERGING, task_title
from mtlviz.trace import TokenLayout

CELL = 24
"""Pixels a token in the drawn outline."""
CORE, HALO = 2, 4
"""Pixels of a cell's edge: the white line, and with the black one beside it."""


def outline(members: Bool[np.ndarray, "rows columns"]) -> Layer:
    """A line around the cells that are members, white beside black, so that it shows on any map.

    Args:
        members: the cells; edges of the grid are drawn too.
    """
    rows, columns = members.shape
    padded = np.pad(members, 1)
    picture = np.zeros((rows, CELL, columns, CELL, 4), np.uint8)
    for width, colour in ((HALO, (0, 0, 0, 255)), (CORE, (255, 255, 255, 255))):
        for row, column, edge in (
            (0, 1, np.s_[:, :width]), (2, 1, np.s_[:, CELL - width :]),
            (1, 0, np.s_[:, :, :, :width]), (1, 2, np.s_[:, :, :, CELL - width :]),
        ):  # fmt: skip
            border = members & ~padded[row : row + rows, column : column + columns]
            line = np.zeros(picture.shape[:4], bool)
            line[edge] = True
            picture[line & border[:, None, :, None]] = colour
    return Layer(picture.reshape(rows * CELL, columns * CELL, 4), "grid")


def outlined(
    panels: Sequence[Panel],
    row: Float[np.ndarray, " S"],
    relevant: Bool[np.ndarray, " S"],
    known: Bool[np.ndarray, " S"],
    layout: TokenLayout,
) -> list[Panel]:
    """Maps of a row, one a task, with the relevant tokens outlined and what leaks past them in the note.

    Args:
        panels: ``weight_panels`` of the row.
        row: weights over all tokens.
        relevant: tokens of the reader's label.
        known: tokens with a label.
        layout: the tokens.
    """
    shape = (len(layout.tasks), *layout.grid)
    found = []
    for panel, weights, members, labelled in zip(
        panels, row.reshape(shape), relevant.reshape(shape), known.reshape(shape), strict=True
    ):
        total = float(weights[labelled].sum())
        leaked = f", {percent(float(weights[labelled & ~members].sum()) / total)} of it leaks" if total > 0 else ""
        layers = (*panel.layers, outline(members)) if members.any() else panel.layers
        found.append(replace(panel, layers=layers, note=panel.note.replace("weight", "mass") + leaked))
    return found


def reader_panels(
    values: Float[np.ndarray, " rows"],
    tokens: Int[np.ndarray, " rows"],
    layout: TokenLayout,
    *,
    model: str,
    texts: Sequence[str],
    limit: float | None = None,
    opacity: float = 1.0,
) -> tuple[Panel, ...]:
    """One map a task: a number of every reading token.

    Args:
        values: NaN is not drawn.
        tokens: which tokens they belong to.
        layout: the tokens.
        model: name shown with every map.
        texts: what hovering says, one a value.
        limit: for values around 0, the end of the scale that is centred there; None draws shares from 0 to 1.
        opacity: of the cells over the image.
    """
    every, said = np.full(layout.tokens, np.nan), np.full(layout.tokens, "padding", object)
    every[tokens], said[tokens] = values, texts
    shape = (len(layout.tasks), *layout.grid)
    low, high = (0.0, 1.0) if limit is None else (-limit, limit)
    scale = Scale(low, high, "share of the mass that leaks", ticks=tuple((x / 4, f"{x * 25}%") for x in range(5)))
    if limit is not None:
        ticks = tuple((x, f"{x:+.0%}") for x in (-limit, 0.0, limit))
        scale = Scale(low, high, "leaked mass less chance", _REVERSED, ticks)
    panels = []
    for task, numbers, said_here in zip(layout.tasks, every.reshape(shape), said.reshape(shape), strict=True):
        known = numbers[np.isfinite(numbers)]
        note = "no reader with a label" if not known.size else f"mean {_amount(float(known.mean()), limit)}"
        layer = cells(numbers, low, high, scale=scale.colours, alpha=np.full(numbers.shape, opacity))
        panels.append(Panel(f"{model}: {task_title(task)}", (layer,), scale=scale, hover=Hover(said_here), task=task,
                            note=note))  # fmt: skip
    return tuple(panels)


_REVERSED = f"{DIVERGING}_r"
"""Red where more leaks than at chance."""


def _amount(value: float, limit: float | None) -> str:
    return f"{value:.0%}" if limit is None else f"{value * 100:+.1f} points"
