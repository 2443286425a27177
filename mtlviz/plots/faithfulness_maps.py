"""What a map says of every region, above what happens without it, on the image of every task."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from mtlviz.plots.maps import Hover, Panel, Scale, cells
from mtlviz.plots.style import SEQUENTIAL, SEQUENTIAL_ALTERNATIVE, task_title


def region_panels(
    values: Float[np.ndarray, "T R"],
    of_token: Int[np.ndarray, " N"],
    grid: tuple[int, int],
    tasks: Sequence[str],
    *,
    what: str,
    unit: str,
    effect: bool,
) -> list[Panel | None]:
    """One map a task of a number a region, on one scale from 0; None for a task without numbers.

    Args:
        values: by task and region, NaN where there is none.
        of_token: region of every place, -1 at padding.
        grid: (rows, columns) of the tokens.
        tasks: their names.
        what: before the name of the task in the title.
        unit: of the numbers, for the colour bar.
        effect: draw in the colours of effects, not in those of weights.
    """
    known = values[np.isfinite(values)]
    top = float(known.max()) if known.size and known.max() > 0 else 1.0
    scale = Scale(0, top, unit, SEQUENTIAL_ALTERNATIVE if effect else SEQUENTIAL)
    panels: list[Panel | None] = []
    for task, row in zip(tasks, values, strict=True):
        if not np.isfinite(row).any():
            panels.append(None)
            continue
        on_tokens = np.where(of_token >= 0, row[of_token], np.nan).reshape(grid)
        written = (f"{value:.3g} {unit}" if np.isfinite(value) else "not compared" for value in on_tokens.ravel())
        texts = np.array(list(written), object)
        layer = cells(on_tokens, 0, top, scale=scale.colours, alpha=np.full(grid, 0.85))
        hover = Hover(texts.reshape(grid))
        panels.append(Panel(f"{what}: {task_title(task)}", (layer,), scale=scale, hover=hover))
    return panels
