"""Furniture that is not sat on: beds, tables, cabinets and shelves, each from a handful of parts."""

from mtlviz.data.rooms.materials import (
    Generator,
    Material,
    any_colour,
    cloth,
    metal,
    plain,
    shade,
    white,
    wood,
)
from mtlviz.data.rooms.mesh import Item, Part, brick, turned
from mtlviz.data.rooms.seats import legs
from mtlviz.data.rooms.solids import frustum, rounded


def bed(rng: Generator) -> Item:
    """Frame, mattress, blanket, pillows and a headboard at the wall."""
    width, depth = rng.choice([0.95, 1.4, 1.7]) * rng.uniform(0.95, 1.05), rng.uniform(1.95, 2.15)
    base, thick = rng.uniform(0.2, 0.35), rng.uniform(0.16, 0.26)
    frame, sheet, cover = wood(rng), plain(white(rng)), cloth(rng)
    top = base + thick
    head = rng.uniform(0.8, 1.25)
    blanket = (0, depth * 0.155, base + thick / 2 + 0.03)
    parts = [
        brick(frame, (width, depth, base - 0.08), (0, 0, 0.08 + (base - 0.08) / 2)),
        *legs(rng, frame, width, depth, 0.1, 0.07),
        Part(rounded(8.0), (width * 0.99, depth * 0.98, thick), (0, 0, base + thick / 2), sheet),
        Part(rounded(8.0), (width * 1.03, depth * 0.7, thick + 0.05), blanket, cover),
    ]
    if rng.random() < 0.85:
        back = cloth(rng) if rng.random() < 0.4 else frame
        parts.append(brick(back, (width * 1.02, 0.06, head), (0, -depth / 2 - 0.03, head / 2)))
    if rng.random() < 0.3:
        parts.append(brick(frame, (width * 1.02, 0.05, top + 0.1), (0, depth / 2 + 0.02, (top + 0.1) / 2)))
    pillow = plain(white(rng)) if rng.random() < 0.6 else cloth(rng)
    count = 2 if width > 1.2 else 1
    for k in range(count):
        x = (k - (count - 1) / 2) * width * 0.47
        lean = turned("x", rng.uniform(0.15, 0.6)) @ turned("z", rng.uniform(-0.15, 0.15))
        size = (min(0.7, width * 0.45), 0.42, 0.17)
        parts.append(Part(rounded(3.2), size, (x, -depth / 2 + 0.27, top + 0.1), pillow, lean))
    return Item("bed", (width * 1.04, depth + 0.1, top), parts, seat=top)


def table(rng: Generator, kind: str) -> Item:
    """A ``dining`` or ``coffee`` table or a ``desk``; dining and coffee tables may be round."""
    low, high = {"dining": (0.71, 0.77), "coffee": (0.36, 0.48), "desk": (0.71, 0.77)}[kind]
    height, timber = rng.uniform(low, high), wood(rng, painted=0.25)
    if kind != "desk" and rng.random() < 0.25:
        return _round_table(rng.uniform(0.9, 1.25) if kind == "dining" else rng.uniform(0.6, 0.95), height, timber)
    (w0, w1), (d0, d1) = {
        "dining": ((1.2, 2.0), (0.75, 0.95)),
        "coffee": ((0.8, 1.3), (0.5, 0.7)),
        "desk": ((1.1, 1.6), (0.6, 0.75)),
    }[kind]
    width, depth = rng.uniform(w0, w1), rng.uniform(d0, d1)
    board = rng.uniform(0.025, 0.05)
    frame = timber if rng.random() < 0.7 else metal(rng)
    parts = [
        brick(timber, (width, depth, board), (0, 0, height - board / 2)),
        *legs(rng, frame, width, depth, height - board, rng.uniform(0.045, 0.09)),
    ]
    if kind == "desk" and rng.random() < 0.7:
        x = (width / 2 - 0.24) * rng.choice([-1, 1])
        parts.append(brick(timber, (0.4, depth * 0.9, 0.45), (x, 0, height - board - 0.225)))
        for k in range(3):
            parts.append(brick(metal(rng), (0.12, 0.02, 0.015), (x, depth * 0.46, height - 0.12 - 0.15 * k)))
    elif kind != "coffee" or rng.random() < 0.5:
        parts.append(brick(timber, (width - 0.1, depth - 0.1, 0.08), (0, 0, height - board - 0.04)))
    if kind == "coffee" and rng.random() < 0.4:
        parts.append(brick(timber, (width - 0.12, depth - 0.12, 0.02), (0, 0, 0.14)))
    return Item("table", (width, depth, height), parts, top=height)


def _round_table(size: float, height: float, timber: Material) -> Item:
    """A disc on a central column with a foot."""
    parts = [
        Part(frustum(0.97, 1.0), (size, size, 0.035), (0, 0, height - 0.018), timber),
        Part(frustum(1.0, 0.7), (0.1, 0.1, height - 0.03), (0, 0, height / 2 - 0.01), timber),
        Part(frustum(1.0, 0.6), (size * 0.5, size * 0.5, 0.04), (0, 0, 0.02), timber),
    ]
    return Item("table", (size, size, height), parts, top=height)


