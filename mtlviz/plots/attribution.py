"""Attributions over their image: signed maps whose colours are centred at 0, and the place of the target."""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import binary_erosion

from mtlviz.analysis.attribution.explain import Attribution
from mtlviz.analysis.attribution.request import GRAD_CAM, INTEGRATED, OCCLUSION, PIXELS, SALIENCY, SUPERPIXELS
from mtlviz.plots.maps import Geometry, Hover, Layer, Panel, Scale
from mtlviz.plots.style import DIVERGING, colours

LARGE = 99.5
"""Percentile of the sizes at which single pixels saturate."""
OUTLINE = (255, 255, 255, 235)
RIM = (0, 0, 0, 235)
VEIL = 0.15
"""Opacity of what is 0, so that the photograph is seen but does not pass for colour."""


def map_limit(found: Attribution, *, by_pixel: bool) -> float:
    """End of the colour scale that shows a map."""
    if by_pixel and found.pixels is not None:
        return float(np.percentile(np.abs(found.pixels[found.letterbox.inside]), LARGE)) or 1.0
    return float(np.abs(found.scores).max()) or 1.0


def map_unit(found: Attribution, *, by_pixel: bool) -> str:
    """What a colour stands for, with its unit."""
    unit, part = found.scalar.unit, "pixel" if by_pixel else "token"
    said = {
        SALIENCY: f"slope by brightness of the {part} ({unit} per 0 to 1)",
        INTEGRATED: f"contribution of the {part} ({unit})",
        GRAD_CAM: "weighted activation (no unit)",
        OCCLUSION: f"loss when the square is covered ({unit})",
    }
    return said.get(found.request.method, f"contribution of the superpixel ({unit})")


def attribution_panel(
    found: Attribution, geometry: Geometry, title: str, limit: float, *, by_pixel: bool, opacity: float = 0.95
) -> Panel:
    """A signed map over the image; blue speaks for the target's number, red against it.

    Args:
        found: of pixels or superpixels.
        geometry: of the image.
        title: of the map.
        limit: end of the colour scale.
        by_pixel: every pixel for itself, where the method knows it; else one colour a token.
        opacity: of the strongest colour.
    """
    fine = by_pixel and found.pixels is not None
    values = found.pixels if fine and found.pixels is not None else by_place(found)
    layers = [_signed(found.letterbox.crop(values), limit, opacity)]
    if found.request.target.where in ("box", "class"):
        layers.append(Layer(outline(found.letterbox.crop(found.scalar.region(values.shape)))))
    scale = Scale(-limit, limit, map_unit(found, by_pixel=fine), DIVERGING)
    task = found.scalar.task.name
    grid = token_values(found, geometry)
    hover, note = _hover(found, grid), _note(found)
    return Panel(title, tuple(layers), scale=scale, hover=hover, task=task, note=note, values=grid)


def by_place(found: Attribution) -> Float[np.ndarray, "H W"]:
    """The score of the feature of every model pixel, NaN at the padding."""
    if found.segments is None:
        raise ValueError("slots and tasks have no place in the image")
    known = found.segments >= 0
    return np.where(known, found.scores[np.where(known, found.segments, 0)], np.nan)


def token_values(found: Attribution, geometry: Geometry) -> Float[np.ndarray, "rows columns"]:
    """The score at the middle of every token, NaN where it shows nothing of the image."""
    values, letterbox = by_place(found), found.letterbox
    rows, columns = np.nonzero(geometry.visible)
    x, y = geometry.centre(rows, columns)
    top, left, height, width = letterbox.box
    down = np.clip((y * height / letterbox.source[0]).astype(int), 0, height - 1) + top
    right = np.clip((x * width / letterbox.source[1]).astype(int), 0, width - 1) + left
    grid = np.full(geometry.grid, np.nan)
    grid[rows, columns] = values[down, right]
    return grid


def outline(region: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "_ _ 4"]:
    """The border of a region, white on its outer edge and black within, four times as fine as the region."""
    large = region.repeat(4, 0).repeat(4, 1)
    edge = large & ~binary_erosion(large, iterations=2, border_value=1)
    rim = large & ~binary_erosion(large, iterations=3, border_value=1) & ~edge
    drawn = np.zeros((*large.shape, 4), np.uint8)
    drawn[rim], drawn[edge] = RIM, OUTLINE
    return drawn


def _signed(values: Float[np.ndarray, "h w"], limit: float, opacity: float) -> Layer:
    """Colours by sign and size; what is near 0 lets the image through."""
    known = np.isfinite(values)
    size = np.clip(np.abs(np.where(known, values, 0)) / limit, 0, 1)
    alpha = np.where(known, VEIL + (opacity - VEIL) * np.sqrt(size), 0)
    rgba = np.concatenate([colours(values, -limit, limit, DIVERGING), (alpha * 255).astype(np.uint8)[..., None]], -1)
    return Layer(rgba)


def _hover(found: Attribution, grid: Float[np.ndarray, "rows columns"]) -> Hover:
    unit = "" if found.request.method == GRAD_CAM else f" {found.scalar.unit}"
    what = {PIXELS: "token", SUPERPIXELS: "superpixel"}[found.request.features]
    texts = np.array([f"{what} {value:+.3g}{unit}" for value in grid.ravel()], object)
    return Hover(texts.reshape(grid.shape))


def _note(found: Attribution) -> str:
    unit = found.scalar.unit
    if not found.shares:
        return f"target {found.value:.2f} {unit}"
    return f"adds up to {found.total:+.2f} of {found.difference:+.2f} {unit}"
