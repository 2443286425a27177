"""A click on the affinity page: all rows of a position made, coloured and drawn, on the finest grid."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtlviz.analysis.affinity.rows import PixelRows, pixel_rows
from mtlviz.bench.catalogue import AFFINITY_SIZES, AffinitySize, Entry
from mtlviz.bench.measurement import Finding, Say
from mtlviz.bench.timing import Call, take_turns
from mtlviz.plots.affinity import row_panels
from mtlviz.plots.maps import Geometry, draw
from mtlviz.tasks import TASKS
from mtlviz.trace import AffinityTrace, TokenLayout

STRIDE = 4
"""Pixels of the image a position: that of the paper's network on NYUDv2."""
SECONDS = 6.0


def measure(entries: Sequence[Entry], checkpoints: Path | None, say: Say) -> Iterator[Finding]:
    """The one finding of this part: random unit features, one image, on the CPU."""
    sizes = {name: AFFINITY_SIZES[name] for name in ("nyu", "app")}
    say(f"A click on the affinity page, {sizes['nyu']}")
    click, detail = 0.0, {}
    for name, size in sizes.items():
        page = Page(random_trace(size))
        calls: dict[str, Call] = {"rows": page.rows, "click": page.click}
        for call in calls.values():
            call()
        turns = take_turns(calls, seconds=SECONDS)
        found = {part: round(turns.milliseconds(part), 3) for part in calls}
        detail[name] = {"ms": found, "rounds": turns.rounds}
        click = found["click"] if name == "nyu" else click
    yield Finding(entries[0].key, click, {**detail, "threads": torch.get_num_threads()})


class Page:
    """The affinity page's maps, for one position after another."""

    def __init__(self, trace: AffinityTrace) -> None:
        self.trace = trace
        self.position = 0
        rows, columns = trace.layout.grid
        size = (rows * STRIDE, columns * STRIDE)
        self.geometry = Geometry(size, trace.layout.grid, (0.0, 0.0), (float(STRIDE), float(STRIDE)))
        self.image = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)

    def rows(self) -> PixelRows:
        """All rows of a position that was not asked for lately, as numbers."""
        self.position = (self.position + 997) % self.trace.layout.tokens_per_task
        return pixel_rows(self.trace, self.position)

    def click(self) -> list[dict[str, Any]]:
        """The figures that the page sends: every task, the fused row and the disagreement."""
        panels = row_panels(self.rows(), self.trace.layout)
        return [draw(panel, self.geometry, image=self.image).to_dict() for panel in panels]


def random_trace(size: AffinitySize) -> AffinityTrace:
    """Unit features and fusion weights of a size; values and results are left out."""
    rng = np.random.default_rng(0)
    count = size.grid[0] * size.grid[1]
    units = rng.normal(size=(size.tasks, count, size.channels)).astype(np.float32)
    units /= np.linalg.norm(units, axis=-1, keepdims=True)
    weights = rng.normal(size=(1, count, size.tasks, 3, 3)).astype(np.float32) / 3
    bias = rng.normal(size=(1, count)).astype(np.float32)
    nothing = np.zeros((size.tasks, 0, 0), np.float32)
    layout = TokenLayout(tuple(TASKS)[: size.tasks], size.grid)
    return AffinityTrace(layout, units, weights, bias, nothing, nothing, nothing, gamma=0.05)
