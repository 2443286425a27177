"""What surfaces are made of: a pattern with two colours, drawn at random from lifelike palettes."""

import colorsys
from typing import NamedTuple

import numpy as np

Rgb = tuple[float, float, float]
Generator = np.random.Generator


class Material(NamedTuple):
    """A surface pattern.

    Attributes:
        pattern: key of ``textures.PATTERNS``.
        a: main colour, sRGB in [0, 1].
        b: second colour, sRGB in [0, 1].
        p: four numbers whose meaning the pattern defines, mostly lengths in metres.
        glow: radiance it emits, in units of a white surface in full room light.
        gloss: strength of its highlight, 0 to 1.
    """

    pattern: str
    a: Rgb
    b: Rgb = (0.0, 0.0, 0.0)
    p: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    glow: float = 0.0
    gloss: float = 0.0


def _hsv(hue: float, saturation: float, value: float) -> Rgb:
    r, g, b = colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return r, g, b


def shade(colour: Rgb, factor: float) -> Rgb:
    """The colour made darker (below 1) or brighter, clipped to [0, 1]."""
    r, g, b = (min(max(c * factor, 0.0), 1.0) for c in colour)
    return r, g, b


def plain(colour: Rgb, gloss: float = 0.0, glow: float = 0.0) -> Material:
    """One colour with the faint unevenness every real surface has."""
    return Material("plain", colour, colour, gloss=gloss, glow=glow)


def white(rng: Generator) -> Rgb:
    """A white as paint shops sell it: rarely neutral, never 1."""
    return _hsv(rng.uniform(0.05, 0.18), rng.uniform(0.0, 0.12), rng.uniform(0.84, 0.96))


def any_colour(rng: Generator) -> Rgb:
    """A colour for cloth and painted things: mostly muted, sometimes strong."""
    kind = rng.random()
    if kind < 0.3:
        return _hsv(rng.uniform(0.04, 0.14), rng.uniform(0.05, 0.35), rng.uniform(0.25, 0.9))
    if kind < 0.52:
        return _hsv(rng.random(), rng.uniform(0.0, 0.12), rng.uniform(0.12, 0.9))
    if kind < 0.9:
        return _hsv(_hue(rng), rng.uniform(0.15, 0.5), rng.uniform(0.25, 0.8))
    return _hsv(_hue(rng), rng.uniform(0.5, 0.8), rng.uniform(0.35, 0.8))


def _hue(rng: Generator) -> float:
    """Reds, ochres and blues are common indoors, green less so, violet rare."""
    centre = rng.choice(
        [0.0, 0.06, 0.11, 0.27, 0.47, 0.58, 0.63, 0.83], p=[0.17, 0.15, 0.15, 0.11, 0.08, 0.17, 0.12, 0.05]
    )
    return float(centre + rng.normal(0, 0.035))


def wall_paint(rng: Generator) -> Rgb:
    """A wall colour: white or cream in half of all rooms, else a pastel or a grey, rarely a deep one."""
    kind = rng.random()
    if kind < 0.45:
        return white(rng)
    if kind < 0.6:
        return _hsv(rng.uniform(0.06, 0.15), rng.uniform(0.1, 0.3), rng.uniform(0.7, 0.9))
    if kind < 0.85:
        return _hsv(_hue(rng), rng.uniform(0.06, 0.22), rng.uniform(0.6, 0.88))
    if kind < 0.93:
        return _hsv(rng.random(), rng.uniform(0.0, 0.06), rng.uniform(0.45, 0.75))
    return _hsv(_hue(rng), rng.uniform(0.25, 0.5), rng.uniform(0.3, 0.65))


def wall_finish(rng: Generator) -> Material:
    """Paint, wallpaper (stripes, dots), brick or tiles."""
    colour, kind = wall_paint(rng), rng.random()
    if kind < 0.72:
        return plain(colour)
    if kind < 0.82:
        period = rng.uniform(0.1, 0.4)
        return Material("stripes", colour, shade(colour, rng.uniform(0.8, 1.08)), (period, 0, rng.uniform(0.3, 0.7), 0))
    if kind < 0.88:
        return Material(
            "dots", colour, shade(wall_paint(rng), rng.uniform(0.6, 1.0)), (rng.uniform(0.12, 0.3), 0, 0, 0)
        )
    if kind < 0.94:
        red = _hsv(rng.uniform(0.0, 0.07), rng.uniform(0.2, 0.6), rng.uniform(0.45, 0.8))
        return Material(
            "bricks", red if rng.random() < 0.6 else white(rng), (0.7, 0.68, 0.64), (0.24, 0.08, 0.012, 0.35)
        )
    size = rng.uniform(0.12, 0.3)
    return Material("tiles", colour, shade(colour, 0.75), (size, size, 0.006, 0.06), gloss=0.3)


