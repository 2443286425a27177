"""The colour of surface points before any light falls on them, and the view through the windows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtlviz.data.rooms import textures
from mtlviz.data.rooms.materials import Material
from mtlviz.data.rooms.vectors import length

Array = np.ndarray


@dataclass(frozen=True)
class Surfaces:
    """Materials as arrays: linear colours ``(M, 3)``, parameters ``(M, 4)``, glow and gloss ``(M,)``."""

    pattern: tuple[str, ...]
    a: Array
    b: Array
    p: Array
    glow: Array
    gloss: Array

    def has_pattern(self, name: str) -> Array:
        """``(M,)`` bool."""
        return np.array([pattern == name for pattern in self.pattern])


def reflectance(srgb: Array) -> Array:
    """Linear reflectance of colours given as sRGB in [0, 1]; the brightest paint reflects 90 %."""
    return np.asarray(0.9 * np.asarray(srgb, np.float32) ** 2.2, np.float32)


def tabulate(materials: Sequence[Material]) -> Surfaces:
    """The materials of a mesh as arrays."""
    return Surfaces(
        tuple(m.pattern for m in materials),
        reflectance(np.array([m.a for m in materials])),
        reflectance(np.array([m.b for m in materials])),
        np.array([m.p for m in materials], np.float32),
        np.array([m.glow for m in materials], np.float32),
        np.array([m.gloss for m in materials], np.float32),
    )


def albedo(surfaces: Surfaces, material: Array, uv: Array, footprint: Array) -> Array:
    """Linear colour ``(N, 3)`` of surface points, each pattern evaluated where it occurs.

    Args:
        surfaces: the materials.
        material: ``(N,)`` index of the material.
        uv: ``(N, 2)`` surface coordinates in metres.
        footprint: ``(N,)`` metres that a pixel covers there.
    """
    colour = surfaces.a[material]
    for name in sorted(set(surfaces.pattern) & set(textures.PATTERNS)):
        at = np.flatnonzero(surfaces.has_pattern(name)[material])
        if len(at):
            m = material[at]
            pattern = textures.PATTERNS[name]
            colour[at] = pattern(uv[at], surfaces.a[m], surfaces.b[m], surfaces.p[m], footprint[at])
    return np.asarray(colour)


def outdoors(ray: Array, p: Array) -> Array:
    """Radiance ``(N, 3)`` of sky and trees or houses seen through a window.

    Args:
        ray: ``(N, 3)`` directions in the room.
        p: ``(N, 4)``: seed, sine of the horizon's elevation, above one half for a town, unused.
    """
    up = ray[:, 2] / length(ray)
    azimuth = np.arctan2(ray[:, 1], ray[:, 0])
    seed, horizon, town = p[:, 0], p[:, 1], p[:, 2] > 0.5
    haze = np.clip(1 - 1.6 * (up - horizon), 0, 1)[:, None]
    sky = np.array([0.55, 0.75, 1.0]) + haze * np.array([0.5, 0.3, 0.05])
    sky = sky * (1 + 0.25 * textures.noise(azimuth * 0.15 + seed, up * 0.4))[:, None]
    house = np.floor(azimuth * 9 + 40 * seed)
    roofs = horizon + 0.05 + 0.12 * np.abs(np.sin(house * 12.9))
    trees = horizon + 0.12 * textures.noise(azimuth * 0.25 + seed, seed)
    leaves = np.maximum(1 + textures.noise(azimuth * 0.8, up * 0.8 + seed), 0.2)
    green = np.array([0.16, 0.24, 0.09]) * leaves[:, None]
    walls = (0.3 + 0.25 * np.abs(np.sin(house * 7.3)))[:, None] * np.array([1.0, 0.93, 0.85])
    ground = np.where(town[:, None], walls, green)
    below = up < np.where(town, roofs, trees)
    return np.asarray(np.where(below[:, None], ground, sky), np.float32)
