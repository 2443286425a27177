"""Small and wall-mounted things: lamps, plants, boxes, pictures, windows, doors, curtains and rugs."""

import numpy as np

from mtlviz.data.rooms.materials import (
    Generator,
    Material,
    Rgb,
    any_colour,
    cloth,
    metal,
    plain,
    shade,
    white,
    wood,
    wood_colour,
)
from mtlviz.data.rooms.mesh import Item, Light, Part, brick, turned
from mtlviz.data.rooms.solids import drape, frustum, leaf, limb, rounded


def lamp(rng: Generator, kind: str, ceiling: float = 2.5) -> Item:
    """A ``floor``, ``table`` or ``pendant`` lamp; the pendant's origin lies on the floor below it."""
    lit = rng.random() < 0.75
    stem, colour = metal(rng), white(rng) if rng.random() < 0.6 else any_colour(rng)
    warm: Rgb = (1.0, 0.84, 0.62)
    r, g, b = (0.5 * (c + w) for c, w in zip(colour, warm, strict=True))
    glowing = Material("plain", (r, g, b), glow=rng.uniform(1.2, 2.5))
    hood = glowing if lit else plain(colour)
    wide = {
        "floor": rng.uniform(0.32, 0.5),
        "table": rng.uniform(0.2, 0.34),
        "pendant": rng.uniform(0.3, 0.55),
    }[kind]
    tall = wide * rng.uniform(0.55, 0.85)
    solid, globe = frustum(1.0, round(rng.uniform(0.5, 1.0), 1), False), rng.random() < 0.25
    if globe:
        solid, tall = rounded(2.0), wide
    if kind == "pendant":
        z = ceiling - rng.uniform(0.4, 0.9)
        parts = [
            Part(frustum(), (0.012, 0.012, ceiling - z), (0, 0, (ceiling + z) / 2), stem),
            Part(frustum(), (0.1, 0.1, 0.03), (0, 0, ceiling - 0.015), stem),
        ]
    else:
        height = rng.uniform(1.35, 1.75) if kind == "floor" else rng.uniform(0.4, 0.62)
        z = height - tall / 2
        foot = wide * 0.75
        parts = [
            Part(frustum(1.0, 0.9), (foot, foot, 0.03), (0, 0, 0.015), stem),
            Part(frustum(), (0.025, 0.025, z), (0, 0, z / 2), stem),
        ]
        if kind == "table" and rng.random() < 0.7:
            body = plain(any_colour(rng), gloss=0.6)
            swell = rounded(2.4) if rng.random() < 0.6 else frustum(1.0, 0.5)
            parts.append(Part(swell, (wide * 0.55, wide * 0.55, z * 0.75), (0, 0, z * 0.4), body))
    parts.append(Part(solid, (wide, wide, tall), (0, 0, z), hood, opaque=False))
    power = rng.uniform(0.6, 1.4) * {"floor": 0.9, "table": 0.5, "pendant": 1.1}[kind]
    light = Light((0, 0, z), wide * 0.4, power) if lit else None
    return Item("lamp", (wide, wide, z + tall / 2), parts, light=light)


def plant(rng: Generator, small: bool = False) -> Item:
    """A pot with leaves on arching stems; `small` ones stand on furniture."""
    scale = rng.uniform(0.25, 0.4) if small else rng.uniform(0.7, 1.5)
    wide = 0.13 if small else rng.uniform(0.24, 0.38)
    tall = wide * rng.uniform(0.8, 1.2)
    pot = plain(any_colour(rng) if rng.random() < 0.6 else (0.62, 0.34, 0.22), gloss=rng.uniform(0, 0.5))
    green, yellow = rng.uniform(0.35, 0.55), rng.uniform(0.5, 0.95)
    greens = [_leaf_green(rng, green, yellow) for _ in range(3)]
    soil, bark = plain((0.16, 0.11, 0.08)), plain((0.3, 0.22, 0.14))
    parts = [
        Part(frustum(0.72, 1.0), (wide, wide, tall), (0, 0, tall / 2), pot),
        Part(frustum(), (wide * 0.9, wide * 0.9, 0.01), (0, 0, tall + 0.002), soil),
    ]
    tree = not small and rng.random() < 0.45
    crown = tall + scale * (0.45 if tree else 0.05)
    if tree:
        stem = (0.045, 0.045, crown - tall + 0.2)
        parts.append(Part(limb(0.7), stem, (0, 0, (crown + tall) / 2), bark))
    count = int(rng.integers(14, 30)) if not small else int(rng.integers(8, 14))
    broad = rng.uniform(0.3, 0.75)
    for k in range(count):
        parts.append(_leaf(rng, k * 2.4, scale, crown, tree, broad, greens[k % 3]))
    room = max(wide, scale * 0.6)
    return Item("plant", (room, room, crown + scale * 0.5), parts)


