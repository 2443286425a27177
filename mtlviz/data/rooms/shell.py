"""The room itself: floor, ceiling, walls, columns, doors, and windows with their curtains."""

from dataclasses import dataclass

import numpy as np

from mtlviz.data.rooms import decor
from mtlviz.data.rooms.materials import Generator, Material, floor_finish, plain, shade, wall_finish, white
from mtlviz.data.rooms.mesh import Item, Placed, brick, turned
from mtlviz.data.rooms.plan import Plan


@dataclass(frozen=True)
class Pane:
    """A window's opening in the room: middle, unit vectors along and into the room, metres, radiance."""

    middle: np.ndarray
    along: np.ndarray
    inward: np.ndarray
    width: float
    height: float
    radiance: float


def shell(rng: Generator, plan: Plan) -> Item:
    """Floor, ceiling, four walls and skirting boards, as slabs just outside the room."""
    w, d, h, t = plan.width, plan.depth, plan.height, 0.1
    finish, ceiling, ground = wall_finish(rng), plain(white(rng)), floor_finish(rng)
    accent = wall_finish(rng) if rng.random() < 0.25 else finish
    walls = [finish] * 4
    walls[int(rng.integers(4))] = accent
    skirting = plain(white(rng)) if rng.random() < 0.7 else plain(shade(finish.a, 0.8))
    size = (d + 2 * t, w + 2 * t) if rng.random() < 0.5 else (w + 2 * t, d + 2 * t)
    turn = None if size[0] == w + 2 * t else turned("z", np.pi / 2)
    parts = [
        brick(ground, (size[0], size[1], t), (w / 2, d / 2, -t / 2), turn=turn, label="floor", opaque=False),
        brick(ceiling, (w + 2 * t, d + 2 * t, t), (w / 2, d / 2, h + t / 2), label="ceiling", opaque=False),
        brick(walls[0], (w, t, h), (w / 2, -t / 2, h / 2), opaque=False),
        brick(walls[1], (t, d, h), (w + t / 2, d / 2, h / 2), opaque=False),
        brick(walls[2], (w, t, h), (w / 2, d + t / 2, h / 2), opaque=False),
        brick(walls[3], (t, d, h), (-t / 2, d / 2, h / 2), opaque=False),
    ]
    if rng.random() < 0.8:
        low, thin = rng.uniform(0.05, 0.12), 0.012
        for x, y, sx, sy in (
            (w / 2, thin / 2, w, thin),
            (w / 2, d - thin / 2, w, thin),
            (thin / 2, d / 2, thin, d),
            (w - thin / 2, d / 2, thin, d),
        ):
            parts.append(brick(skirting, (sx, sy, low), (x, y, low / 2), opaque=False))
    return Item("wall", (w, d, h), parts)


def put_column(rng: Generator, plan: Plan, finish: Material) -> None:
    """A chimney breast or the corner that makes the room an L, from floor to ceiling."""
    big = rng.random() < 0.5
    w = rng.uniform(0.2, 0.38) * plan.width if big else rng.uniform(0.3, 0.7)
    d = rng.uniform(0.2, 0.38) * plan.depth if big else rng.uniform(0.3, 0.7)
    right, far = rng.random() < 0.5, rng.random() < 0.5
    x, y = (plan.width - w / 2 if right else w / 2), (plan.depth - d / 2 if far else d / 2)
    part = brick(finish, (w, d, plan.height), (0, 0, plan.height / 2))
    plan.put(Placed(Item("wall", (w, d, plan.height), [part]), x, y))
    x0, x1, y0, y1 = x - w / 2, x + w / 2, y - d / 2, y + d / 2
    # Along walls 2 and 3 distances run against x and y.
    span = (plan.width - x1, plan.width - x0) if far else (x0, x1)
    plan.on_wall.append((2 if far else 0, span[0] - 0.05, span[1] + 0.05, 0.0, plan.height))
    span = (y0, y1) if right else (plan.depth - y1, plan.depth - y0)
    plan.on_wall.append((1 if right else 3, span[0] - 0.05, span[1] + 0.05, 0.0, plan.height))


def put_doors(rng: Generator, plan: Plan, count: int) -> None:
    """Hang doors and keep the floor before them free."""
    for _ in range(count):
        item = decor.door(rng)
        hung = plan.hang(rng, item, item.size[2] / 2 + 0.001, gap=0.0)
        if hung is None:
            continue
        placed, _, _ = hung
        plan.placed[-1] = Placed(item, placed.x, placed.y, 0.0, placed.yaw)
        plan.taken.append(plan.footprint(plan.placed[-1], front=0.75))


def put_windows(rng: Generator, plan: Plan, count: int, curtains: int) -> list[Pane]:
    """Hang windows with curtains before some of them; one sky serves all windows of a room."""
    panes = []
    night = rng.random() < 0.1
    radiance = rng.uniform(0.02, 0.08) if night else rng.uniform(1.2, 3.5)
    sill = 0.12 if rng.random() < 0.15 else rng.uniform(0.75, 1.05)
    top = min(plan.height - 0.2, rng.uniform(2.0, 2.3))
    for _ in range(count):
        width, height = rng.uniform(0.7, 2.2), top - sill
        item = decor.window(rng, width, height, radiance)
        hung = plan.hang(rng, item, (top + sill) / 2, gap=0.12)
        if hung is None:
            continue
        placed, wall, along = hung
        c, s = np.cos(placed.yaw), np.sin(placed.yaw)
        middle = placed.world((0.0, 0.05, 0.0))
        panes.append(Pane(middle, np.array([c, s, 0]), np.array([-s, c, 0]), width - 0.1, height - 0.1, radiance))
        if curtains > 0:
            curtains -= 1
            low = 0.03 if rng.random() < 0.65 else sill - 0.15
            cloth = decor.curtain(rng, width, low, min(top + 0.12, plan.height - 0.05))
            plan.put(plan.at_wall(cloth, wall, along, 0.08), occupied=False)
            start, end = along - cloth.size[0] / 2, along + cloth.size[0] / 2
            plan.on_wall.append((wall, start, end, low, top + 0.15))
    return panes
