"""How every figure looks: colours with one meaning each, figures without a background, a budget in bytes."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from plotly.colors import get_colorscale, hex_to_rgb, unlabel_rgb

from mtlviz.tasks import TASKS, Task
from mtlviz.trace import PLACES

# Chosen to stay apart for normal and for red-green-blind eyes; never used for classes.
SLOT_COLOURS = (
    "#13a1c6", "#8eff00", "#b30913", "#0000ff", "#ffc6f6", "#e300ff", "#97a168", "#5e4c7b", "#55d9ff", "#ff8400",
    "#009700", "#4c68ec", "#ff5ebd", "#d9e3a1", "#006842", "#7b00c6", "#b397ff", "#00d98e", "#b3687b", "#bd0097",
)  # fmt: skip
"""Colour of each slot; beyond twenty they repeat with another symbol."""
SLOT_SYMBOLS = (
    "circle", "square", "diamond", "triangle-up", "star", "cross", "pentagon", "triangle-down", "hexagram", "x",
)  # fmt: skip
"""Marker of each slot, since colour alone cannot carry twenty slots for every eye."""
TASK_COLOURS = {
    "semseg": "#3b7dd8", "depth": "#d1711f", "normals": "#2f9e68", "edge": "#8a63d2", "saliency": "#c9486f",
    "human_parts": "#8d8430",
}  # fmt: skip
OTHER_TASK_COLOUR = "#7a7f87"
PLACE_TITLES = {place: place.replace("_", " ") for place in PLACES}
"""Places where features are looked at in words, in the order of the data flow."""
TASK_TITLES = {"semseg": "Segmentation", "normals": "Normals"}
METRIC_TITLES = {
    "miou": "mIoU", "rmse": "RMSE", "mean_angle": "mean angle", "edge_f": "best F", "max_f": "best F",
}  # fmt: skip

SEQUENTIAL = "Viridis"
SEQUENTIAL_ALTERNATIVE = "Cividis"
DIVERGING = "RdBu"
MISSING = (128, 128, 128)
"""Grey of a value that is not there."""
BUDGET = 3_000_000
"""Most bytes of one figure's JSON."""
PHOTO_BUDGET = 500_000
"""Most bytes of a photograph under a map, where quality allows it."""
FONT_SIZE = 12


def slot_colour(slot: int) -> str:
    """Hex colour of a slot, numbered from 0."""
    return SLOT_COLOURS[slot % len(SLOT_COLOURS)]


