"""Affinities of the whole image: pooled overviews, and agreement between tasks, as matrices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from mtlviz.analysis.affinity.overview import Blocks
from mtlviz.plots.style import DIVERGING, FONT_SIZE, SEQUENTIAL, finish

LINE = "#7a7f87"
"""Between segments."""
NARROW = 0.025
"""Segments with a smaller share of the blocks have no name at the axis; hovering tells."""
MOST_ROWS = 5
"""More rows of blocks than that are named at every other one."""


@dataclass(frozen=True)
class Segments:
    """Names and colours of the labels that order an overview.

    Attributes:
        names: by label.
        colours: by label, hex.
    """

    names: Sequence[str]
    colours: Sequence[str]

    def name(self, label: int) -> str:
        """What a label means."""
        return self.names[label] if label >= 0 else "no label"

    def tick(self, label: int) -> str:
        """Name with a chip of its colour."""
        chip = f' <span style="color:{self.colours[label]}">■</span>' if label >= 0 else ""
        return f"{self.name(label)}{chip}"


def block_names(blocks: Blocks, grid: tuple[int, int], segments: Segments | None = None) -> list[str]:
    """What every block of an overview is, each name once.

    Args:
        blocks: of the overview.
        grid: (rows, columns) of the positions.
        segments: names of the labels, where blocks go by segment.
    """
    names = []
    counts = {label: int((blocks.segments == label).sum()) for label in set(blocks.segments.tolist())}
    seen: dict[int, int] = {}
    for block, label in enumerate(blocks.segments.tolist()):
        rows, columns = np.divmod(np.flatnonzero(blocks.member == block), grid[1])
        where = f"{_range('row', rows)}, {_range('column', columns)}"
        if segments is None:
            names.append(where)
            continue
        seen[label] = seen.get(label, 0) + 1
        names.append(f"{segments.name(label)}, part {seen[label]} of {counts[label]} ({where})")
    return names


def overview_figure(
    pooled: Float[np.ndarray, "k k"],
    blocks: Blocks,
    names: Sequence[str],
    title: str,
    *,
    limit: float,
    what: str,
    segments: Segments | None = None,
) -> go.Figure:
    """Mean affinity between every two blocks, on a scale centred at 0.

    Args:
        pooled: queries in rows, keys in columns.
        blocks: of the rows and columns.
        names: of the blocks, each once.
        title: above the matrix.
        limit: end of the scale.
        what: a value is, for the pointer and the colour bar.
        segments: names of the labels, where blocks go by segment; lines are drawn between them.
    """
    fig = go.Figure(
        go.Heatmap(
            z=pooled.astype(np.float32), x=list(names), y=list(names), zmin=-limit, zmax=limit, colorscale=DIVERGING,
            hovertemplate="%{y}<br>%{x}<br>" + what + " %{z:+.4f}<extra></extra>", colorbar=_bar(what, limit),
        )
    )  # fmt: skip
    axis = {"type": "category", "showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True}
    if segments is None:
        ticks = _row_ticks(names)
    else:
        edges = np.flatnonzero(np.diff(blocks.segments)) + 0.5
        fig.update_layout(shapes=[line for edge in edges for line in _lines(float(edge), len(names))])
        ticks = _segment_ticks(blocks, names, segments)
    fig.update_xaxes(**axis, **ticks, tickangle=-90, tickfont={"size": FONT_SIZE - 2}, automargin=True)
    fig.update_yaxes(**axis, **ticks, tickfont={"size": FONT_SIZE - 2}, automargin=True)
    fig.update_yaxes(autorange="reversed", scaleanchor="x", constrain="domain", constraintoward="top")
    fig.update_xaxes(constrain="domain", constraintoward="left")
    fig.add_annotation(
        text=f"<b>{title}</b>", x=0, y=1, xref="paper", yref="paper", xanchor="left", yanchor="bottom", yshift=30,
        showarrow=False, font={"size": FONT_SIZE + 1},
    )  # fmt: skip
    fig.update_layout(dragmode=False, margin={"l": 8, "r": 8, "t": 56, "b": 8})
    return finish(fig, height=350)


def agreement_figure(values: Float[np.ndarray, "k k"], names: Sequence[str], title: str, *, signed: bool) -> go.Figure:
    """Agreement between every two, with its number in every cell.

    Args:
        values: symmetric, NaN where it is not defined.
        names: of rows and columns.
        title: above the matrix.
        signed: -1 to 1 on colours centred at 0; else 0 to 1.
    """
    texts = [[f"{value:.2f}".replace("-", "−") if np.isfinite(value) else "none" for value in row]
             for row in values.tolist()]  # fmt: skip
    fig = go.Figure(
        go.Heatmap(
            z=values.astype(np.float32), x=list(names), y=list(names), zmin=-1 if signed else 0, zmax=1,
            colorscale=DIVERGING if signed else SEQUENTIAL, showscale=False, xgap=2, ygap=2, text=texts,
            texttemplate="%{text}", hovertemplate="%{y} and %{x}: %{z:.4f}<extra></extra>",
        )
    )  # fmt: skip
    fig.update_layout(
        title={"text": title, "x": 0, "xref": "paper"}, margin={"l": 8, "r": 8, "t": 36, "b": 8}, dragmode=False
    )
    fig.update_xaxes(automargin=True, tickangle=0, ticks="", showgrid=False, zeroline=False, fixedrange=True)
    fig.update_yaxes(autorange="reversed", automargin=True, ticks="", showgrid=False, zeroline=False, fixedrange=True)
    return finish(fig, height=110 + 44 * len(names))


def _segment_ticks(blocks: Blocks, names: Sequence[str], segments: Segments) -> dict[str, list[str]]:
    """A name in the middle of every segment that has room for one."""
    places, texts = [], []
    for label in dict.fromkeys(blocks.segments.tolist()):
        those = np.flatnonzero(blocks.segments == label)
        if len(those) >= NARROW * len(names):
            places.append(names[int(those[len(those) // 2])])
            texts.append(segments.tick(label))
    return {"tickvals": places, "ticktext": texts}


def _row_ticks(names: Sequence[str]) -> dict[str, list[str]]:
    """Where the blocks of a new row of the grid begin, for every other such row where there are many."""
    rows = [name.split(",")[0].replace("rows", "row").split("–")[0] for name in names]
    first = [index for index, row in enumerate(rows) if index == 0 or rows[index - 1] != row]
    kept = first[:: 1 if len(first) <= MOST_ROWS else 2]
    return {"tickvals": [names[index] for index in kept], "ticktext": [rows[index] for index in kept]}


def _lines(edge: float, count: int) -> list[dict[str, object]]:
    line = {"type": "line", "line": {"color": LINE, "width": 1}}
    across = {"x0": -0.5, "x1": count - 0.5, "y0": edge, "y1": edge}
    return [{**line, **across}, {**line, "x0": edge, "x1": edge, "y0": -0.5, "y1": count - 0.5}]


def _bar(what: str, limit: float) -> dict[str, object]:
    end = f"{limit:.2g}"
    return {
        "orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0.5, "thickness": 7, "len": 1.0, "ypad": 2,
        "tickvals": [-limit, 0, limit], "ticktext": [f"−{end}", f"{what} 0", end], "tickangle": 0, "ticks": "",
        "outlinewidth": 0, "tickfont": {"size": FONT_SIZE - 1}, "ticklabelposition": "outside top",
    }  # fmt: skip


def _range(what: str, values: np.ndarray) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{what} {low}" if low == high else f"{what}s {low}–{high}"