def wood_colour(rng: Generator) -> Rgb:
    """From birch to walnut and dark stain."""
    return _hsv(
        rng.uniform(0.045, 0.1),
        rng.uniform(0.3, 0.65),
        rng.choice([0.35, 0.5, 0.65, 0.8]) * rng.uniform(0.85, 1.1),
    )


def floor_finish(rng: Generator) -> Material:
    """Boards, tiles, carpet, checkered tiles or concrete."""
    kind, wood = rng.random(), wood_colour(rng)
    if kind < 0.52:
        p = (rng.uniform(0.08, 0.2), rng.uniform(0.6, 1.6), rng.uniform(0.08, 0.25), 0.0)
        return Material("boards", wood, shade(wood, 0.6), p, gloss=rng.uniform(0.0, 0.5))
    if kind < 0.72:
        colour = _hsv(rng.uniform(0.02, 0.6), rng.uniform(0.02, 0.25), rng.uniform(0.4, 0.9))
        size = rng.uniform(0.2, 0.6)
        return Material("tiles", colour, shade(colour, rng.uniform(0.6, 1.1)), (size, size, 0.008, 0.1), gloss=0.5)
    if kind < 0.9:
        colour = _hsv(_hue(rng), rng.uniform(0.0, 0.35), rng.uniform(0.25, 0.75))
        return Material("cloth", colour, shade(colour, 0.8), (rng.uniform(0.02, 0.08), 0.4, 0, 0))
    if kind < 0.95:
        return Material(
            "checker",
            white(rng),
            shade(wall_paint(rng), rng.uniform(0.2, 0.7)),
            (rng.uniform(0.2, 0.5), 0, 0, 0),
            gloss=0.5,
        )
    grey = _hsv(0.1, 0.05, rng.uniform(0.4, 0.7))
    return Material("cloth", grey, shade(grey, 0.8), (0.6, 0.4, 0, 0), gloss=0.3)


def wood(rng: Generator, painted: float = 0.35) -> Material:
    """Furniture timber, painted with the probability given."""
    if rng.random() < painted:
        return plain(white(rng) if rng.random() < 0.6 else any_colour(rng), gloss=rng.uniform(0, 0.4))
    colour = wood_colour(rng)
    return Material("grain", colour, shade(colour, 0.65), (rng.uniform(0.02, 0.06), 0, 0, 0), gloss=rng.uniform(0, 0.4))


def cloth(rng: Generator) -> Material:
    """Upholstery, bedding or curtains: plain weave, stripes, checks or dots."""
    colour, kind = any_colour(rng), rng.random()
    if kind < 0.7:
        return Material("cloth", colour, shade(colour, 0.8), (rng.uniform(0.02, 0.08), 0.35, 0, 0))
    other = white(rng) if rng.random() < 0.5 else any_colour(rng)
    if kind < 0.84:
        return Material(
            "stripes",
            colour,
            other,
            (rng.uniform(0.06, 0.25), float(rng.integers(2)), rng.uniform(0.25, 0.6), 0),
        )
    if kind < 0.93:
        return Material("checker", colour, other, (rng.uniform(0.05, 0.15), 0, 0, 0))
    return Material("dots", colour, other, (rng.uniform(0.1, 0.2), 0, 0, 0))


def metal(rng: Generator) -> Material:
    """Steel, brass or black lacquer."""
    colours: list[Rgb] = [(0.6, 0.6, 0.62), (0.7, 0.58, 0.35), (0.1, 0.1, 0.11), (0.9, 0.9, 0.9)]
    return plain(colours[rng.integers(len(colours))], gloss=0.8)


def skin(rng: Generator) -> Rgb:
    """Human skin, light to dark."""
    return _hsv(
        rng.uniform(0.03, 0.075),
        rng.uniform(0.28, 0.48),
        rng.choice([0.42, 0.6, 0.8, 0.92]) * rng.uniform(0.9, 1.05),
    )


def hair(rng: Generator) -> Rgb:
    """Black, brown, blond, red or grey."""
    if rng.random() < 0.15:
        return _hsv(0.1, 0.03, rng.uniform(0.5, 0.85))
    return _hsv(rng.uniform(0.03, 0.12), rng.uniform(0.3, 0.65), rng.choice([0.08, 0.18, 0.3, 0.6]))
