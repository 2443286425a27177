"""Smooth borders in the picture: more rays where surfaces meet, and nowhere else."""

import numpy as np

from mtlviz.data.rooms.view import View, neighbours

_AROUND = ((0, 1), (2, 1), (1, 0), (1, 2), (0, 0), (0, 2), (2, 0), (2, 2))


def borders(surface: np.ndarray) -> np.ndarray:
    """``(H, W)`` bool: pixels that have another surface to the left or right, above or below."""
    border = np.zeros(surface.shape, bool)
    for axis in (0, 1):
        low, high = neighbours(axis)
        change = surface[low] != surface[high]
        border[low] |= change
        border[high] |= change
    return border


def smooth_borders(view: View, radiance: np.ndarray, side: int) -> np.ndarray:
    """Replace the colour of border pixels by the mean over `side` x `side` rays.

    A ray takes the colour of the neighbouring pixel that shows the surface it meets: nothing is shaded twice.

    Args:
        view: what the camera sees.
        radiance: ``(H * W, 3)`` colours of the pixel centres.
        side: rays along each side of a pixel.
    """
    height, width = view.size
    row, column = np.nonzero(borders(view.surface))
    surface = np.pad(view.surface, 1, mode="edge")
    colours = np.pad(radiance.reshape(height, width, 3), ((1, 1), (1, 1), (0, 0)), mode="edge")
    own = row + 1, column + 1
    total = np.zeros((len(row), 3), np.float32)
    for ray in range(side**2):
        y, x = (ray // side + 0.5) / side, (ray % side + 0.5) / side
        rays = view.camera.rays(view.size, row + y, column + x)
        _, face = view.tracer.first(np.broadcast_to(view.camera.position, rays.shape), rays)
        seen = view.tracer.mesh.surface[face]
        colour = colours[own]
        left = np.flatnonzero(surface[own] != seen)
        for down, right in _AROUND:
            at = row[left] + down, column[left] + right
            match = surface[at] == seen[left]
            colour[left[match]] = colours[at][match]
            left = left[~match]
        # Without a limit one ray into the sun would whiten the whole pixel.
        total += np.minimum(colour, 8.0)
    result = radiance.copy()
    result[row * width + column] = total / side**2
    return result