def _leaf_green(rng: Generator, green: float, yellow: float) -> Material:
    red = green * yellow * rng.uniform(0.9, 1.1)
    return plain((red, green * rng.uniform(0.9, 1.3), green * rng.uniform(0.35, 0.6)), gloss=0.15)


def _leaf(
    rng: Generator, azimuth: float, scale: float, crown: float, tree: bool, broad: float, green: Material
) -> Part:
    """One leaf about `azimuth`, growing outwards and up from the height `crown`."""
    azimuth += rng.uniform(-0.3, 0.3)
    rise = rng.uniform(0.1, 1.35)
    length = scale * rng.uniform(0.35, 0.6) * (0.75 if tree else 1.0)
    turn = turned("z", azimuth) @ turned("y", -rise)
    base = crown + (rng.uniform(0, 0.4) * scale if tree else rng.uniform(0, 0.1) * scale)
    reach = 0.52 * length
    out = reach * np.cos(rise)
    at = (out * np.cos(azimuth), out * np.sin(azimuth), base + reach * np.sin(rise))
    return Part(leaf(), (length, length * broad * 0.55, length * 0.3), at, green, turn)


def carton(rng: Generator, small: bool = False) -> Item:
    """One box, or two stacked: cardboard, painted or with a lid."""
    width, depth = rng.uniform(0.28, 0.6), rng.uniform(0.26, 0.5)
    if small:
        width, depth = width * 0.5, depth * 0.5
    parts: list[Part] = []
    floor, angle = 0.0, 0.0
    for _ in range(1 if small or rng.random() < 0.6 else 2):
        height = rng.uniform(0.55, 1.0) * min(width, depth)
        kraft = (rng.uniform(0.55, 0.72), rng.uniform(0.42, 0.5), rng.uniform(0.26, 0.34))
        colour = kraft if rng.random() < 0.65 else any_colour(rng)
        turn = turned("z", angle)
        skin = Material("cloth", colour, shade(colour, 0.9), (0.1, 0.3, 0, 0))
        parts.append(brick(skin, (width, depth, height), (0, 0, floor + height / 2), turn=turn))
        if rng.random() < 0.5:
            parts.append(
                brick(
                    plain(shade(colour, 0.8)),
                    (width * 1.004, 0.05, height * 1.004),
                    (0, 0, floor + height / 2),
                    turn=turn,
                )
            )
        else:
            parts.append(
                brick(
                    plain(shade(colour, 1.1)),
                    (width * 1.03, depth * 1.03, 0.06),
                    (0, 0, floor + height - 0.03),
                    turn=turn,
                )
            )
        floor, angle = floor + height, rng.uniform(-0.4, 0.4)
        width, depth = width * 0.85, depth * 0.85
    return Item("box", (width * 1.2, depth * 1.2, floor), parts)


def picture(rng: Generator, width: float, height: float) -> Item:
    """A framed picture or mirror-less poster on the wall (y = 0), its middle at the origin."""
    frame, border = wood(rng, painted=0.5), rng.uniform(0.015, 0.05)
    seed = (width, height, float(rng.random()), 0.0)
    canvas = Material("art", any_colour(rng), any_colour(rng), seed)
    parts = [brick(frame, (width, 0.03, height), (0, 0.015, 0))]
    inner_w, inner_h = width - 2 * border, height - 2 * border
    if rng.random() < 0.4:
        parts.append(brick(plain(white(rng)), (inner_w, 0.004, inner_h), (0, 0.031, 0)))
        inner_w, inner_h = inner_w * 0.72, inner_h * 0.76
    parts.append(brick(canvas, (inner_w, 0.004, inner_h), (0, 0.034, 0)))
    return Item("picture", (width, 0.04, height), parts)