def slot_symbol(slot: int) -> str:
    """Plotly marker symbol of a slot; a colour that comes again has another symbol."""
    return SLOT_SYMBOLS[(slot + slot // len(SLOT_COLOURS)) % len(SLOT_SYMBOLS)]


def slot_label(slot: int) -> str:
    """Name of a slot, numbered from 0 as in the trace."""
    return f"slot {slot}"


def task_colour(name: str) -> str:
    """Hex colour of a task; grey for one that has none."""
    return TASK_COLOURS.get(name, OTHER_TASK_COLOUR)


def task_title(name: str) -> str:
    """Short title of a task."""
    if name in TASK_TITLES:
        return TASK_TITLES[name]
    return TASKS[name].title if name in TASKS else name.replace("_", " ").capitalize()


def metric_title(task: Task) -> str:
    """Name of a task's headline metric."""
    return METRIC_TITLES.get(task.metric, task.metric)


def metric_text(task: Task, value: float, decimals: int = 2) -> str:
    """A value of the headline metric with its unit; degrees have one decimal, and what is not known is a dash."""
    if not np.isfinite(value):
        return "–"
    gap = "" if task.metric_unit in ("", "°") else " "
    return f"{value:.{1 if task.metric_unit == '°' else decimals}f}{gap}{task.metric_unit}"


def ink(colour: str) -> str:
    """Black or white, whichever is easier to read on a hex colour (WCAG relative luminance)."""
    channels = np.array(hex_to_rgb(colour)) / 255
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return "#000000" if float(linear @ (0.2126, 0.7152, 0.0722)) > 0.179 else "#ffffff"


def colours(values: np.ndarray, low: float, high: float, scale: str = SEQUENTIAL) -> UInt8[np.ndarray, "*shape 3"]:
    """Values through a colour scale; NaN becomes grey.

    Args:
        values: any shape.
        low: value at the start of the scale.
        high: value at its end; equal to ``low`` gives the start everywhere.
        scale: name of a plotly colour scale.
    """
    stops = get_colorscale(scale)
    anchors = np.array([_rgb(colour) for _, colour in stops], np.float64)
    table = np.stack(
        [np.interp(np.linspace(0, 1, 256), [stop for stop, _ in stops], anchors[:, c]) for c in range(3)], -1
    )
    known = np.isfinite(values)
    share = (np.where(known, values, low) - low) / (high - low if high > low else 1.0)
    picture = table.round().astype(np.uint8)[(np.clip(share, 0, 1) * 255).round().astype(np.uint8)]
    picture[~known] = MISSING
    return picture


def _rgb(colour: str) -> Sequence[float]:
    return hex_to_rgb(colour) if colour.startswith("#") else unlabel_rgb(colour)  # type: ignore[no-any-return]


def finish(fig: go.Figure, *, height: int | None = None, legend: bool = False) -> go.Figure:
    """The look shared by all figures: no background, small margins, one font size; changed in place.

    Args:
        fig: the figure.
        height: in pixels; None leaves it.
        legend: draw the legend, below the plot.
    """
    fig.update_layout(
        template="none",  # a tenth of the bytes; the app brings its own theme
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": FONT_SIZE},
        hoverlabel={"font": {"size": FONT_SIZE}, "align": "left"},
        showlegend=legend,
        legend={"orientation": "h", "yanchor": "top", "y": -0.08, "x": 0, "xanchor": "left"},
    )
    if fig.layout.margin.to_plotly_json() == {}:
        fig.update_layout(margin={"l": 8, "r": 8, "t": 36 if fig.layout.title.text else 8, "b": 8})
    if height is not None:
        fig.update_layout(height=height)
    return fig


def paper(fig: go.Figure) -> go.Figure:
    """A copy on white with dark ink, for print."""
    copy = go.Figure(fig)
    copy.update_layout(
        template="plotly_white", paper_bgcolor="#ffffff", plot_bgcolor="#ffffff", font={"color": "#1a1a1a"}
    )
    return copy


def figure_bytes(fig: go.Figure) -> int:
    """Size of the figure as it is sent to the browser."""
    return len(fig.to_json().encode())


def check_budget(fig: go.Figure) -> go.Figure:
    """The same figure.

    Raises:
        ValueError: if its JSON is above ``BUDGET`` bytes.
    """
    size = figure_bytes(fig)
    if size > BUDGET:
        raise ValueError(f"the figure has {size:,} bytes; {BUDGET:,} are allowed: draw fewer points or a picture")
    return fig


def png_bytes(picture: UInt8[np.ndarray, "h w c"], note: str = "", enlarge: int = 1) -> bytes:
    """A picture as PNG, with a palette where it has few colours.

    Args:
        picture: 3 channels, or 4 with opacity.
        note: stored in the file as its ``Description``.
        enlarge: every pixel becomes a square of so many pixels.
    """
    found = _palette(picture)
    pixels = picture if found is None else found[0]
    image = Image.fromarray(np.ascontiguousarray(pixels.repeat(enlarge, 0).repeat(enlarge, 1)))
    if found is not None:
        image.putpalette(found[1].tobytes())  # turns a grey image into one of mode P
    info = PngInfo()
    if note:
        info.add_text("Description", note)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6 if found is not None else 2, pnginfo=info)
    return buffer.getvalue()


def _palette(picture: UInt8[np.ndarray, "h w c"]) -> tuple[np.ndarray, np.ndarray] | None:
    """(index of every pixel, colours) of an opaque picture with at most 256 colours, else None."""
    if picture.shape[-1] != 3:
        return None
    packed = picture.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    if len(np.unique(packed[::7, ::7])) > 256:  # a glance is enough for a photograph
        return None
    colours, index = np.unique(packed, return_inverse=True)
    if len(colours) > 256:
        return None
    channels = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], -1).astype(np.uint8)
    return index.reshape(packed.shape).astype(np.uint8), channels


def png_uri(picture: UInt8[np.ndarray, "h w c"], enlarge: int = 1) -> str:
    """A picture as a data URI without loss."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(picture, enlarge=enlarge)).decode()


def photo_uri(picture: UInt8[np.ndarray, "h w 3"]) -> str:
    """A photograph as a data URI: JPEG, a tenth of the bytes of PNG, coarser where it would still be large."""
    for quality in (90, 75, 50, 25):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=0)
        if len(buffer.getvalue()) <= PHOTO_BUDGET:
            break
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
