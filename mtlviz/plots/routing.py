"""Every routing figure of one image, for notebooks and files; pages arrange the same parts themselves."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import UInt8

from mtlviz.analysis.composite import token_provenance
from mtlviz.analysis.routing import SlotRouting, slot_routing
from mtlviz.analysis.slot_card import slot_card
from mtlviz.plots.maps import Geometry, board
from mtlviz.plots.routing_bars import occupancy_figure, token_weights_figure
from mtlviz.plots.routing_exchange import exchange_matrices, exchange_sankey
from mtlviz.plots.routing_maps import Show, pale, pick_markers, routing_panels, slot_panels
from mtlviz.plots.routing_provenance import provenance_figure
from mtlviz.trace import SlotTrace

COLUMNS = 2
VIVID, PALE = 0.7, 0.25
"""Strength of the photograph under markers and under coloured cells."""


def routing_figures(
    trace: SlotTrace,
    geometry: Geometry,
    image: UInt8[np.ndarray, "h w 3"],
    *,
    token: int | None = None,
    slot: int | None = None,
) -> dict[str, go.Figure]:
    """All figures of the routing page by file name.

    Args:
        trace: what KEM did.
        geometry: of the image and its tokens.
        image: the image itself.
        token: whose provenance is drawn; by default the first task's token in the middle of the image.
        slot: whose card is drawn; by default the slot that is read most.
    """
    routing = slot_routing(trace)
    layout, exchange = trace.layout, routing.exchange
    if token is None:
        row, column = geometry.clip(layout.grid[0] // 2, layout.grid[1] // 2)
        token = layout.token(layout.tasks[0], row, column)
    card = slot_card(trace, routing, int(routing.occupancy.argmax()) if slot is None else slot)
    provenance = token_provenance(trace, token)
    return {
        "winners": routing_board(routing, geometry, image, "winners"),
        "readers": routing_board(routing, geometry, image, "readers"),
        "occupancy": occupancy_figure(routing),
        "token_weights": token_weights_figure(provenance),
        "provenance": provenance_figure(provenance, layout, geometry, image),
        "slot": board(slot_panels(card, layout), geometry, image=pale(image, PALE), columns=COLUMNS),
        "writers_and_readers": exchange_matrices(exchange.writers, exchange.readers, exchange.tasks),
        "flows": exchange_sankey(exchange),
    }


def routing_board(routing: SlotRouting, geometry: Geometry, image: UInt8[np.ndarray, "h w 3"], show: Show) -> go.Figure:
    """The maps of all tasks in one figure with linked zoom."""
    ground = pale(image, VIVID if show == "winners" else PALE)
    fig = board(routing_panels(routing, show), geometry, image=ground, columns=COLUMNS)
    if show == "readers":
        return fig
    for index, task in enumerate(routing.layout.tasks):
        name = "" if index == 0 else str(index + 1)
        for trace in pick_markers(routing, task, geometry):
            fig.add_trace(trace.update(xaxis=f"x{name}", yaxis=f"y{name}"))
    return fig
