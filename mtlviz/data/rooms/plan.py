"""The floor plan while a room is being furnished: what is where, and whether something more fits."""

from dataclasses import dataclass, field

import numpy as np

from mtlviz.data.rooms.materials import Generator
from mtlviz.data.rooms.mesh import Item, Placed

Rectangle = tuple[float, float, float, float]
"""x0, y0, x1, y1 on the floor, metres."""


@dataclass
class Plan:
    """A rectangular room with its corner at the origin.

    Walls 0 to 3 run along y = 0, x = width, y = depth and x = 0.

    Attributes:
        width: extent in x, metres.
        depth: extent in y.
        height: extent in z.
        placed: everything in the room so far.
        taken: floor that is occupied or must stay free.
        on_wall: (wall, from, to, bottom, top) of everything at a wall, metres along the wall and up.
        tops: free surfaces as (x, y, z, radius).
        seats: items that someone can sit on.
    """

    width: float
    depth: float
    height: float
    placed: list[Placed] = field(default_factory=list)
    taken: list[Rectangle] = field(default_factory=list)
    on_wall: list[tuple[int, float, float, float, float]] = field(default_factory=list)
    tops: list[tuple[float, float, float, float]] = field(default_factory=list)
    seats: list[Placed] = field(default_factory=list)

    def wall_length(self, wall: int) -> float:
        """Metres along a wall."""
        return self.width if wall % 2 == 0 else self.depth

    def at_wall(self, item: Item, wall: int, along: float, out: float, z: float = 0.0) -> Placed:
        """The item facing into the room, its origin `along` the wall and `out` metres from it."""
        x, y = [
            (along, out),
            (self.width - out, along),
            (self.width - along, self.depth - out),
            (out, self.depth - along),
        ][wall]
        return Placed(item, x, y, z, [0.0, np.pi / 2, np.pi, -np.pi / 2][wall])

    def footprint(self, p: Placed, front: float = 0.0) -> Rectangle:
        """Bounding rectangle of a placed item plus `front` metres to be kept free before it."""
        w, d = p.item.size[0] / 2, p.item.size[1] / 2
        corners = np.array([p.world((x, y, 0)) for x in (-w, w) for y in (-d, d + front)])
        return corners[:, 0].min(), corners[:, 1].min(), corners[:, 0].max(), corners[:, 1].max()

    def is_free(self, r: Rectangle, gap: float = 0.0) -> bool:
        """Whether the rectangle lies in the room and at least `gap` metres from everything."""
        if r[0] < -1e-6 or r[1] < -1e-6 or r[2] > self.width + 1e-6 or r[3] > self.depth + 1e-6:
            return False
        return not any(
            r[0] < t[2] + gap and r[2] > t[0] - gap and r[1] < t[3] + gap and r[3] > t[1] - gap for t in self.taken
        )

    def wall_is_free(self, wall: int, start: float, end: float, bottom: float, top: float) -> bool:
        """Whether nothing is at this stretch of a wall between two heights."""
        if start < 0 or end > self.wall_length(wall) or top > self.height:
            return False
        return not any(w == wall and start < e and end > s and bottom < t and top > b for w, s, e, b, t in self.on_wall)

    def put(self, p: Placed, occupied: bool = True) -> Placed:
        """Add the item; `occupied` takes its floor."""
        self.placed.append(p)
        if occupied:
            self.taken.append(self.footprint(p))
        if p.item.top:
            radius = min(p.item.size[:2]) / 2
            self.tops.append((p.x, p.y, p.z + p.item.top, radius))
        if p.item.seat:
            self.seats.append(p)
        return p

    def put_at_wall(
        self, rng: Generator, item: Item, front: float = 0.0, gap: float = 0.04, tries: int = 14
    ) -> Placed | None:
        """Stand the item with its back to a free stretch of wall, or give up and return None."""
        width, depth, height = item.size
        for _ in range(tries):
            wall = int(rng.integers(4))
            length = self.wall_length(wall)
            if length < width + 0.1:
                continue
            along = rng.uniform(width / 2, length - width / 2)
            if rng.random() < 0.3:  # furniture likes corners
                along = width / 2 + 0.03 if rng.random() < 0.5 else length - width / 2 - 0.03
            out = depth / 2 + rng.uniform(0.02, 0.06)
            p = self.at_wall(item, wall, along, out)
            start, end = along - width / 2, along + width / 2
            if self.wall_is_free(wall, start, end, 0.0, height) and self.is_free(self.footprint(p, front), gap):
                self.on_wall.append((wall, start, end, 0.0, height))
                return self.put(p)
        return None

    def put_freely(
        self,
        rng: Generator,
        item: Item,
        yaw: float | None = None,
        gap: float = 0.1,
        margin: float = 0.1,
        tries: int = 14,
    ) -> Placed | None:
        """Stand the item anywhere it fits, at least `margin` metres from the walls, or return None."""
        for _ in range(tries):
            turn = rng.uniform(-np.pi, np.pi) if yaw is None else yaw
            if self.width < 2 * margin + 0.4 or self.depth < 2 * margin + 0.4:
                return None
            x, y = rng.uniform(margin, self.width - margin), rng.uniform(margin, self.depth - margin)
            p = Placed(item, x, y, 0.0, turn)
            if self.is_free(self.footprint(p), gap):
                return self.put(p)
        return None

    def hang(
        self, rng: Generator, item: Item, middle: float, gap: float = 0.08, tries: int = 16
    ) -> tuple[Placed, int, float] | None:
        """Hang the item on a free wall, its middle at that height; returns also the wall and where."""
        width, _, height = item.size
        for _ in range(tries):
            wall = int(rng.integers(4))
            length = self.wall_length(wall)
            if length < width + 0.4:
                continue
            along = rng.uniform(width / 2 + 0.15, length - width / 2 - 0.15)
            bottom, top = middle - height / 2, middle + height / 2
            start, end = along - width / 2 - gap, along + width / 2 + gap
            if self.wall_is_free(wall, start, end, bottom - gap, top + gap):
                self.on_wall.append((wall, start, end, bottom - gap, top + gap))
                return self.put(self.at_wall(item, wall, along, 0.0, middle), occupied=False), wall, along
        return None
