"""Radiance of every pixel: albedo times incoming light, plus highlights and what glows by itself."""

import numpy as np

from mtlviz.data.rooms.lighting import Lights, lamp_light, sun_light
from mtlviz.data.rooms.materials import Generator
from mtlviz.data.rooms.softlight import soft_light
from mtlviz.data.rooms.surfaces import Surfaces, albedo, outdoors, tabulate
from mtlviz.data.rooms.tracing import Hits
from mtlviz.data.rooms.vectors import dot, unit
from mtlviz.data.rooms.view import View

Array = np.ndarray


def shade_pixels(rng: Generator, view: View, lights: Lights, rays: tuple[int, int]) -> Array:
    """Radiance ``(H * W, 3)`` of every pixel.

    Args:
        rng: generator of the sampling noise.
        view: what the camera sees.
        lights: the lights of the room.
        rays: soft-light rays a point towards the windows and towards the surfaces.
    """
    mesh, hits = view.tracer.mesh, view.hits
    surfaces, material = tabulate(mesh.materials), mesh.material[view.part]
    towards = unit(view.camera.position.astype(np.float32) - hits.point)
    slant = np.clip(dot(towards, hits.normal), 0.15, 1)
    footprint = hits.t / view.camera.intrinsics(view.size).fx / slant
    colour = albedo(surfaces, material, hits.uv, footprint)

    part_colour = 0.5 * (surfaces.a + surfaces.b)[mesh.material]
    light = soft_light(rng, view, lights, part_colour, rays)
    light += lamp_light(rng, view, lights)
    light += sun_light(view.tracer, lights, hits.point, hits.normal)
    radiance = colour * light
    radiance += _highlights(lights, surfaces.gloss[material], towards, hits)
    _add_glow(radiance, surfaces, material, colour, towards, lights)
    return np.asarray(radiance)


def _add_glow(
    radiance: Array, surfaces: Surfaces, material: Array, colour: Array, towards: Array, lights: Lights
) -> None:
    """Let lamp shades glow in their colour and show the world outside in the windows, in place."""
    glow, window = surfaces.glow[material], surfaces.has_pattern("view")[material]
    shade = np.flatnonzero((glow > 0) & ~window)
    radiance[shade] += colour[shade] * glow[shade, None]
    pane = np.flatnonzero(window)
    if len(pane):
        world = outdoors(-towards[pane], surfaces.p[material[pane]])
        radiance[pane] = world * glow[pane, None] * lights.sky.astype(np.float32)


def _highlights(lights: Lights, gloss: Array, towards: Array, hits: Hits) -> Array:
    """Blinn-Phong highlights of windows and lamps on glossy surfaces."""
    total = np.zeros((len(gloss), 3), np.float32)
    shiny = np.flatnonzero(gloss > 0.05)
    point, normal, eye = hits.point[shiny], hits.normal[shiny], towards[shiny]
    sources = [(b.middle, b.power, 1.0) for b in lights.bulbs]
    sources += [(p.middle, lights.sky * p.radiance * 0.4, 0.4) for p in lights.panes]
    for middle, power, sharp in sources:
        to_light = middle.astype(np.float32) - point
        square = np.maximum(dot(to_light, to_light), 0.2)
        half = unit(to_light / np.sqrt(square)[:, None] + eye)
        peak = np.clip(dot(half, normal), 0, 1) ** (60 * sharp)
        facing = dot(to_light, normal) > 0
        total[shiny] += (gloss[shiny] * 0.5 * peak * facing / square)[:, None] * power.astype(np.float32)
    return total
