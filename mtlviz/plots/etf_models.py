"""How far every model is from equal angles, before its projection and after it."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from mtlviz.plots.etf import DASHED, NEUTRAL
from mtlviz.plots.style import finish

COLOUR = "#4a7fb0"


@dataclass(frozen=True)
class Change:
    """Mean gap to the equal angle of one model, in degrees.

    Attributes:
        model: its name.
        before: at the task encoder's output.
        after: at the interaction's input.
    """

    model: str
    before: float
    after: float


def change_figure(changes: Sequence[Change], chance: float) -> go.Figure:
    """One line a model, from before to after.

    Args:
        changes: from top to bottom.
        chance: the gap of random class means.
    """
    names = [change.model for change in changes]
    before, after = [change.before for change in changes], [change.after for change in changes]
    fig = go.Figure()
    for change in changes:
        fig.add_scatter(x=[change.before, change.after], y=[change.model] * 2, mode="lines", hoverinfo="skip",
                        line={"width": 3, "color": NEUTRAL}, opacity=0.6, showlegend=False)  # fmt: skip
    hollow = {"size": 12, "color": COLOUR, "symbol": "circle-open", "line": {"width": 2.5, "color": COLOUR}}
    hover = "%{y}, %{x:.1f}° from equal angles<extra>"
    fig.add_scatter(x=before, y=names, mode="markers", name="task encoder", marker=hollow,
                    hovertemplate=f"{hover}task encoder</extra>")  # fmt: skip
    fig.add_scatter(x=after, y=names, mode="markers", name="interaction input",
                    marker={"size": 12, "color": COLOUR, "line": {"width": 1, "color": NEUTRAL}},
                    hovertemplate=f"{hover}interaction input</extra>")  # fmt: skip
    fig.add_vline(x=chance, line=DASHED)
    fig.add_annotation(text=f"dashed: random directions, {chance:.1f}°", x=1, xref="paper", xanchor="right", y=1,
                       yref="paper", yanchor="bottom", showarrow=False, font={"size": 11})  # fmt: skip
    top = 1.1 * max([value for value in (*before, *after, chance) if value == value])
    fig.update_xaxes(title="mean gap to the equal angle (°)", range=[0, top], zeroline=False)
    fig.update_yaxes(autorange="reversed", automargin=True, ticksuffix="  ", showgrid=False)
    fig.update_layout(dragmode=False, margin={"l": 8, "r": 12, "t": 28, "b": 46})
    finish(fig, height=150 + 34 * len(changes), legend=True)
    return fig.update_layout(legend={"y": -0.16 - 0.6 / max(len(changes), 1), "traceorder": "normal"})
