"""What of the leaked mass no softmax can avoid, as tokens, tasks and the range of the logits grow (kem.md 2.6)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from mtlviz.analysis.noise.floors import row_floors
from mtlviz.plots.collapse import MODEL_COLOURS, MODEL_SYMBOLS, NEUTRAL
from mtlviz.plots.noise import framed
from mtlviz.plots.stability import GRID_LINE

MOST_TOKENS = 100_000
"""Right end of the axis of tokens."""
LARGEST_RANGE = 6.0
"""Right end of the axis of logit half ranges, in nats."""


@dataclass(frozen=True)
class Measured:
    """One model on the image as tokens or tasks are let in; ``(points,)`` each.

    Attributes:
        title: of the model.
        side: 0 for A, 1 for B.
        count: of tokens or tasks that could be read.
        noise: mass on irrelevant tokens.
        chance: the same if all were read alike.
        floor: the least that its softmax has to leave; NaN where none holds.
    """

    title: str
    side: int
    count: Float[np.ndarray, " points"]
    noise: Float[np.ndarray, " points"]
    chance: Float[np.ndarray, " points"]
    floor: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class RangeMark:
    """One model on the axis of logit ranges.

    Attributes:
        title: of the model.
        side: 0 for A, 1 for B.
        half_range: mean B over tokens.
        low: B that 5% of the tokens stay below.
        high: B that 5% are above.
        mass: mean mass that leaks.
        what: leaks, in words.
    """

    title: str
    side: int
    half_range: float
    low: float
    high: float
    mass: float
    what: str


@dataclass(frozen=True)
class Setting:
    """What the sliders say.

    Attributes:
        tokens: of one task, N.
        tasks: T.
        relevant: m.
        half_range: B in nats.
    """

    tokens: int
    tasks: int
    relevant: int
    half_range: float

    @property
    def candidates(self) -> int:
        """n, tokens of the other tasks."""
        return (self.tasks - 1) * self.tokens

    @property
    def chance(self) -> float:
        """Leaked mass of a token that reads all candidates alike."""
        return 1 - min(self.relevant / self.candidates, 1.0)

    @property
    def floor(self) -> float:
        """The least leaked mass."""
        return float(row_floors(np.array([self.chance]), np.array([float(self.half_range)]))[0])

    def half_range_for(self, mass: float) -> float:
        """B that is needed for no more than this mass to leak; 0 where none is."""
        if self.chance <= mass:
            return 0.0
        return float((np.log(self.chance / (1 - self.chance)) + np.log((1 - mass) / mass)) / 2)


def token_figure(measured: Sequence[Measured], setting: Setting, *, grow: bool = False) -> go.Figure:
    """Leaked mass against the number of tokens: what was measured, and the floor of the sliders' softmax.

    Args:
        measured: of the models.
        setting: of the sliders.
        grow: the relevant tokens keep their share of all tokens instead of their number.
    """
    counts = np.unique(np.geomspace(max(setting.relevant, 8), MOST_TOKENS, 160).round())
    fig = _over(counts, counts, measured, setting, grow)
    fig.add_scatter(
        x=[setting.candidates], y=[setting.floor], mode="markers", showlegend=False, name="the sliders",
        marker={"symbol": "x", "size": 11, "color": NEUTRAL},
        hovertemplate="sliders: n = %{x:,}, at least %{y:.1%} leaks<extra></extra>",
    )  # fmt: skip
    fig.update_xaxes(title={"text": "tokens that could be read, n"}, type="log", range=[1.5, np.log10(MOST_TOKENS)],
                     tickvals=[100, 1000, 10_000, 100_000], ticktext=["100", "1,000", "10,000", "100,000"],
                     showgrid=False, zeroline=False)  # fmt: skip
    return _shares(fig, "as tokens grow")


def task_figure(measured: Sequence[Measured], setting: Setting, *, grow: bool = False) -> go.Figure:
    """The same against the number of tasks that a token can read, each with the sliders' N tokens."""
    most = max([setting.tasks - 1, *(int(one.count.max()) for one in measured if len(one.count))])
    tasks = np.arange(1, most + 1, dtype=float)
    fig = _over(tasks, tasks * setting.tokens, measured, setting, grow)
    fig.add_scatter(
        x=[setting.tasks - 1], y=[setting.floor], mode="markers", showlegend=False, name="the sliders",
        marker={"symbol": "x", "size": 11, "color": NEUTRAL},
        hovertemplate="sliders: T − 1 = %{x}, at least %{y:.1%} leaks<extra></extra>",
    )  # fmt: skip
    fig.update_xaxes(title={"text": "tasks that could be read"}, dtick=1, range=[0.7, most + 0.3], showgrid=False,
                     zeroline=False)  # fmt: skip
    return _shares(fig, "as tasks grow")


