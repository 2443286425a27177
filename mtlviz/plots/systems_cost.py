"""What a system costs against what it gains, and which systems nobody beats in both."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from mtlviz.analysis.system_leads import front
from mtlviz.analysis.system_record import Cost
from mtlviz.analysis.systems import Row
from mtlviz.plots.collapse import NEUTRAL
from mtlviz.plots.stability import GRID_LINE
from mtlviz.plots.systems import DELTA, gain_text, interval, legend_below, looks

HEIGHT = 380
LEFT = 0.6
"""Share of the axis from which on names stand left of their markers."""


@dataclass(frozen=True)
class Price:
    """A kind of cost.

    Attributes:
        title: of the axis, with its unit.
        read: takes it from what was measured.
        decimals: it is told with.
    """

    title: str
    read: Callable[[Cost], float]
    decimals: int


PRICES: Mapping[str, Price] = {
    "GMAC": Price("multiply-accumulates an image (10⁹)", lambda cost: cost.operations["total"] / 1e9, 3),
    "parameters": Price("parameters (millions)", lambda cost: cost.parameters["total"] / 1e6, 3),
    "latency": Price("time of a forward pass, hard sharing = 1", lambda cost: cost.over_none, 2),
    "memory": Price("peak of live tensors (MiB)", lambda cost: cost.peak_bytes / 2**20, 2),
}
"""By the name of its choice."""


def cost_figure(rows: Sequence[Row], price: Price) -> go.Figure:
    """Delta_m over a cost, with a step line through the systems that nobody beats in both.

    Args:
        rows: systems; those without a gain or a cost are left out.
        price: the horizontal axis.
    """
    known = looks(row.name for row in rows)
    shown = {row.name: row for row in rows if row.cost and row.gain and math.isfinite(row.gain.mean)}
    points = {name: (price.read(row.cost), row.gain.mean) for name, row in shown.items() if row.cost and row.gain}
    best = front(points)
    limits = _room([cost for cost, _ in points.values()])
    fig = go.Figure()
    fig.add_hline(y=0, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    if len(best) > 1:
        line = {"color": NEUTRAL, "width": 1.5, "dash": "dot", "shape": "hv"}
        fig.add_scatter(x=[points[name][0] for name in best], y=[points[name][1] for name in best], mode="lines",
                        line=line, hoverinfo="skip", showlegend=False, name="nobody beats these")  # fmt: skip
    for name, row in shown.items():
        look, (cost, gain) = known[name], points[name]
        own = row.gain
        fig.add_scatter(
            x=[cost], y=[gain], mode="markers+text" if name in best else "markers", name=row.title,
            text=[f"  {row.title}  "] if name in best else None, cliponaxis=False,
            textposition="middle left" if limits and cost > limits[0] + LEFT * (limits[1] - limits[0])
            else "middle right",
            error_y=interval({"color": look.colour, "thickness": 1.5}, own) if own else {},
            marker={"symbol": look.symbol, "size": 12, "color": look.colour},
            hovertemplate=f"{row.title}<br>{price.title}: {cost:.{price.decimals}f}<br>{DELTA} {gain_text(own)}%"
                          "<extra></extra>",
        )  # fmt: skip
    fig.update_xaxes(title={"text": price.title}, showgrid=True, gridcolor=GRID_LINE, zeroline=False, nticks=7,
                     range=limits)  # fmt: skip
    fig.update_yaxes(title={"text": f"{DELTA} over each task alone (%)"}, showgrid=True, gridcolor=GRID_LINE,
                     zeroline=False)  # fmt: skip
    return legend_below(fig, len(shown), HEIGHT)


def _room(values: Sequence[float]) -> tuple[float, float] | None:
    """Ends of an axis with room for names beside the outermost markers."""
    if not values or min(values) == max(values):
        return None
    edge = 0.12 * (max(values) - min(values))
    return min(values) - edge, max(values) + edge
