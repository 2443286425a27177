"""Predictions and labels as maps: each kind of task in its own colours, with what hovering reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, UInt8

from mtlviz.analysis.compare import Difference, symmetric_range
from mtlviz.analysis.scene import ClassShare
from mtlviz.plots.maps import Hover, Layer, Panel, Scale
from mtlviz.plots.style import DIVERGING, MISSING, SEQUENTIAL, SEQUENTIAL_ALTERNATIVE, colours, finish
from mtlviz.predictions import Prediction
from mtlviz.tasks import Task

Range = tuple[float, float]
HOVER_CELLS = 64
"""Hovering reads at most this many values along the longer side."""
WRONG = (196, 30, 58)
VEIL = (128, 128, 128, 150)
"""Over what is right, so that no red thing in the image passes for an error."""
SOURCE_SYMBOLS = {"diamond": "diamonds", "circle-open": "circles", "square-open": "squares"}
"""Markers of the second, third and fourth source of class shares, with their plural."""


@dataclass(frozen=True)
class View:
    """How maps are drawn.

    Attributes:
        depth: metres at the ends of the depth scale, shared by all that is compared.
        opacity: of the map over the image, 0 to 1.
        fade: let uncertain pixels fade, by the probability of their class.
    """

    depth: Range
    opacity: float = 1.0
    fade: bool = True


def picture(task: Task, values: np.ndarray, depth: Range) -> UInt8[np.ndarray, "H W 3"]:
    """Values of a task in its colours, without legend.

    Args:
        task: gives kind and palette.
        values: as in ``Prediction.values``; labels of 255 and NaN become grey.
        depth: metres at the ends of the depth scale.
    """
    if task.kind == "classes":
        table = np.full((256, 3), MISSING, np.uint8)
        table[: task.channels] = task.palette
        coloured: np.ndarray = table[values]
        return coloured
    if task.kind == "normals":
        encoded: np.ndarray = ((values + 1) * 127.5).round().clip(0, 255).astype(np.uint8)
        return encoded
    if task.kind == "depth":
        return colours(values, *depth)
    return colours(values.astype(np.float32), 0, 1)


def depth_range(*maps: np.ndarray) -> Range:
    """Shared ends of the depth scale: 1st and 99th percentile of all maps together, to 0.1 m."""
    known = np.concatenate([one[np.isfinite(one)].ravel() for one in maps])
    low, high = np.percentile(known, (1, 99)) if known.size else (0.0, 1.0)
    low = float(np.floor(low * 10) / 10)
    return low, max(float(np.ceil(high * 10) / 10), low + 0.1)


def prediction_panel(prediction: Prediction, title: str, view: View, note: str = "") -> Panel:
    """A prediction over its image."""
    task = prediction.task
    drawn = picture(task, prediction.values, view.depth)
    if view.fade and prediction.certainty is not None:
        drawn = np.concatenate([drawn, (prediction.certainty * 255).astype(np.uint8)[..., None]], -1)
    hover = _hover(task, prediction.values, prediction.certainty)
    return Panel(title, (Layer(drawn, opacity=view.opacity),), scale=_scale(task, view), hover=hover, note=note)


def truth_panel(
    task: Task, label: np.ndarray, valid: Bool[np.ndarray, "H W"], view: View, title: str = "Ground truth"
) -> Panel:
    """Labels over their image; pixels without a label are grey."""
    drawn = picture(task, label, view.depth)
    drawn[~valid] = MISSING
    return Panel(
        title, (Layer(drawn, opacity=view.opacity),), scale=_scale(task, view), hover=_hover(task, label, None)
    )


def error_limit(*errors: Difference) -> float:
    """End of the error scale that several error maps share."""
    if errors[0].task.kind in ("classes", "binary"):
        return 1.0
    return max(symmetric_range(error.values, 98) for error in errors) or 1.0


def error_panel(error: Difference, limit: float, view: View, title: str = "Error", note: str = "") -> Panel:
    """Where a prediction is wrong, and by how much.

    Args:
        error: prediction minus label.
        limit: end of the scale.
        view: gives the opacity.
        title: of the panel.
        note: under the title.
    """
    task, values = error.task, error.values
    if task.kind == "classes":
        rgba = np.full((*values.shape, 4), VEIL, np.uint8)
        rgba[values == 1] = (*WRONG, 255)
        rgba[np.isnan(values)] = (*MISSING, 255)
        hover = Hover(_sampled(np.where(values == 1, "wrong", "right")), on="image")
        return Panel(title, (Layer(rgba, opacity=view.opacity),), hover=hover, note=note)
    if task.kind == "normals":
        scale = Scale(0, limit, "angle to the truth (°)", SEQUENTIAL_ALTERNATIVE)
    else:
        what = "depth − truth (m)" if task.kind == "depth" else "probability − truth"
        scale = Scale(-limit, limit, what, DIVERGING)
    layer = Layer(colours(values, scale.low, scale.high, scale.colours), opacity=view.opacity)
    template = {"depth": "off by %{z:+.2f} m", "normals": "off by %{z:.0f}°"}.get(task.kind, "off by %{z:+.2f}")
    hover = Hover(on="image", values=_sampled(values), template=template)
    return Panel(title, (layer,), scale=scale, hover=hover, note=note)


def value_text(task: Task, values: np.ndarray, certainty: np.ndarray | None, row: int, column: int) -> str:
    """One pixel in words: class and probability, metres, direction, or probability."""
    value = values[row, column]
    if task.kind == "classes":
        name = task.class_names[value] if value < task.channels else "no label"
        return name if certainty is None else f"{name} ({certainty[row, column]:.2f})"
    if task.kind == "normals":
        shown = np.round(value, 2) + 0.0  # 0.0 takes the sign off -0.0
        return "x {:.2f}, y {:.2f}, z {:.2f}".format(*shown).replace("-", "−")
    return f"{value:.2f} m" if task.kind == "depth" else f"{value:.2f}"


def shares_figure(task: Task, shares: Mapping[str, Sequence[ClassShare]], least: float = 0.001) -> go.Figure:
    """Legend and numbers in one: a bar a class in its colour for the first source, markers for the others.

    Args:
        task: gives the colours.
        shares: by source, e.g. model or ground truth.
        least: classes below this share in every source are left out.
    """
    sources = list(shares)
    by_source = {source: {one.label: one.share for one in shares[source]} for source in sources}
    present = {label for found in by_source.values() for label, share in found.items() if share >= least}
    order = sorted(present, key=lambda label: max(found.get(label, 0) for found in by_source.values()))
    first = [by_source[sources[0]].get(label, 0.0) for label in order]
    names = [f"{task.class_names[label]}  <b>{share:.1%}</b>" for label, share in zip(order, first, strict=True)]
    fig = go.Figure(
        go.Bar(
            x=first, y=names, orientation="h", name=sources[0], hovertemplate="%{x:.1%}<extra>%{y}</extra>",
            marker={"color": [_css(task.palette[label]) for label in order],
                    "line": {"color": "rgba(128,128,128,.6)", "width": 1}},
        )
    )  # fmt: skip
    for source, symbol in zip(sources[1:], SOURCE_SYMBOLS, strict=False):
        fig.add_scatter(
            x=[by_source[source].get(label, 0.0) for label in order], y=names, mode="markers", name=source,
            marker={"symbol": symbol, "size": 10, "color": "#808890", "line": {"color": "#808890", "width": 1.5}},
            hovertemplate=f"{source}: %{{x:.1%}}<extra></extra>",
        )  # fmt: skip
    fig.update_layout(
        xaxis={"tickformat": ".0%", "rangemode": "tozero", "title": "share of the pixels", "zeroline": False,
               "gridcolor": "rgba(128,128,128,.2)"},
        yaxis={"automargin": True, "ticks": ""}, margin={"l": 8, "r": 8, "t": 8, "b": 44}, bargap=0.25,
    )  # fmt: skip
    return finish(fig, height=70 + 22 * len(order))


def shares_key(sources: Sequence[str]) -> str:
    """Which mark of ``shares_figure`` is which source, in words without a full stop."""
    marks = [f"{mark} {source}" for source, mark in zip(sources[1:], SOURCE_SYMBOLS.values(), strict=False)]
    left = sources[1 + len(SOURCE_SYMBOLS) :]
    said = ", ".join([f"bars and numbers are {sources[0]}", *marks])
    return said + (f" ({' and '.join(left)} only in the data)" if left else "")


def _scale(task: Task, view: View) -> Scale | None:
    if task.kind == "depth":
        return Scale(*view.depth, "depth (m)", SEQUENTIAL)
    if task.kind == "binary":
        return Scale(0, 1, "probability", SEQUENTIAL)
    return None


def _hover(task: Task, values: np.ndarray, certainty: np.ndarray | None) -> Hover:
    sampled = _sampled(values)
    if task.kind == "classes":
        names = np.array([*task.class_names, *["no label"] * (256 - task.channels)])[sampled]
        if certainty is None:
            return Hover(names, on="image")
        sure = np.char.mod("%.2f", _sampled(certainty))
        return Hover(np.char.add(np.char.add(names, ", probability "), sure), on="image")
    if task.kind == "normals":
        angle = np.rad2deg(np.arccos(np.clip(sampled[..., 2], -1, 1)))
        texts = [
            f"x {x:.2f}, y {y:.2f}, z {z:.2f}<br>{degrees:.0f}° from facing the camera"
            for (x, y, z), degrees in zip(sampled.reshape(-1, 3), angle.ravel(), strict=True)
        ]
        return Hover(np.array(texts).reshape(angle.shape), on="image")
    template = "%{z:.2f} m" if task.kind == "depth" else "probability %{z:.2f}"
    return Hover(on="image", values=sampled.astype(np.float32), template=template)


def _sampled(values: np.ndarray) -> np.ndarray:
    """At most ``HOVER_CELLS`` values along the longer side, from the middle of the cells."""
    picks = []
    for size in values.shape[:2]:
        count = max(1, round(size * min(1, HOVER_CELLS / max(values.shape[:2]))))
        picks.append(((np.arange(count) + 0.5) * size / count).astype(int))
    sampled: np.ndarray = values[picks[0][:, None], picks[1][None]]
    return sampled


def _css(colour: tuple[int, int, int]) -> str:
    return f"rgb({colour[0]},{colour[1]},{colour[2]})"