def _over(
    x: Float[np.ndarray, " k"],
    counts: Float[np.ndarray, " k"],
    measured: Sequence[Measured],
    setting: Setting,
    grow: bool,
) -> go.Figure:
    """The sliders' floor at these numbers of tokens, and the models."""
    chance = np.full(len(counts), setting.chance) if grow else 1 - np.minimum(setting.relevant / counts, 1)
    kept = f"m/n = {1 - setting.chance:.1%}" if grow else f"m = {setting.relevant:,}"
    fig = go.Figure()
    fig.add_scatter(
        x=x, y=row_floors(chance, np.full(len(counts), float(setting.half_range))), mode="lines",
        name=f"floor, B = {setting.half_range:g}, {kept}", line={"color": NEUTRAL, "width": 2.5},
        hovertemplate="%{x:,}: at least %{y:.1%} leaks<extra></extra>",
    )  # fmt: skip
    for one in measured:
        fig.add_traces(_measured(one))
    return fig


def range_figure(marks: Sequence[RangeMark], setting: Setting, slots: int | None) -> go.Figure:
    """Leaked mass against the logits' half range: the floor, and where the models are.

    Args:
        marks: the models.
        setting: of the sliders.
        slots: L of a model whose Write competes over slots; None without one.
    """
    ranges, fig = np.linspace(0, LARGEST_RANGE, 121), go.Figure()
    lines = [(f"floor, m = {setting.relevant:,} of n = {setting.candidates:,}", setting.chance, "solid")]
    if slots is not None:
        lines.append((f"floor of Write, 1 of {slots} slots", 1 - 1 / slots, "dashdot"))
    for name, chance, dash in lines:
        fig.add_scatter(
            x=ranges, y=row_floors(np.full(len(ranges), chance), ranges), mode="lines", name=name,
            line={"color": NEUTRAL, "width": 2.5 if dash == "solid" else 1.5, "dash": dash},
            hovertemplate="B = %{x:.2f}: at least %{y:.1%} leaks<extra></extra>",
        )  # fmt: skip
    for mark in marks:
        colour = MODEL_COLOURS[mark.side]
        fig.add_scatter(
            x=[mark.half_range], y=[mark.mass], mode="markers", name=f"{mark.title}: {mark.what}",
            marker={"symbol": MODEL_SYMBOLS[mark.side], "size": 11, "color": colour},
            error_x={"type": "data", "symmetric": False, "array": [mark.high - mark.half_range],
                     "arrayminus": [mark.half_range - mark.low], "color": colour, "thickness": 2, "width": 0},
            hovertemplate=f"{mark.title}: {mark.what} %{{y:.1%}} at B = %{{x:.2f}}<extra></extra>",
        )  # fmt: skip
    fig.add_vline(x=setting.half_range, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"})
    fig.update_xaxes(title={"text": "half range of the logits, B (nats)"}, range=[0, LARGEST_RANGE], showgrid=False,
                     zeroline=False)  # fmt: skip
    return _shares(fig, "as the logit range grows")


def _measured(one: Measured) -> list[go.Scatter]:
    """Noise, chance and floor of one model as lines."""
    colour = MODEL_COLOURS[one.side]
    parts = (("measured", one.noise, "solid", MODEL_SYMBOLS[one.side]), ("at chance", one.chance, "dot", "line-ew"),
             ("its floor", one.floor, "dash", f"{MODEL_SYMBOLS[one.side]}-open"))  # fmt: skip
    return [
        go.Scatter(
            x=one.count, y=values, mode="lines" if name == "at chance" else "lines+markers",
            name=f"{one.title}, {name}",
            line={"color": colour, "width": 2 if name == "measured" else 1.5, "dash": dash},
            marker={"symbol": symbol, "size": 8, "color": colour},
            hovertemplate=f"{one.title}, {name}, at %{{x:,.0f}}: %{{y:.1%}}<extra></extra>",
        )
        for name, values, dash, symbol in parts
        if np.isfinite(values).any()
    ]  # fmt: skip


def _shares(fig: go.Figure, title: str) -> go.Figure:
    fig.update_yaxes(range=[0, 1.02], tickformat=".0%", showgrid=True, gridcolor=GRID_LINE, zeroline=False)
    return framed(fig, title)
