"""Unit solids from which every object is built: triangles in the cube [-1/2, 1/2]^3, made once."""

from dataclasses import dataclass
from functools import cache

import numpy as np

_ROUND = 14  # faces around a solid of revolution: round at 160 pixels, and few enough to build in milliseconds


@dataclass(frozen=True)
class Solid:
    """Triangles of a unit solid.

    Attributes:
        vertices: ``(V, 3)`` float32 in [-1/2, 1/2].
        normals: ``(V, 3)`` float32 outward unit normals of the smooth surface the triangles stand for.
        uv: ``(V, 2)`` float32 surface coordinates before scaling.
        uv_axis: ``(V, 2)`` which of the three sizes scales u and v, so that uv end up in metres.
        faces: ``(F, 3)`` int32, counter-clockwise from outside.
        sides: ``(F,)`` int32, number of the smooth patch a face belongs to (below 8).
    """

    vertices: np.ndarray
    normals: np.ndarray
    uv: np.ndarray
    uv_axis: np.ndarray
    faces: np.ndarray
    sides: np.ndarray


def _solid(
    vertices: np.ndarray,
    normals: np.ndarray,
    uv: np.ndarray,
    uv_axis: np.ndarray,
    faces: np.ndarray,
    sides: np.ndarray,
) -> Solid:
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return Solid(
        np.asarray(vertices, np.float32),
        np.asarray(normals, np.float32),
        np.asarray(uv, np.float32),
        np.asarray(uv_axis, np.int64),
        np.asarray(faces, np.int32),
        np.asarray(sides, np.int32),
    )


