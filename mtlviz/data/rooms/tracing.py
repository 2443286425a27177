"""Rays against the mesh of a room, with Embree."""

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from mtlviz.data.rooms.mesh import Mesh
from mtlviz.data.rooms.vectors import dot, unit

_STEP = np.float32(2e-3)  # metres by which a ray leaves its surface, above float32 error in a ten-metre room


@dataclass(frozen=True)
class Hits:
    """First surfaces met by N rays.

    Attributes:
        t: ``(N,)`` float32 ray parameter; with directions of unit optical length it is the depth in metres.
        face: ``(N,)`` int32 triangle, -1 where nothing was met.
        point: ``(N, 3)`` float32 room coordinates.
        normal: ``(N, 3)`` float32 unit normal turned towards the origin of the ray.
        uv: ``(N, 2)`` float32 surface coordinates in metres.
    """

    t: np.ndarray
    face: np.ndarray
    point: np.ndarray
    normal: np.ndarray
    uv: np.ndarray

    def at(self, index: np.ndarray) -> "Hits":
        """The hits with these indices."""
        return Hits(self.t[index], self.face[index], self.point[index], self.normal[index], self.uv[index])


class Tracer:
    """Answers closest-hit and occlusion queries for one mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self._all, self._opaque = EmbreeScene(), EmbreeScene()
        TriangleMesh(self._all, mesh.vertices, mesh.faces)
        TriangleMesh(self._opaque, mesh.vertices, mesh.faces[mesh.opaque[mesh.part]])

    def first(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ray parameter ``(N,)`` and triangle ``(N,)`` of the closest hits, nothing more."""
        found = self._all.run(_rays(origins), _rays(directions), output=True)
        return found["tfar"], found["primID"]

    def closest(self, origins: np.ndarray, directions: np.ndarray) -> Hits:
        """Closest hits with the attributes of the surface; arguments ``(N, 3)``."""
        found = self._all.run(_rays(origins), _rays(directions), output=True)
        corner = self.mesh.faces[found["primID"]]
        weight = np.stack([1 - found["u"] - found["v"], found["u"], found["v"]], 1)
        normal = sum(weight[:, k, None] * self.mesh.normals[corner[:, k]] for k in range(3))
        uv = sum(weight[:, k, None] * self.mesh.uv[corner[:, k]] for k in range(3))
        flat = unit(found["Ng"])
        flat *= np.where(dot(flat, directions) > 0, -1, 1).astype(np.float32)[:, None]
        normal = unit(normal)
        normal *= np.where(dot(normal, flat) < 0, -1, 1).astype(np.float32)[:, None]
        # At silhouettes of round things the smooth normal may look away; the triangle's own never does.
        normal = np.where((dot(normal, directions) > 0)[:, None], flat, normal)
        point = origins + directions * found["tfar"][:, None]
        return Hits(found["tfar"], found["primID"], point.astype(np.float32), normal.astype(np.float32), uv)

    def blocked(self, points: np.ndarray, normals: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(N,)`` whether something opaque lies between surface points ``(N, 3)`` and targets ``(N, 3)``."""
        start = points + normals * _STEP
        reach = np.full(len(points), 0.999, np.float32)
        hit = self._opaque.run(_rays(start), _rays(targets - start), dists=reach, query="OCCLUDED")
        return np.asarray(hit >= 0)


def _rays(a: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(a, np.float32)
