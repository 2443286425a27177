"""A box-shaped room seen by a pinhole camera: depth, normals, classes and edges that follow from one another."""

from dataclasses import dataclass

import numpy as np

CAMERA_HEIGHT = 1.4
# Inward normals of floor, ceiling, left, right and back wall in x right, y up, z towards the camera.
PLANES = np.array([[0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1]], float)


@dataclass(frozen=True)
class Scene:
    """What a camera sees; ``plane`` is 0..4, nothing is invalid."""

    image: np.ndarray
    plane: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    edge: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        return self.plane.shape


def scene(seed: int, size: tuple[int, int]) -> Scene:
    rng = np.random.default_rng(seed)
    height, width = size
    rows, columns = np.mgrid[:height, :width] + 0.5
    focal = 0.8 * width
    rays = np.stack([(columns - width / 2) / focal, (height / 2 - rows) / focal, -np.ones(size)], -1)
    distances = np.array([CAMERA_HEIGHT, 1.2, *rng.uniform(0.6, 2, 2), rng.uniform(3, 5)])
    along = rays @ PLANES.T  # (H, W, 5), negative where a ray meets the plane
    reach = np.where(along < 0, -distances / np.where(along < 0, along, -1), np.inf)
    plane = reach.argmin(-1)
    change = np.zeros(size, np.uint8)
    change[:, 1:] |= plane[:, 1:] != plane[:, :-1]
    change[1:] |= plane[1:] != plane[:-1]
    shade = rng.integers(40, 220, (5, 3))
    image = np.clip(shade[plane] + rng.integers(-9, 10, (*size, 3)), 0, 255).astype(np.uint8)
    return Scene(image, plane, reach.min(-1), PLANES[plane], change)
