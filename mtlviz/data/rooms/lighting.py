"""The light in a room: sky through the windows, sun, lamps and what the surfaces pass on."""

from dataclasses import dataclass

import numpy as np

from mtlviz.data.rooms.layout import Layout
from mtlviz.data.rooms.materials import Generator
from mtlviz.data.rooms.shell import Pane
from mtlviz.data.rooms.tracing import Tracer
from mtlviz.data.rooms.vectors import cross, dot, unit
from mtlviz.data.rooms.view import View, neighbours

Array = np.ndarray
_DAY = 0.5  # radiance of a window above which it is day outside


@dataclass(frozen=True)
class Bulb:
    """A round soft light: middle ``(3,)``, radius in metres, power by colour ``(3,)``."""

    middle: Array
    radius: float
    power: Array


@dataclass(frozen=True)
class Lights:
    """Every light of a room.

    Attributes:
        panes: windows as area lights.
        sky: ``(3,)`` colour of the light that enters through them.
        sun: ``(3,)`` direction towards the sun, or None without sun.
        sun_colour: ``(3,)`` irradiance of the sun.
        bulbs: lamps, and the invisible ceiling light of a room without any other.
        ambient: ``(3,)`` light after many reflections.
    """

    panes: tuple[Pane, ...]
    sky: Array
    sun: Array | None
    sun_colour: Array
    bulbs: tuple[Bulb, ...]
    ambient: Array


def make_lights(rng: Generator, layout: Layout) -> Lights:
    """Draw the sky, the sun and the colours of the lamps."""
    plan = layout.plan
    overcast = rng.uniform(0.0, 1.0)
    sky = np.array([0.72, 0.86, 1.08]) * (1 - overcast) + np.array([1.0, 1.0, 1.0]) * overcast
    day = [pane for pane in layout.panes if pane.radiance > _DAY]
    sun, sun_colour = _sun(rng, day)
    warm = np.array([1.0, rng.uniform(0.76, 0.9), rng.uniform(0.5, 0.78)])
    bulbs = [
        Bulb(placed.world(placed.item.light.at), placed.item.light.radius, 1.1 * placed.item.light.power * warm)
        for placed in plan.placed
        if placed.item.light is not None
    ]
    floor_area = plan.width * plan.depth
    if not bulbs and (not day or rng.random() < 0.35):
        x, y = plan.width * rng.uniform(0.3, 0.7), plan.depth * rng.uniform(0.3, 0.7)
        bulbs.append(Bulb(np.array([x, y, plan.height - 0.12]), 0.25, warm * floor_area / 9))
    flux = sum((p.width * p.height * p.radiance for p in layout.panes), 0.0) * sky
    flux = flux + sum((4.0 * b.power for b in bulbs), np.zeros(3)) + 0.4 * sun_colour
    ambient = flux / (0.9 * floor_area) * rng.uniform(0.3, 0.5) + 0.02
    return Lights(layout.panes, sky, sun, sun_colour, tuple(bulbs), ambient)


def _sun(rng: Generator, day: list[Pane]) -> tuple[Array | None, Array]:
    """Direction and colour of a sun that shines into one of the windows, in half of all rooms by day."""
    if not day or rng.random() >= 0.5:
        return None, np.zeros(3)
    pane = day[int(rng.integers(len(day)))]
    side, height = rng.uniform(-0.9, 0.9), rng.uniform(0.35, 0.9)
    sun = -pane.inward + side * pane.along + np.array([0, 0, height])
    return sun / np.linalg.norm(sun), np.array([1.0, 0.93, 0.8]) * rng.uniform(1.5, 5.0)


def lamp_light(rng: Generator, view: View, lights: Lights) -> Array:
    """Irradiance ``(H * W, 3)`` from lamps with soft shadows.

    Every pixel looks at two spots on the source; what it sees is then averaged along rows and columns with
    the pixels of the same surface, so that a half shadow is smooth instead of speckled.
    """
    point, normal = view.hits.point, view.hits.normal
    total = np.zeros((len(point), 3), np.float32)
    for bulb in lights.bulbs:
        middle = bulb.middle.astype(np.float32)
        towards = middle - point
        square = dot(towards, towards)
        cosine = dot(towards, normal) / np.sqrt(square)
        lit = np.flatnonzero(cosine > 0)
        seen = np.zeros(len(point), np.float32)
        for _ in range(2):
            spread = unit(rng.standard_normal((len(lit), 3), np.float32)) * np.float32(bulb.radius)
            seen[lit] += 0.5 * ~view.tracer.blocked(point[lit], normal[lit], middle + spread)
        seen = _along_surface(seen.reshape(view.size), view.surface).ravel()
        # The source is no point: within its own size the light stops growing.
        strength = seen * np.maximum(cosine, 0) / (square + 0.3)
        total += strength[:, None] * bulb.power.astype(np.float32)
    return total


