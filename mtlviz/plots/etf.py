"""Class means beside an equiangular frame: cosines, angles, lengths, and the distance of every class to its vertex."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from mtlviz.analysis.etf_chance import Chance
from mtlviz.analysis.etf_geometry import ClassGeometry, ideal_angle
from mtlviz.plots.compare import SIDE_COLOURS
from mtlviz.plots.label_places import label_places
from mtlviz.plots.style import DIVERGING, finish

NEUTRAL = "#7a7f87"
CHANCE_FILL = "rgba(122,127,135,0.22)"
DASHED = {"width": 1.5, "dash": "dash", "color": NEUTRAL}
EXACT = "#d0453f"
"""Of the line that marks an exact frame."""
BIN = 5.0
"""Degrees of one bar of the histogram."""
FEW_CLASSES, MOST_NAMED = 10, 40
"""More classes are drawn without gaps; still more without names."""
FEW = 5
"""A mean of fewer tokens is drawn hollow."""


@dataclass(frozen=True)
class Named:
    """Classes as they are drawn.

    Attributes:
        names: of the classes.
        colours: hex, of the classes.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]

    @classmethod
    def of(cls, names: Sequence[str], palette: Sequence[tuple[int, int, int]], chosen: Sequence[int]) -> "Named":
        """Some classes of a task, in the order of ``chosen``."""
        return cls(
            tuple(names[label] for label in chosen), tuple("#{:02x}{:02x}{:02x}".format(*palette[i]) for i in chosen)
        )

    @property
    def ticks(self) -> list[str]:
        """Names with a chip of their colour."""
        pairs = zip(self.names, self.colours, strict=True)
        return [f'{name} <span style="color:{colour}">■</span>' for name, colour in pairs]


def gram_figure(
    cosines: Float[np.ndarray, "K K"], shown: Named, title: str, ideal: Float[np.ndarray, "K K"] | None = None
) -> go.Figure:
    """Cosines between classes on one scale, -1 to 1.

    Args:
        cosines: between every two classes.
        shown: the classes.
        title: above the matrix.
        ideal: what each cosine should be, for the text under the pointer.
    """
    numbers, gap = list(range(len(cosines))), 1 if len(cosines) <= FEW_CLASSES else 0
    fig = go.Figure(
        go.Heatmap(
            z=cosines.astype(np.float32), x=numbers, y=numbers, zmin=-1, zmax=1, colorscale=DIVERGING, xgap=gap,
            ygap=gap, hovertext=_cell_texts(cosines, shown.names, ideal), hovertemplate="%{hovertext}<extra></extra>",
            colorbar=_colour_bar("cosine"),
        )
    )  # fmt: skip
    axis = {"tickvals": numbers, "ticktext": shown.ticks, "showgrid": False, "zeroline": False, "ticks": ""}
    if len(cosines) > MOST_NAMED:
        axis = {"nticks": 8, "showgrid": False, "zeroline": False, "ticks": ""}
    size = {"size": 11 if len(numbers) > 10 else 12}
    fig.update_xaxes(**axis, tickangle=-90, tickfont=size, automargin=True)
    fig.update_yaxes(**axis, autorange="reversed", tickfont=size, automargin=True)
    fig.add_annotation(**title_note(title, 34))
    fig.update_layout(dragmode=False, margin={"l": 8, "r": 8, "t": 64, "b": 8})
    return finish(fig, height=min(430, 190 + 34 * len(numbers)))