def _cube_grid(cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, uv, uv axes, faces and sides of a cube of ``cells`` x ``cells`` squares a side."""
    ticks = np.linspace(-0.5, 0.5, cells + 1)
    p, q = (a.ravel() for a in np.meshgrid(ticks, ticks, indexing="ij"))
    corner = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)[None]).ravel()
    quad = np.stack([corner, corner + cells + 1, corner + cells + 2, corner + 1], 1)
    triangles = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
    vertices, uv, axes, faces, sides = [], [], [], [], []
    for side in range(6):
        axis, sign = divmod(side, 2)
        a, b = [(1, 2), (0, 2), (0, 1)][axis]
        position = np.zeros((len(p), 3))
        position[:, axis], position[:, a], position[:, b] = (0.5 if sign else -0.5), p, q
        outward = np.cross(np.eye(3)[a], np.eye(3)[b])[axis] * (1 if sign else -1)
        vertices.append(position)
        uv.append(np.stack([p, q], 1))
        axes.append(np.tile([a, b], (len(p), 1)))
        faces.append((triangles if outward > 0 else triangles[:, ::-1]) + side * len(p))
        sides.append(np.full(len(triangles), side))
    return tuple(np.concatenate(a) for a in (vertices, uv, axes, faces, sides))  # type: ignore[return-value]


@cache
def box() -> Solid:
    """Sharp cuboid; uv are the two coordinates along each side."""
    vertices, uv, axes, faces, sides = _cube_grid(1)
    normals = np.repeat(np.eye(3)[[0, 0, 1, 1, 2, 2]] * np.array([-1, 1, -1, 1, -1, 1])[:, None], 4, axis=0)
    return _solid(vertices, normals, uv, axes, faces, sides)


@cache
def rounded(power: float, cells: int = 4) -> Solid:
    """Superellipsoid |x|^p + |y|^p + |z|^p = (1/2)^p: a ball for 2, a cushion near 4, a soft block near 8."""
    vertices, uv, axes, faces, _ = _cube_grid(cells)
    # Equal angles instead of equal steps: without this the triangles crowd towards the corners.
    bent = 0.5 * np.tan(vertices * np.pi / 2) if power < 3 else vertices
    length = (np.abs(bent) ** power).sum(1, keepdims=True) ** (1 / power)
    surface = 0.5 * bent / length
    normals = np.sign(surface) * np.abs(surface) ** (power - 1)
    return _solid(surface, normals, uv, axes, faces, np.zeros(len(faces)))


def _revolve(radii: np.ndarray, heights: np.ndarray, slopes: np.ndarray, capped: bool) -> Solid:
    """Turn a profile about z; `slopes` are the (radial, vertical) parts of the normals."""
    angle = np.linspace(0, 2 * np.pi, _ROUND + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    rings, around = len(radii), _ROUND + 1
    xy = radii[:, None, None] * circle[None]
    vertices = np.concatenate([xy, np.broadcast_to(heights[:, None, None], (rings, around, 1))], 2).reshape(-1, 3)
    normals = np.concatenate(
        [slopes[:, None, :1] * circle[None], np.broadcast_to(slopes[:, None, 1:], (rings, around, 1))], 2
    ).reshape(-1, 3)
    uv = np.stack(
        [
            np.broadcast_to(angle[None] / 2, (rings, around)),
            np.broadcast_to(heights[:, None], (rings, around)),
        ],
        2,
    ).reshape(-1, 2)
    corner = (np.arange(rings - 1)[:, None] * around + np.arange(_ROUND)[None]).ravel()
    quad = np.stack([corner, corner + 1, corner + around + 1, corner + around], 1)
    faces = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
    sides = np.zeros(len(faces))
    axes = np.tile([0, 2], (len(vertices), 1))
    if capped:
        for ring, up in ((0, -1.0), (rings - 1, 1.0)):
            rim = vertices[ring * around : ring * around + _ROUND]
            fan = np.stack([np.zeros(_ROUND - 2), np.arange(1, _ROUND - 1), np.arange(2, _ROUND)], 1).astype(int)
            faces = np.concatenate([faces, (fan if up > 0 else fan[:, ::-1]) + len(vertices)])
            sides = np.concatenate([sides, np.full(len(fan), 1 if up > 0 else 2)])
            vertices = np.concatenate([vertices, rim])
            normals = np.concatenate([normals, np.tile([0, 0, up], (_ROUND, 1))])
            uv = np.concatenate([uv, rim[:, :2]])
            axes = np.concatenate([axes, np.tile([0, 1], (_ROUND, 1))])
    return _solid(vertices, normals, uv, axes, faces, sides)


@cache
def frustum(bottom: float = 1.0, top: float = 1.0, capped: bool = True) -> Solid:
    """Round post, pot or lamp shade: diameters `bottom` and `top` of the unit width."""
    slope = np.array([1.0, (bottom - top) / 2])
    return _revolve(np.array([bottom, top]) / 2, np.array([-0.5, 0.5]), np.tile(slope, (2, 1)), capped)


@cache
def limb(taper: float = 1.0) -> Solid:
    """Round-ended rod along z whose upper end is `taper` times as thick as its lower end."""
    t = np.array([-0.5, -0.46, -0.36, 0.0, 0.36, 0.46, 0.5])
    power = 5.0
    radius = 0.5 * np.maximum(1 - np.abs(2 * t) ** power, 0) ** (1 / power)
    radius[[0, -1]] = 0.02
    slopes = np.stack([np.maximum(2 * radius, 1e-3) ** (power - 1), np.sign(t) * np.abs(2 * t) ** (power - 1)], 1)
    return _revolve(radius * (1 + (taper - 1) * (t + 0.5)) / max(1.0, taper), t, slopes, capped=False)


@cache
def drape(folds: int) -> Solid:
    """Hanging cloth in the x-z plane with `folds` vertical folds of the unit depth."""
    columns = folds * 6 + 1
    x = np.linspace(-0.5, 0.5, columns)
    phase = (x + 0.5) * folds * 2 * np.pi
    y, slope = 0.5 * np.cos(phase), -0.5 * np.sin(phase) * folds * 2 * np.pi
    vertices = np.concatenate([np.stack([x, y * s, np.full(columns, z)], 1) for z, s in ((-0.5, 1.0), (0.5, 0.7))])
    normals = np.tile(np.stack([-slope, np.ones(columns), np.zeros(columns)], 1), (2, 1))
    corner = np.arange(columns - 1)
    quad = np.stack([corner, corner + columns, corner + columns + 1, corner + 1], 1)
    faces = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
    axes = np.tile([0, 2], (len(vertices), 1))
    return _solid(vertices, normals, vertices[:, [0, 2]], axes, faces, np.zeros(len(faces)))


@cache
def leaf() -> Solid:
    """Bent blade growing along +x from x = -1/2, widest in its middle."""
    t = np.linspace(0, 1, 5)
    width = np.array([0.08, 0.42, 0.5, 0.3, 0.01])
    height = 0.5 - 1.0 * (t - 0.35) ** 2 / 0.4225
    left, right = (np.stack([t - 0.5, s * width, height], 1) for s in (-1.0, 1.0))
    bend = np.gradient(height, t)
    normals = np.tile(np.stack([-bend, np.zeros(5), np.ones(5)], 1), (2, 1))
    vertices = np.concatenate([left, right])
    corner = np.arange(4)
    quad = np.stack([corner, corner + 1, corner + 6, corner + 5], 1)
    faces = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
    return _solid(vertices, normals, vertices[:, :2], np.tile([0, 1], (10, 1)), faces, np.zeros(len(faces)))