def _along_surface(values: Array, surface: Array) -> Array:
    """Mean of ``(H, W)`` values over five pixels along each axis, as far as they show the same surface."""
    for axis in (0, 1):
        total, count = values.copy(), np.ones_like(values)
        for step in (1, 2):
            low, high = neighbours(axis, step)
            same = (surface[low] == surface[high]).astype(np.float32)
            total[low] += same * values[high]
            total[high] += same * values[low]
            count[low] += same
            count[high] += same
        values = total / count
    return values


def sun_light(tracer: Tracer, lights: Lights, point: Array, normal: Array) -> Array:
    """Irradiance ``(N, 3)`` of the sun where a straight line to it leaves through a window."""
    total = np.zeros((len(point), 3), np.float32)
    if lights.sun is None:
        return total
    sun = lights.sun.astype(np.float32)
    facing = dot(normal, sun)
    for pane in lights.panes:
        approach = float(-dot(pane.inward, sun))
        if approach <= 0.05 or pane.radiance < _DAY:
            continue
        away = dot(point - pane.middle, pane.inward)
        crossing = point + (away / approach)[:, None] * sun - pane.middle
        beside, above = np.abs(dot(crossing, pane.along)), np.abs(crossing[:, 2])
        inside = (beside < pane.width / 2) & (above < pane.height / 2)
        lit = np.flatnonzero(inside & (facing > 0) & (away > 0.02))
        target = pane.middle + crossing[lit] + 0.3 * sun
        lit = lit[~tracer.blocked(point[lit], normal[lit], target)]
        total[lit] = facing[lit, None] * lights.sun_colour
    return total


def sky_light(rng: Generator, tracer: Tracer, lights: Lights, point: Array, normal: Array, rays: int) -> Array:
    """Irradiance ``(N, 3)`` from the sky through the windows by `rays` shadow rays in all."""
    total = np.zeros(len(point), np.float32)
    if not lights.panes:
        return np.zeros((len(point), 3), np.float32)
    each = max(1, rays // len(lights.panes))
    for pane in lights.panes:
        # Strata along the window's width: the same number of rays gives a smoother shadow.
        u = (np.arange(each, dtype=np.float32) + rng.random((len(point), each), np.float32)) / each - 0.5
        v = rng.random((len(point), each), np.float32) - np.float32(0.5)
        right, up = (pane.width * pane.along).astype(np.float32), np.array([0, 0, pane.height], np.float32)
        target = (u[..., None] * right + v[..., None] * up + pane.middle.astype(np.float32)).reshape(-1, 3)
        start, facing = np.repeat(point, each, 0), np.repeat(normal, each, 0)
        towards = target - start
        square = np.maximum(dot(towards, towards), 0.05)
        outwards = -dot(towards, pane.inward.astype(np.float32))
        cosine = dot(towards, facing) * outwards / square
        lit = np.flatnonzero((cosine > 0) & (outwards > 0))
        lit = lit[~tracer.blocked(start[lit], facing[lit], target[lit])]
        light = np.zeros(len(start), np.float32)
        light[lit] = cosine[lit] / square[lit]
        total += light.reshape(-1, each).mean(1) * (pane.radiance * pane.width * pane.height)
    return (total / np.pi)[:, None] * lights.sky.astype(np.float32)


def reflected_light(
    rng: Generator, tracer: Tracer, lights: Lights, albedo: Array, point: Array, normal: Array, rays: int
) -> Array:
    """Irradiance ``(N, 3)`` from other surfaces: dark in corners, tinted by what is near.

    Args:
        rng: generator.
        tracer: the room.
        lights: its lights.
        albedo: ``(P, 3)`` mean colour of every part.
        point: ``(N, 3)``.
        normal: ``(N, 3)``.
        rays: cosine-distributed rays a point.
    """
    n = len(point)
    count = np.arange(rays, dtype=np.float32)
    angle = 2 * np.pi * (count * np.float32(0.618034) + rng.random((n, 1), np.float32))
    sine = np.sqrt((count + rng.random((n, rays), np.float32)) / rays)
    steep = np.abs(normal[:, :1]) > 0.7
    side = unit(cross(normal, np.where(steep, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]).astype(np.float32)))
    other = cross(normal, side)
    x, y, z = sine * np.cos(angle), sine * np.sin(angle), np.sqrt(1 - sine**2)
    ray = x[..., None] * side[:, None] + y[..., None] * other[:, None] + z[..., None] * normal[:, None]
    start = np.repeat(point + normal * 2e-3, rays, 0)
    distance, face = tracer.first(start, ray.reshape(-1, 3))
    distance, face = np.minimum(distance, 9.0), np.maximum(face, 0)
    near = 1 - np.exp(-distance / 0.45)
    colour = 0.35 + 0.65 * albedo[tracer.mesh.part[face]]
    light = (near[:, None] * colour).reshape(n, rays, 3).mean(1)
    return np.asarray(light * lights.ambient, np.float32)