def window(rng: Generator, width: float, height: float, brightness: float) -> Item:
    """Frame, bars, sill and a pane that light passes, on the wall (y = 0); the origin is its middle."""
    frame = plain(white(rng) if rng.random() < 0.75 else wood_colour(rng), gloss=0.2)
    edge, deep = rng.uniform(0.045, 0.08), 0.07
    outside = Material(
        "view",
        (1.0, 1.0, 1.0),
        p=(float(rng.random()), rng.uniform(-0.25, 0.1), rng.uniform(0, 1), 0.0),
        glow=brightness,
    )
    parts = [brick(outside, (width - edge, 0.01, height - edge), (0, 0.02, 0), opaque=False)]
    for side in (-1, 1):
        parts.append(brick(frame, (edge, deep, height), (side * (width - edge) / 2, deep / 2, 0)))
        parts.append(brick(frame, (width, deep, edge), (0, deep / 2, side * (height - edge) / 2)))
    for k in range(1, max(1, round(width / rng.uniform(0.55, 1.1)))):
        x = k * width / max(1, round(width / 0.8)) - width / 2
        if abs(x) < width / 2 - 0.1:
            parts.append(brick(frame, (0.035, 0.05, height), (x, 0.03, 0)))
    if rng.random() < 0.4:
        parts.append(brick(frame, (width, 0.05, 0.035), (0, 0.03, height * rng.choice([0.0, 0.18, 0.25]))))
    parts.append(brick(frame, (width + 0.1, 0.11, 0.035), (0, 0.055, -height / 2 - 0.017)))
    return Item("window", (width, 0.11, height), parts)


def door(rng: Generator) -> Item:
    """Leaf with panels, frame and handle on the wall (y = 0), standing on the floor."""
    width, height = rng.uniform(0.76, 0.98), rng.uniform(1.98, 2.12)
    panel = wood(rng, painted=0.6)
    frame = panel if rng.random() < 0.4 else plain(white(rng))
    parts = [
        brick(panel, (width, 0.04, height), (0, 0.02, height / 2)),
        brick(frame, (width + 0.16, 0.06, 0.08), (0, 0.03, height + 0.04)),
    ]
    for side in (-1, 1):
        parts.append(brick(frame, (0.08, 0.06, height), (side * (width / 2 + 0.04), 0.03, height / 2)))
    if rng.random() < 0.7:
        inset = Material(panel.pattern, shade(panel.a, 0.86), shade(panel.b, 0.86), panel.p)
        rows = int(rng.integers(1, 4))
        columns = int(rng.integers(1, 3))
        w, h = (width - 0.12) / columns, (height - 0.2) / rows
        for row in range(rows):
            for column in range(columns):
                at = ((column + 0.5) * w - (width - 0.12) / 2, 0.043, 0.1 + (row + 0.5) * h)
                parts.append(brick(inset, (w - 0.1, 0.008, h - 0.12), at))
    grip = metal(rng)
    parts.append(brick(grip, (0.12, 0.02, 0.025), (width / 2 - 0.11, 0.09, 1.02)))
    parts.append(brick(grip, (0.03, 0.06, 0.03), (width / 2 - 0.06, 0.065, 1.02)))
    return Item("door", (width + 0.16, 0.06, height + 0.08), parts)


def curtain(rng: Generator, width: float, bottom: float, top: float) -> Item:
    """A rod with two gathered cloths beside a window `width` metres wide, or drawn across a part of it."""
    fabric = cloth(rng)
    sheer = rng.random() < 0.2
    if sheer:
        fabric = Material("cloth", white(rng), white(rng), (0.05, 0.1, 0, 0), glow=rng.uniform(0.05, 0.2))
    drawn = rng.uniform(0.3, 0.5) if sheer or rng.random() < 0.25 else rng.uniform(0.14, 0.24)
    total, height = width + 0.4, top - bottom
    wide = total * drawn
    folds = max(2, round(wide / 0.11))
    parts = [Part(limb(1.0), (0.03, 0.03, total + 0.15), (0, 0.1, top + 0.02), metal(rng), turned("y", np.pi / 2))]
    for side in (-1, 1):
        at = (side * (total - wide) / 2, 0.1, bottom + height / 2)
        parts.append(Part(drape(min(folds, 8)), (wide, 0.09, height), at, fabric, opaque=not sheer))
    return Item("curtain", (total, 0.16, top), parts)


def rug(rng: Generator, width: float, depth: float) -> Item:
    """A carpet of the class floor, 8 mm high."""
    p = (width, depth, float(rng.integers(3)), 0.0)
    material = Material("rug", any_colour(rng), any_colour(rng), p)
    return Item("floor", (width, depth, 0.008), [brick(material, (width, depth, 0.008), (0, 0, 0.004))])
