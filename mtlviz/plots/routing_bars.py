"""One bar a slot: occupancy of an image or a set, and the weights of one token over the slots."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from mtlviz.analysis.composite import TokenProvenance
from mtlviz.analysis.occupancy import DEAD_SHARE
from mtlviz.analysis.routing import SlotRouting
from mtlviz.analysis.routing_summary import RoutingSummary
from mtlviz.plots.style import finish, slot_colour, slot_label, slot_symbol

NEUTRAL = "#7a7f87"
DASHED = {"width": 1.5, "dash": "dash", "color": NEUTRAL}
FADED = 0.35
HEADROOM = 2.2
"""The axis reaches at least this many equal shares, so that equal bars look equal and not tall."""


def occupancy_figure(routing: SlotRouting, slot: int | None = None) -> go.Figure:
    """Occupancy of every slot of one image; the bars double as the legend of the slots.

    Args:
        routing: of the image.
        slot: drawn in full while the others fade; None draws all alike.
    """
    texts = [
        f"{slot_label(number)}: {share:.3f}, first choice of {routing.won[number]:.0%} of the tokens"
        + (", dead" if routing.dead[number] else "")
        for number, share in enumerate(routing.occupancy)
    ]
    fig = _slot_bars(routing.occupancy, texts, "occupancy", slot)
    dead = DEAD_SHARE / routing.slots
    fig.add_hline(y=dead, line={"width": 1.5, "dash": "dot", "color": NEUTRAL})
    return finish(fig, height=190)


def set_occupancy_figure(summary: RoutingSummary) -> go.Figure:
    """Mean occupancy of every slot over a set of images, with its standard deviation between images."""
    spread = None if summary.count < 2 else summary.occupancy.spread
    texts = [
        f"{slot_label(slot)}: {mean:.3f}"
        + ("" if spread is None else f" ± {spread[slot]:.3f}")
        + f", dead in {summary.dead.mean[slot]:.0%} of the images (n = {summary.count})"
        for slot, mean in enumerate(summary.occupancy.mean)
    ]
    fig = _slot_bars(summary.occupancy.mean, texts, "mean occupancy", None, spread)
    return finish(fig, height=220)


def token_weights_figure(provenance: TokenProvenance, slot: int | None = None) -> go.Figure:
    """How much one token reads each slot, one bar a row.

    Args:
        provenance: of the token.
        slot: drawn in full while the others fade; None draws all alike.
    """
    weights = provenance.slots
    numbers, equal = list(range(len(weights))), 1 / len(weights)
    top = max(float(weights.max()) * 1.15, HEADROOM * equal)
    fig = go.Figure(
        go.Bar(
            x=weights, y=numbers, orientation="h", marker=_colours(len(weights), slot), name="Write weight",
            hovertext=[f"{slot_label(number)}: weight {weight:.3f}" for number, weight in enumerate(weights)],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )  # fmt: skip
    fig.add_scatter(x=[-0.04 * top] * len(weights), y=numbers, **_marks(len(weights), slot))
    fig.add_vline(x=equal, line=DASHED)
    fig.add_annotation(text=_equal_text(equal), x=1, y=1, **_CORNER)
    fig.update_yaxes(tickvals=numbers, ticktext=list(map(slot_label, numbers)), showgrid=False, zeroline=False,
                     range=[len(weights) - 0.4, -0.6], tickfont={"size": 11}, ticks="")  # fmt: skip
    fig.update_xaxes(title="Write weight", range=[-0.08 * top, top], zeroline=False, showgrid=False, nticks=4)
    fig.update_layout(bargap=0.25, dragmode=False, margin={"l": 52, "r": 8, "t": 20, "b": 40})
    return finish(fig, height=17 * len(weights) + 60)


def _slot_bars(
    values: Float[np.ndarray, " L"],
    texts: list[str],
    title: str,
    slot: int | None,
    spread: Float[np.ndarray, " L"] | None = None,
) -> go.Figure:
    numbers, equal = list(range(len(values))), 1 / len(values)
    top = max(float((values if spread is None else values + spread).max()) * 1.15, HEADROOM * equal)
    error = None if spread is None else {"array": spread, "thickness": 1.5, "width": 3, "color": NEUTRAL}
    fig = go.Figure(
        go.Bar(
            x=numbers, y=values, error_y=error, hovertext=texts, hovertemplate="%{hovertext}<extra></extra>",
            marker=_colours(len(values), slot), name=title,
        )
    )  # fmt: skip
    fig.add_scatter(x=numbers, y=[-0.07 * top] * len(values), **_marks(len(values), slot))
    fig.add_hline(y=equal, line=DASHED)
    fig.add_annotation(text=_equal_text(equal), x=1, y=1, **_CORNER)
    fig.update_xaxes(
        tickvals=numbers, ticktext=[str(number) for number in numbers], tickangle=0, showgrid=False, ticks="",
        range=[-0.6, len(values) - 0.4], title={"text": "slot", "standoff": 6},
    )  # fmt: skip
    fig.update_yaxes(title=title, range=[-0.14 * top, top], zeroline=False, showgrid=False, nticks=4)
    fig.update_layout(bargap=0.25, dragmode=False, margin={"l": 52, "r": 8, "t": 20, "b": 46})
    return fig


def _colours(slots: int, slot: int | None) -> dict[str, Any]:
    return {
        "color": [slot_colour(number) for number in range(slots)],
        "opacity": [1.0 if slot in (None, number) else FADED for number in range(slots)],
        "line": {"width": [2 if number == slot else 0 for number in range(slots)], "color": NEUTRAL},
    }


def _marks(slots: int, slot: int | None) -> dict[str, Any]:
    """The symbols of the slots beside their bars: the legend of the maps."""
    symbols = [slot_symbol(number) for number in range(slots)]
    marker = {**_colours(slots, slot), "symbol": symbols, "size": 9, "line": {"width": 1, "color": NEUTRAL}}
    return {"mode": "markers", "hoverinfo": "skip", "cliponaxis": False, "marker": marker, "name": "marks"}


def _equal_text(equal: float) -> str:
    return f"dashed: equal share {equal:.2g}"


_CORNER: dict[str, Any] = {
    "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom", "showarrow": False,
    "font": {"size": 11},
}  # fmt: skip
