"""A furnished room from a seed: what stands where."""

from dataclasses import dataclass

import numpy as np

from mtlviz.data.rooms import decor, furniture, seats
from mtlviz.data.rooms.frequencies import object_counts
from mtlviz.data.rooms.materials import Generator
from mtlviz.data.rooms.mesh import Placed
from mtlviz.data.rooms.people import person
from mtlviz.data.rooms.plan import Plan
from mtlviz.data.rooms.shell import Pane, put_column, put_doors, put_windows, shell


@dataclass(frozen=True)
class Layout:
    """A furnished room: its plan, with the shell first in ``plan.placed``, and its windows."""

    plan: Plan
    panes: tuple[Pane, ...]


def _seating(rng: Generator, plan: Plan, counts: dict[str, int]) -> None:
    """Sofas with coffee tables, beds with stands."""
    for _ in range(counts["sofa"]):
        placed = plan.put_at_wall(rng, seats.sofa(rng), front=0.5)
        if placed and counts["table"] > 0 and rng.random() < 0.6:
            table = furniture.table(rng, "coffee")
            out = placed.item.size[1] / 2 + rng.uniform(0.3, 0.5) + table.size[1] / 2
            x, y, _ = placed.world((0.0, out, 0.0))
            spot = Placed(table, float(x), float(y), 0.0, placed.yaw)
            if plan.is_free(plan.footprint(spot), 0.05):
                plan.put(spot)
                counts["table"] -= 1
    for _ in range(counts["bed"]):
        placed = plan.put_at_wall(rng, furniture.bed(rng), front=0.2)
        if placed and counts["cabinet"] > 0 and rng.random() < 0.6:
            stand = furniture.cabinet(rng, "stand")
            side = rng.choice([-1, 1]) * (placed.item.size[0] / 2 + stand.size[0] / 2 + 0.08)
            x, y, _ = placed.world((float(side), -placed.item.size[1] / 2 + stand.size[1] / 2, 0.0))
            spot = Placed(stand, float(x), float(y), 0.0, placed.yaw)
            if plan.is_free(plan.footprint(spot), 0.01):
                plan.put(spot)
                counts["cabinet"] -= 1


def _tables(rng: Generator, plan: Plan, counts: dict[str, int]) -> None:
    """Dining tables with chairs on their sides, desks with one chair, and the chairs left over."""
    for _ in range(counts["table"]):
        if counts["chair"] >= 2 or rng.random() < 0.4:
            sides = [int(side) for side in rng.permutation(4)]
            item = furniture.table(rng, "dining")
            placed = plan.put_freely(rng, item, yaw=float(rng.choice([0, np.pi / 2])), gap=0.35, margin=0.9)
        else:
            sides = [0]
            placed = plan.put_at_wall(rng, furniture.table(rng, "desk"), front=0.7)
        if placed is None:
            continue
        for side in sides[: counts["chair"]]:
            if _chair_at(rng, plan, placed, side):
                counts["chair"] -= 1
    for _ in range(counts["chair"]):
        item = seats.chair(rng)
        if rng.random() < 0.5 or not plan.put_at_wall(rng, item, front=0.2):
            plan.put_freely(rng, item, gap=0.12, margin=0.4)


def _chair_at(rng: Generator, plan: Plan, table: Placed, side: int) -> bool:
    """Stand a chair before one of the four sides of a table, facing it."""
    item = seats.chair(rng)
    w, d, _ = table.item.size
    reach = (d if side % 2 == 0 else w) / 2 + item.size[1] / 2 + rng.uniform(-0.12, 0.15)
    slide = rng.uniform(-0.2, 0.2) * (w if side % 2 == 0 else d)
    local = [(slide, reach), (-reach, slide), (slide, -reach), (reach, slide)][side]
    x, y, _ = table.world((*local, 0.0))
    facing = table.yaw + [np.pi, -np.pi / 2, 0.0, np.pi / 2][side] + rng.uniform(-0.25, 0.25)
    placed = Placed(item, float(x), float(y), 0.0, facing)
    x0, y0, x1, y1 = plan.footprint(placed)
    # Its own table is no obstacle: seats slide under the board.
    others = Plan(plan.width, plan.depth, plan.height, taken=[t for t in plan.taken if t != plan.footprint(table)])
    if not others.is_free((x0, y0, x1, y1), 0.03):
        return False
    plan.put(placed)
    return True


def _storage(rng: Generator, plan: Plan, counts: dict[str, int]) -> None:
    for _ in range(counts["shelves"]):
        plan.put_at_wall(rng, furniture.shelves(rng), front=0.35)
    for _ in range(counts["cabinet"]):
        kind = str(rng.choice(["wardrobe", "sideboard", "drawers", "counter"], p=[0.35, 0.25, 0.25, 0.15]))
        plan.put_at_wall(rng, furniture.cabinet(rng, kind), front=0.35)