def angle_histogram(sides: Sequence[tuple[str, ClassGeometry]], chance: Chance | None) -> go.Figure:
    """Angles between all pairs of classes, with the angle of an exact frame as a line.

    Args:
        sides: (name, class means) of one or two models or places.
        chance: of the first side; its range is shaded.
    """
    fig = go.Figure()
    edges = np.arange(0, 180 + BIN, BIN)
    if chance is not None:
        low, high = chance.angles
        fig.add_vrect(low, high, fillcolor=CHANCE_FILL, line_width=0, layer="below")
    for (name, geometry), colour in zip(sides, SIDE_COLOURS, strict=False):
        share = np.histogram(geometry.angles, edges)[0] / len(geometry.angles)
        fig.add_bar(
            x=edges[:-1] + BIN / 2, y=share, name=name,
            marker={"color": colour, "line": {"width": 1, "color": NEUTRAL}},
            customdata=np.stack([edges[:-1], edges[1:], share * len(geometry.angles)], -1),
            hovertemplate="%{customdata[0]:.0f}° to %{customdata[1]:.0f}°: %{y:.1%} of the pairs "
            "(%{customdata[2]:.0f})<extra>" + name + "</extra>",
        )  # fmt: skip
    for position, classes in enumerate(sorted({geometry.classes for _, geometry in sides})):
        angle = ideal_angle(classes)
        fig.add_vline(x=angle, line={"width": 2, "color": EXACT})
        fig.add_annotation(
            text=f"exact frame of {classes}: {angle:.1f}°", x=angle, xanchor="center" if angle < 130 else "right",
            y=1, yref="paper", yanchor="bottom", yshift=14 * position, showarrow=False,
            font={"size": 11, "color": EXACT},
        )  # fmt: skip
    fig.update_xaxes(title="angle between two class means (°)", range=[0, 180], dtick=30, zeroline=False)
    fig.update_yaxes(title="share of the pairs", tickformat=".0%", zeroline=False, nticks=5, rangemode="tozero")
    fig.update_layout(barmode="group", bargap=0.08, bargroupgap=0, dragmode=False)
    fig.update_layout(margin={"l": 56, "r": 12, "t": 36, "b": 48})
    finish(fig, height=330, legend=len(sides) > 1)
    return fig.update_layout(legend={"y": -0.24})


def norm_bars(geometry: ClassGeometry, shown: Named, title: str, top: float | None = None) -> go.Figure:
    """Lengths of the centred class means in units of their mean, which is where a frame has all of them.

    Args:
        geometry: the class means.
        shown: their classes.
        title: above the bars.
        top: end of the axis, shared with the figure beside it.
    """
    norms = geometry.norms
    mean = float(norms.mean()) or 1.0
    texts = [
        f"{name}: {norm / mean:.2f} of the mean, length {norm:.3g}"
        for name, norm in zip(shown.names, norms, strict=True)
    ]
    fig = go.Figure(
        go.Bar(
            x=list(shown.names), y=norms / mean, hovertext=texts, hovertemplate="%{hovertext}<extra></extra>",
            marker={"color": list(shown.colours), "line": {"width": 1, "color": NEUTRAL}},
        )
    )  # fmt: skip
    fig.add_hline(y=1, line=DASHED)
    fig.add_annotation(text=f"dashed: all at their mean, {mean:.3g}", xanchor="right", x=1, **_TOP)
    fig.update_xaxes(tickangle=-60, showgrid=False, ticks="", automargin=True)
    fig.update_yaxes(title="length / mean length", range=[0, top or top_norm(geometry)], zeroline=False, nticks=5)
    fig.add_annotation(**title_note(title, 20))
    fig.update_layout(bargap=0.25, dragmode=False, margin={"l": 52, "r": 8, "t": 48, "b": 8})
    return finish(fig, height=330)


def top_norm(geometry: ClassGeometry) -> float:
    """Where the axis of ``norm_bars`` ends."""
    norms = geometry.norms
    return 1.08 * max(float(norms.max() / (norms.mean() or 1.0)), 1.2)


