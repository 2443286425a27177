"""Parts, items and their placement, and the one triangle mesh they become."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from mtlviz.data.rooms.materials import Material
from mtlviz.data.rooms.solids import Solid, box

Vector = tuple[float, float, float]


class Part(NamedTuple):
    """A unit solid scaled, turned and moved inside its item.

    Attributes:
        solid: the unit solid.
        size: metres along the solid's own axes.
        at: centre in the item's frame (x along the wall, y into the room, z up), metres.
        material: what it is made of.
        turn: ``(3, 3)`` rotation in the item's frame, or None.
        body: human part label, 0 for everything else.
        opaque: whether it keeps light from what lies behind it.
        label: class that differs from the item's own, or None.
    """

    solid: Solid
    size: Vector
    at: Vector
    material: Material
    turn: np.ndarray | None = None
    body: int = 0
    opaque: bool = True
    label: str | None = None


class Light(NamedTuple):
    """A lamp's light in the frame of its item: position, radius of the soft source and power."""

    at: Vector
    radius: float
    power: float


@dataclass(frozen=True)
class Item:
    """An object in its own frame: origin on the floor under its middle, back towards -y.

    Attributes:
        label: class name in ``ROOM_CLASSES``.
        size: (width, depth, height) it needs, metres.
        parts: what it is built of.
        top: height of a free surface that can carry small things, 0 where there is none.
        seat: height of a seat, 0 where there is none.
        light: the lamp in it, if it is lit.
    """

    label: str
    size: Vector
    parts: Sequence[Part]
    top: float = 0.0
    seat: float = 0.0
    light: Light | None = None


@dataclass(frozen=True)
class Placed:
    """An item in the room: position of its origin and its turn about the vertical in radians."""

    item: Item
    x: float
    y: float
    z: float = 0.0
    yaw: float = 0.0

    def world(self, point: Vector) -> np.ndarray:
        """Room coordinates ``(3,)`` of a point given in the item's frame."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([self.x + c * point[0] - s * point[1], self.y + s * point[0] + c * point[1], self.z + point[2]])


def brick(material: Material, size: Vector, at: Vector, **more: object) -> Part:
    """A sharp-edged cuboid part centred at `at`."""
    return Part(box(), size, at, material, **more)  # type: ignore[arg-type]


def turned(axis: str, angle: float) -> np.ndarray:
    """Rotation ``(3, 3)`` by `angle` radians about one of the axes ``x``, ``y``, ``z``."""
    c, s = np.cos(angle), np.sin(angle)
    rows = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(rows[axis])


def aligned(direction: np.ndarray) -> np.ndarray:
    """Rotation ``(3, 3)`` that takes +z to `direction` (any length)."""
    z = direction / np.linalg.norm(direction)
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], 1)


@dataclass(frozen=True)
class Mesh:
    """All triangles of a room; ``part`` indexes the arrays that hold one entry a part.

    Attributes:
        vertices: ``(V, 3)`` float32, room coordinates in metres, z up.
        normals: ``(V, 3)`` float32 unit normals.
        uv: ``(V, 2)`` float32 surface coordinates in metres.
        faces: ``(F, 3)`` int32.
        part: ``(F,)`` int32.
        surface: ``(F,)`` int32, one number for each smooth patch of each part.
        label: ``(P,)`` uint8 class of a part.
        instance: ``(P,)`` int32, 1 + index of the placed item.
        body: ``(P,)`` uint8 human part.
        opaque: ``(P,)`` bool.
        material: ``(P,)`` int32 index into `materials`.
        materials: the distinct materials.
    """

    vertices: np.ndarray
    normals: np.ndarray
    uv: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    surface: np.ndarray
    label: np.ndarray
    instance: np.ndarray
    body: np.ndarray
    opaque: np.ndarray
    material: np.ndarray
    materials: list[Material] = field(repr=False)


def assemble(placed: Sequence[Placed], label_of: Callable[[str], int]) -> Mesh:
    """One mesh of all placed items; instance k is ``placed[k - 1]``."""
    parts = [part for p in placed for part in p.item.parts]
    labels = [label_of(part.label or p.item.label) for p in placed for part in p.item.parts]
    owner = np.repeat(np.arange(len(placed)), [len(p.item.parts) for p in placed])
    materials: dict[Material, int] = {}
    material = [materials.setdefault(part.material, len(materials)) for part in parts]
    vertices, normals, uv, faces, part_of_face, side = _triangles(parts, *_poses(placed, parts, owner))
    return Mesh(
        vertices=vertices.astype(np.float32),
        normals=normals.astype(np.float32),
        uv=uv.astype(np.float32),
        faces=faces.astype(np.int32),
        part=part_of_face.astype(np.int32),
        surface=(part_of_face * 8 + side).astype(np.int32),
        label=np.array(labels, np.uint8),
        instance=(owner + 1).astype(np.int32),
        body=np.array([part.body for part in parts], np.uint8),
        opaque=np.array([part.opaque for part in parts], bool),
        material=np.array(material, np.int32),
        materials=list(materials),
    )


def _poses(placed: Sequence[Placed], parts: Sequence[Part], owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation ``(P, 3, 3)`` and centre ``(P, 3)`` of every part in the room."""
    yaw = np.array([p.yaw for p in placed])[owner]
    spin = np.zeros((len(parts), 3, 3))
    spin[:, 0, 0] = spin[:, 1, 1] = np.cos(yaw)
    spin[:, 1, 0], spin[:, 0, 1], spin[:, 2, 2] = np.sin(yaw), -np.sin(yaw), 1.0
    offset = np.array([(p.x, p.y, p.z) for p in placed])[owner]
    centre = np.einsum("nij,nj->ni", spin, np.array([part.at for part in parts])) + offset
    still = np.eye(3)
    return spin @ np.array([still if part.turn is None else part.turn for part in parts]), centre


def _triangles(parts: Sequence[Part], rotation: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, ...]:
    """Vertices, normals, uv, faces, part and side of all triangles.

    Parts that share a unit solid are transformed together: a room has hundreds of parts but a dozen solids.
    """
    of_solid: dict[int, list[int]] = {}
    for index, part in enumerate(parts):
        of_solid.setdefault(id(part.solid), []).append(index)
    pieces, count = [], 0
    for members in of_solid.values():
        solid, chosen = parts[members[0]].solid, np.array(members)
        turn = rotation[chosen].transpose(0, 2, 1)
        scale = np.array([parts[index].size for index in members])
        vertices = (solid.vertices[None] * scale[:, None]) @ turn + centre[chosen, None]
        normals = (solid.normals[None] / scale[:, None]) @ turn
        normals /= np.linalg.norm(normals, axis=2, keepdims=True)
        first = count + np.arange(len(chosen)) * len(solid.vertices)
        pieces.append(
            (
                vertices.reshape(-1, 3),
                normals.reshape(-1, 3),
                (solid.uv[None] * scale[:, solid.uv_axis]).reshape(-1, 2),
                (solid.faces[None] + first[:, None, None]).reshape(-1, 3),
                np.repeat(chosen, len(solid.faces)),
                np.tile(solid.sides, len(chosen)),
            )
        )
        count += len(chosen) * len(solid.vertices)
    return tuple(np.concatenate(arrays) for arrays in zip(*pieces, strict=True))