def _people(rng: Generator, plan: Plan, count: int) -> None:
    """Seated where a seat is free in four of ten cases, else standing."""
    for _ in range(count):
        if plan.seats and rng.random() < 0.4:
            seat = plan.seats.pop(int(rng.integers(len(plan.seats))))
            spread = max(0.0, seat.item.size[0] / 2 - 0.45)
            local = (float(rng.uniform(-spread, spread)), 0.05, 0.0)
            turn = seat.yaw
            if seat.item.label == "bed":
                local, turn = (seat.item.size[0] / 2 - 0.15, 0.2, 0.0), seat.yaw - np.pi / 2
            x, y, _ = seat.world(local)
            plan.put(Placed(person(rng, seat.item.seat), float(x), float(y), 0.0, turn), occupied=False)
        else:
            plan.put_freely(rng, person(rng), gap=0.05, margin=0.4, tries=30)


def _top(rng: Generator, plan: Plan) -> tuple[float, float, float] | None:
    """A spot on a free surface, used up by being returned."""
    if not plan.tops:
        return None
    x, y, z, radius = plan.tops.pop(int(rng.integers(len(plan.tops))))
    shift = rng.uniform(-0.3, 0.3, 2) * radius
    return x + float(shift[0]), y + float(shift[1]), z


def _small_things(rng: Generator, plan: Plan, counts: dict[str, int]) -> None:
    """Lamps, plants and boxes on the floor, on furniture or from the ceiling."""
    for _ in range(counts["lamp"]):
        kind = str(rng.choice(["floor", "table", "pendant"], p=[0.4, 0.35, 0.25]))
        spot = _top(rng, plan) if kind == "table" else None
        if spot:
            plan.put(Placed(decor.lamp(rng, "table"), *spot), occupied=False)
        elif kind == "pendant":
            x, y = rng.uniform(0.35, 0.65) * plan.width, rng.uniform(0.35, 0.65) * plan.depth
            plan.put(Placed(decor.lamp(rng, "pendant", plan.height), x, y), occupied=False)
        else:
            plan.put_at_wall(rng, decor.lamp(rng, "floor"))
    for label, make in (("plant", decor.plant), ("box", decor.carton)):
        for _ in range(counts[label]):
            spot = _top(rng, plan) if rng.random() < 0.25 else None
            if spot:
                plan.put(Placed(make(rng, small=True), *spot, rng.uniform(-3, 3)), occupied=False)
            elif rng.random() < 0.6:
                plan.put_at_wall(rng, make(rng))
            else:
                plan.put_freely(rng, make(rng), gap=0.02, margin=0.3)


def _rug(rng: Generator, plan: Plan) -> None:
    width, depth = rng.uniform(1.2, 0.7 * plan.width), rng.uniform(0.9, 0.6 * plan.depth)
    x, y = (rng.uniform(0.4, 0.6) * side for side in (plan.width, plan.depth))
    angle = rng.uniform(-0.15, 0.15)
    plan.put(Placed(decor.rug(rng, width, depth), x, y, 0.0, angle), occupied=False)


def _pictures(rng: Generator, plan: Plan, count: int) -> None:
    for _ in range(count):
        width, height = rng.uniform(0.3, 1.2), rng.uniform(0.3, 0.9)
        plan.hang(
            rng,
            decor.picture(rng, width, height),
            min(rng.uniform(1.45, 1.75), plan.height - height / 2 - 0.15),
        )


def furnish(rng: Generator, tail: float = 1.0) -> Layout:
    """A room with everything in it.

    Args:
        rng: generator that decides everything.
        tail: exponent on the object frequencies, see `object_counts`.
    """
    counts = object_counts(rng, tail)
    plan = Plan(rng.uniform(2.9, 6.2), rng.uniform(2.9, 6.2), rng.uniform(2.35, 3.0))
    box = shell(rng, plan)
    plan.put(Placed(box, 0.0, 0.0), occupied=False)
    if rng.random() < 0.3:
        put_column(rng, plan, box.parts[2].material)
    put_doors(rng, plan, counts["door"])
    panes = put_windows(rng, plan, counts["window"], counts["curtain"])
    _seating(rng, plan, counts)
    _people(rng, plan, counts["person"] // 2)
    _storage(rng, plan, counts)
    _tables(rng, plan, counts)
    _people(rng, plan, counts["person"] - counts["person"] // 2)
    _small_things(rng, plan, counts)
    _pictures(rng, plan, counts["picture"])
    if rng.random() < 0.45:
        _rug(rng, plan)
    return Layout(plan, tuple(panes))