def vertex_scatter(
    angles: Float[np.ndarray, " K"],
    shares: Float[np.ndarray, " K"],
    tokens: Int[np.ndarray, " K"],
    shown: Named,
    title: str,
    *,
    top: float,
    chance: float | None = None,
) -> go.Figure:
    """How far every class is from its vertex, against how many pixels it has.

    Args:
        angles: to the vertex, in degrees.
        shares: of the labelled pixels.
        tokens: behind each class mean; a mean of fewer than ``FEW`` is drawn hollow.
        shown: the classes.
        title: above the figure.
        top: end of the angle axis, shared with the figure beside it.
        chance: mean angle of random class means.
    """
    texts = [
        f"{name}: {angle:.1f}° from its vertex<br>{share:.2%} of the pixels, {count:,} token{'s' if count != 1 else ''}"
        for name, angle, share, count in zip(shown.names, angles, shares, tokens, strict=True)
    ]
    fig = _vertex_axes(title, top, chance)
    known = np.maximum(shares, 1e-6)
    low, high = float(np.log10(known.min())) - 0.25, float(np.log10(known.max())) + 0.25
    fig.add_scatter(
        x=known, y=angles, mode="markers+text", text=list(shown.names), textfont={"size": 11}, cliponaxis=False,
        textposition=label_places((np.log10(known) - low) / (high - low), angles / top, shown.names),
        hovertext=texts, hovertemplate="%{hovertext}<extra></extra>",
        marker={
            "size": 11, "color": list(shown.colours), "line": {"width": 1.5, "color": NEUTRAL},
            "symbol": ["circle" if count >= FEW else "circle-open" for count in tokens],
        },
    )  # fmt: skip
    fig.update_xaxes(range=[low, high])
    return fig


def _vertex_axes(title: str, top: float, chance: float | None) -> go.Figure:
    fig = go.Figure()
    if chance is not None and np.isfinite(chance):
        fig.add_hline(y=chance, line=DASHED)
        fig.add_annotation(text=f"dashed: random directions, {chance:.0f}°", xanchor="right", x=1, **_TOP)
    fig.update_xaxes(title="share of the pixels", type="log", tickformat="~%", dtick=1, zeroline=False)
    fig.update_yaxes(title="angle to its vertex (°)", range=[0, top], zeroline=False, nticks=6)
    fig.add_annotation(**title_note(title, 20))
    fig.update_layout(dragmode=False, margin={"l": 52, "r": 12, "t": 48, "b": 48})
    return finish(fig, height=390)


def _cell_texts(
    cosines: Float[np.ndarray, "K K"], names: Sequence[str], ideal: Float[np.ndarray, "K K"] | None
) -> list[list[str]]:
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    texts = []
    for row, first in enumerate(names):
        line = []
        for column, second in enumerate(names):
            text = f"{first} and {second}: cosine {cosines[row, column]:+.3f}, {angles[row, column]:.1f}°"
            if ideal is not None and row != column:
                should = float(np.degrees(np.arccos(np.clip(ideal[row, column], -1, 1))))
                gap = cosines[row, column] - ideal[row, column]
                text += f"<br>frame: {ideal[row, column]:+.3f}, {should:.1f}°; difference {gap:+.3f}"
            line.append(text)
        texts.append(line)
    return texts


def _colour_bar(title: str) -> dict[str, Any]:
    return {
        "orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0.5, "thickness": 7, "len": 0.8, "ypad": 2,
        "tickvals": [-1, 0, 1], "ticktext": [f"{title} −1", "0", "1"], "tickangle": 0, "ticks": "",
        "outlinewidth": 0, "tickfont": {"size": 11}, "ticklabelposition": "outside top",
    }  # fmt: skip


def title_note(text: str, above: int) -> dict[str, Any]:
    """The title of a figure as an annotation, so many pixels above the plot."""
    return {
        "text": f"<b>{text}</b>", "x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "paper",
        "yanchor": "bottom", "yshift": above, "showarrow": False, "font": {"size": 14},
    }  # fmt: skip


_TOP: dict[str, Any] = {"xref": "paper", "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
                        "font": {"size": 11}}  # fmt: skip
"""A small note above the plot."""
