"""Soft light, gathered on a coarse grid of pixels and spread to all of them without crossing edges."""

import numpy as np

from mtlviz.data.rooms.lighting import Lights, reflected_light, sky_light
from mtlviz.data.rooms.materials import Generator
from mtlviz.data.rooms.tracing import Hits
from mtlviz.data.rooms.vectors import dot
from mtlviz.data.rooms.view import View

Array = np.ndarray
_STEP = 4  # one gathering point for each 4 x 4 pixels
_TRUST = 0.03  # below this agreement with the grid a pixel gathers for itself


def soft_light(rng: Generator, view: View, lights: Lights, part_colour: Array, rays: tuple[int, int]) -> Array:
    """Irradiance ``(H * W, 3)`` from the sky and from other surfaces.

    Args:
        rng: generator of the ray directions.
        view: what the camera sees.
        lights: the lights of the room.
        part_colour: ``(P, 3)`` mean colour of every part of the mesh.
        rays: rays a point towards the windows and towards the surfaces.
    """
    height, width = view.size
    rows = np.minimum(np.arange(-(-height // _STEP)) * _STEP + _STEP // 2, height - 1)
    columns = np.minimum(np.arange(-(-width // _STEP)) * _STEP + _STEP // 2, width - 1)
    grid = view.hits.at((rows[:, None] * width + columns[None]).ravel())
    shape = (len(rows), len(columns), 3)
    gathered = _gather(rng, view, lights, part_colour, grid, rays).reshape(shape)
    gathered = _soften(gathered, grid.point.reshape(shape), grid.normal.reshape(shape))
    light, trust = _spread(gathered, grid, view)
    # Thin things fall between the grid points: gather for them one by one.
    alone = np.flatnonzero(trust < _TRUST)
    if len(alone):
        light[alone] = _gather(rng, view, lights, part_colour, view.hits.at(alone), rays)
    return light


def _gather(rng: Generator, view: View, lights: Lights, part_colour: Array, at: Hits, rays: tuple[int, int]) -> Array:
    sky = sky_light(rng, view.tracer, lights, at.point, at.normal, rays[0])
    rest = reflected_light(rng, view.tracer, lights, part_colour, at.point, at.normal, rays[1])
    return np.asarray(sky + rest)


def _alike(point: Array, normal: Array, other_point: Array, other_normal: Array) -> Array:
    """Weight in [0, 1]: 1 for two points of one plane, towards 0 as normals turn or the plane is left."""
    cosine = np.maximum(dot(normal, other_normal), 0)
    off = dot(other_point - point, normal) / np.float32(0.06)
    return np.asarray(np.square(np.square(np.square(cosine))) * np.exp(-off * off), np.float32)


def _soften(light: Array, point: Array, normal: Array) -> Array:
    """Average the light ``(h, w, 3)`` of the grid over neighbours that lie on the same smooth surface."""
    height, width, _ = light.shape
    total, weight = light.copy(), np.ones((height, width, 1), np.float32)
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            if dx == dy == 0:
                continue
            here = (slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx)))
            there = (slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx)))
            same = _alike(point[here], normal[here], point[there], normal[there])[..., None]
            total[here] += same * light[there]
            weight[here] += same
    return np.asarray(total / weight)


def _spread(light: Array, grid: Hits, view: View) -> tuple[Array, Array]:
    """Interpolate at every pixel from the four grid points around it; returns also how well they agree."""
    height, width = view.size
    h, w = light.shape[:2]
    row = (np.arange(height) - _STEP / 2 + 0.5) / _STEP
    column = (np.arange(width) - _STEP / 2 + 0.5) / _STEP
    flat, total = light.reshape(-1, 3), np.zeros((height * width, 3), np.float32)
    weight = np.zeros(height * width, np.float32)
    for dy in (0, 1):
        for dx in (0, 1):
            r, c = np.floor(row).astype(int) + dy, np.floor(column).astype(int) + dx
            tent = np.outer(1 - np.abs(row - r), 1 - np.abs(column - c)).ravel().astype(np.float32)
            index = (np.clip(r, 0, h - 1)[:, None] * w + np.clip(c, 0, w - 1)[None]).ravel()
            alike = _alike(view.hits.point, view.hits.normal, grid.point[index], grid.normal[index])
            share = (tent + 0.02) * alike
            total += share[:, None] * flat[index]
            weight += share
    return total / np.maximum(weight, 1e-6)[:, None], weight
