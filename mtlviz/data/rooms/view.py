"""What a camera sees of a room: the first surface behind every pixel centre."""

from dataclasses import dataclass

import numpy as np

from mtlviz.data.rooms.camera import Camera
from mtlviz.data.rooms.tracing import Hits, Tracer

Slices = tuple[slice, slice]


@dataclass(frozen=True)
class View:
    """A camera in a room with an image size.

    Attributes:
        tracer: the room.
        camera: the camera.
        size: (height, width) in pixels.
        hits: what the rays through the pixel centres meet, row by row.
    """

    tracer: Tracer
    camera: Camera
    size: tuple[int, int]
    hits: Hits

    @property
    def part(self) -> np.ndarray:
        """``(H * W,)`` part of the mesh behind each pixel."""
        return np.asarray(self.tracer.mesh.part[self.hits.face])

    @property
    def surface(self) -> np.ndarray:
        """``(H, W)`` number of the smooth surface behind each pixel."""
        return np.asarray(self.tracer.mesh.surface[self.hits.face].reshape(self.size))


def pixel_centres(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns ``(H * W,)`` of all pixel centres, row by row."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return rows.ravel() + 0.5, columns.ravel() + 0.5


def neighbours(axis: int, step: int = 1) -> tuple[Slices, Slices]:
    """Slices of an image and of the same image `step` pixels further down (axis 0) or right (axis 1)."""
    low, high, whole = slice(None, -step), slice(step, None), slice(None)
    return ((low, whole), (high, whole)) if axis == 0 else ((whole, low), (whole, high))


def look(tracer: Tracer, camera: Camera, size: tuple[int, int]) -> View:
    """Send one ray through every pixel centre."""
    rays = camera.rays(size, *pixel_centres(size))
    origins = np.broadcast_to(camera.position.astype(np.float32), rays.shape)
    return View(tracer, camera, size, tracer.closest(origins, rays))