def cabinet(rng: Generator, kind: str) -> Item:
    """A ``wardrobe``, ``sideboard``, ``drawers``, bedside ``stand`` or ``counter``, with handles."""
    spans = {
        "wardrobe": ((0.9, 2.0), (0.55, 0.65), (1.8, 2.3), 1),
        "sideboard": ((1.1, 1.9), (0.38, 0.5), (0.6, 0.9), 1),
        "drawers": ((0.6, 1.1), (0.4, 0.5), (0.75, 1.15), int(rng.integers(3, 5))),
        "stand": ((0.38, 0.5), (0.36, 0.45), (0.45, 0.6), 2),
        "counter": ((1.4, 2.6), (0.58, 0.62), (0.88, 0.92), 1),
    }
    (w, d, h, rows), body, handle = spans[kind], wood(rng), metal(rng)
    width, depth, height = rng.uniform(*w), rng.uniform(*d), rng.uniform(*h)
    columns = 1 if kind in ("drawers", "stand") else max(2, round(width / 0.5))
    front = body if rng.random() < 0.6 else wood(rng, painted=0.8)
    plinth = rng.uniform(0.04, 0.12)
    parts = [
        brick(body, (width, depth - 0.02, height - plinth), (0, -0.01, plinth + (height - plinth) / 2)),
        brick(plain(shade(body.a, 0.5)), (width - 0.06, depth - 0.08, plinth), (0, -0.02, plinth / 2)),
    ]
    if kind == "counter" or rng.random() < 0.3:
        stone = plain(shade(white(rng), rng.uniform(0.3, 1.0)), gloss=0.6)
        parts.append(brick(stone, (width + 0.03, depth + 0.02, 0.035), (0, 0, height - 0.01)))
    cell_w, cell_h = width / columns, (height - plinth) / rows
    for column in range(columns):
        for row in range(rows):
            x, z = (column + 0.5) * cell_w - width / 2, plinth + (row + 0.5) * cell_h
            parts.append(brick(front, (cell_w - 0.012, 0.02, cell_h - 0.03), (x, depth / 2 - 0.005, z)))
            upright = rows == 1
            size = (0.018, 0.03, 0.14) if upright else (0.13, 0.03, 0.016)
            shift = cell_w * (0.38 if column % 2 == 0 else -0.38) if upright else 0.0
            lift = 0.0 if kind == "wardrobe" else (cell_h * 0.25 if upright else 0.0)
            parts.append(brick(handle, size, (x + shift, depth / 2 + 0.015, z + lift)))
    return Item("cabinet", (width, depth, height), parts, top=height if height < 1.3 else 0.0)


def shelves(rng: Generator) -> Item:
    """Uprights, boards, sometimes a back, and rows of books and boxes, all of the class shelves."""
    width, depth, height = rng.uniform(0.7, 1.6), rng.uniform(0.25, 0.38), rng.uniform(1.0, 2.15)
    timber, board = wood(rng), rng.uniform(0.02, 0.035)
    rows = max(2, round(height / rng.uniform(0.3, 0.42)))
    parts = [brick(timber, (board, depth, height), (s * (width - board) / 2, 0, height / 2)) for s in (-1, 1)]
    if rng.random() < 0.7:
        parts.append(
            brick(plain(shade(timber.a, 0.8)), (width - 0.02, 0.012, height), (0, -depth / 2 + 0.01, height / 2))
        )
    gap = (height - board) / rows
    parts += [brick(timber, (width - board, depth - 0.01, board), (0, 0, board / 2 + k * gap)) for k in range(rows + 1)]
    for row in range(rows):
        parts += _shelf_content(rng, width - 2 * board, depth, board + row * gap, gap - board)
    return Item("shelves", (width, depth, height), parts)


def _shelf_content(rng: Generator, width: float, depth: float, floor: float, room: float) -> list[Part]:
    """Books or boxes from left to right on one board, with gaps."""
    parts, x = [], -width / 2 + rng.uniform(0, 0.1)
    palette = [plain(any_colour(rng)) for _ in range(5)]
    chunky = rng.random() < 0.3
    while x < width / 2 - 0.06:
        if rng.random() < 0.22:
            x += rng.uniform(0.05, 0.35)
            continue
        thick = rng.uniform(0.15, 0.3) if chunky else rng.uniform(0.025, 0.07)
        tall, deep = room * rng.uniform(0.55, 0.92), depth * rng.uniform(0.55, 0.85)
        if x + thick > width / 2:
            break
        material = palette[int(rng.integers(5))]
        parts.append(
            brick(
                material,
                (thick - 0.003, deep, tall),
                (x + thick / 2, (depth - deep) / 2 - 0.03, floor + tall / 2),
            )
        )
        x += thick
    return parts
