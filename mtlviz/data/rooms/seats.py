"""Things to sit on: sofas, armchairs, chairs, stools and office chairs."""

import numpy as np

from mtlviz.data.rooms.materials import Generator, Material, any_colour, cloth, metal, plain, shade, wood
from mtlviz.data.rooms.mesh import Item, Part, brick, turned
from mtlviz.data.rooms.solids import frustum, rounded


def legs(rng: Generator, material: Material, width: float, depth: float, height: float, thick: float) -> list[Part]:
    """Four legs under a rectangle, square or round."""
    solid = frustum(0.7, 1.0) if rng.random() < 0.4 else None
    x, y = width / 2 - thick, depth / 2 - thick
    size = (thick, thick, height)
    spots = [(sx * x, sy * y, height / 2) for sx in (-1, 1) for sy in (-1, 1)]
    return [Part(solid, size, at, material) if solid else brick(material, size, at) for at in spots]


def sofa(rng: Generator) -> Item:
    """Seat cushions, back, arms and loose cushions; a single seat is an armchair."""
    seats = int(rng.choice([1, 2, 3], p=[0.3, 0.4, 0.3]))
    arm, depth = rng.uniform(0.14, 0.24), rng.uniform(0.8, 0.98)
    width = seats * rng.uniform(0.58, 0.72) + 2 * arm
    fabric = cloth(rng) if rng.random() < 0.75 else plain(shade(any_colour(rng), 0.6), gloss=0.5)
    seat, back, arm_top = rng.uniform(0.38, 0.46), rng.uniform(0.75, 0.95), rng.uniform(0.55, 0.66)
    inner, soft = width - 2 * arm, rounded(6.0)
    parts = [
        Part(rounded(10.0), (width, depth, seat - 0.16), (0, 0, 0.07 + (seat - 0.16) / 2), fabric),
        Part(soft, (inner + 0.06, 0.24, back - 0.1), (0, -depth / 2 + 0.12, 0.1 + (back - 0.1) / 2), fabric),
        *legs(rng, metal(rng), width, depth, 0.1, 0.06),
    ]
    for side in (-1, 1):
        at = (side * (width - arm) / 2, 0.0, arm_top / 2 + 0.04)
        parts.append(Part(rounded(7.0), (arm, depth, arm_top - 0.08), at, fabric))
    for k in range(seats):
        x = (k + 0.5) / seats * inner - inner / 2
        parts.append(Part(soft, (inner / seats, depth - 0.24, 0.19), (x, 0.12, seat - 0.07), fabric))
        size, at = (inner / seats * 0.97, 0.2, back - seat + 0.06), (x, -depth / 2 + 0.3, (back + seat) / 2)
        parts.append(Part(rounded(4.0), size, at, fabric, turned("x", 0.15)))
    for _ in range(int(rng.integers(0, 3))):
        x = rng.uniform(-0.4, 0.4) * inner
        lean = turned("x", 1.15) @ turned("z", rng.uniform(-0.3, 0.3))
        at = (x, -depth / 2 + 0.46, seat + 0.2)
        parts.append(Part(rounded(3.0), (0.42, 0.42, 0.14), at, cloth(rng), lean))
    return Item("sofa", (width, depth, back), parts, seat=seat + 0.02)


def chair(rng: Generator) -> Item:
    """Legs, seat and a back of a board, bars or rungs; some are stools or office chairs."""
    width, depth, seat = rng.uniform(0.4, 0.5), rng.uniform(0.4, 0.5), rng.uniform(0.43, 0.48)
    back = rng.uniform(0.8, 1.02)
    frame = wood(rng) if rng.random() < 0.7 else metal(rng)
    cover = cloth(rng) if rng.random() < 0.45 else frame
    kind = rng.random()
    if kind < 0.2:
        return _office_chair(rng, width, depth, seat, back)
    pad = Part(rounded(5.0), (width, depth, 0.07), (0, 0, seat - 0.03), cover)
    plate = pad if cover is not frame else brick(frame, (width, depth, 0.035), (0, 0, seat - 0.02))
    parts = [plate, *legs(rng, frame, width, depth, seat - 0.03, rng.uniform(0.03, 0.045))]
    if kind < 0.28:
        return Item("chair", (width, depth, seat), parts, seat=seat)
    lean = turned("x", rng.uniform(0.06, 0.2))
    parts += _back(kind, frame, cover, width, -depth / 2 - 0.02, seat, back, lean)
    return Item("chair", (width, depth + 0.1, back), parts, seat=seat)


def _back(
    kind: float,
    frame: Material,
    cover: Material,
    width: float,
    y: float,
    seat: float,
    top: float,
    lean: np.ndarray,
) -> list[Part]:
    """Two posts with a board (kind below 0.55), upright bars (below 0.8) or rungs between them."""
    rise = top - seat
    post = (0.035, 0.03, rise)
    parts = [brick(frame, post, (side * (width / 2 - 0.02), y, seat + rise / 2 - 0.01), turn=lean) for side in (-1, 1)]
    if kind < 0.55:
        board = (width - 0.06, 0.03, rise * 0.62)
        parts.append(brick(cover, board, (0, y - 0.015, seat + rise * 0.64), turn=lean))
    elif kind < 0.8:
        for k in range(4):
            at = ((k - 1.5) * width * 0.19, y, seat + rise / 2)
            parts.append(brick(frame, (0.03, 0.015, rise), at, turn=lean))
        parts.append(brick(frame, (width, 0.03, 0.07), (0, y - rise * 0.06, top - 0.04), turn=lean))
    else:
        for k in range(3):
            z = 0.3 + 0.3 * k
            at = (0.0, y - (z - 0.5) * rise * 0.12, seat + rise * z)
            parts.append(brick(frame, (width - 0.05, 0.018, 0.06), at, turn=lean))
    return parts


def _office_chair(rng: Generator, width: float, depth: float, seat: float, back: float) -> Item:
    """Padded seat and back on a column with five castors."""
    fabric, steel = cloth(rng), metal(rng)
    shell = (0, -depth / 2 + 0.02, (back + seat) / 2 + 0.05)
    parts = [
        Part(rounded(4.0), (width, depth, 0.1), (0, 0, seat - 0.03), fabric),
        Part(rounded(4.0), (width * 0.95, 0.09, back - seat), shell, fabric, turned("x", 0.12)),
        Part(frustum(), (0.06, 0.06, seat - 0.12), (0, 0, seat / 2), steel),
        brick(steel, (0.04, 0.03, 0.25), (0, -depth / 2 + 0.01, seat + 0.08)),
    ]
    for k in range(5):
        angle = k * 2 * np.pi / 5
        at = (0.14 * np.cos(angle), 0.14 * np.sin(angle), 0.08)
        parts.append(brick(steel, (0.28, 0.04, 0.03), at, turn=turned("z", angle)))
        parts.append(Part(rounded(2.0, 2), (0.06, 0.06, 0.06), (2 * at[0], 2 * at[1], 0.03), steel))
    return Item("chair", (width, depth, back), parts, seat=seat)
