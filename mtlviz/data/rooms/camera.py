"""Where the picture is taken from: free floor, eye height, looking at furniture."""

from dataclasses import dataclass

import numpy as np

from mtlviz.data.rooms.materials import Generator
from mtlviz.data.rooms.plan import Plan
from mtlviz.data.rooms.tracing import Tracer
from mtlviz.data.rooms.vectors import turn
from mtlviz.data.sample import Intrinsics

_PROBE = (15, 20)  # rays a candidate is judged by
_CANDIDATES = 8


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in the room.

    Attributes:
        position: ``(3,)`` metres.
        rotation: ``(3, 3)`` whose columns are the camera's right, up and backward axes in the room.
        field: horizontal field of view in radians.
    """

    position: np.ndarray
    rotation: np.ndarray
    field: float

    def intrinsics(self, size: tuple[int, int]) -> Intrinsics:
        """Square pixels, principal point in the middle of a (height, width) image."""
        height, width = size
        f = width / 2 / float(np.tan(self.field / 2))
        return Intrinsics(f, f, width / 2, height / 2)

    def rays(self, size: tuple[int, int], rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Directions ``(N, 3)`` in the room through image points; their length along the optical axis is 1.

        Args:
            size: (height, width) of the image.
            rows: ``(N,)`` continuous row coordinates; the centre of pixel 0 is 0.5.
            columns: ``(N,)`` as `rows`.
        """
        k = self.intrinsics(size)
        local = np.stack([(columns - k.cx) / k.fx, -(rows - k.cy) / k.fy, np.full(len(rows), -1.0)], 1)
        return turn(self.rotation, local).astype(np.float32)


def looking(position: np.ndarray, target: np.ndarray, roll: float, field: float) -> Camera:
    """A camera at `position` whose optical axis meets `target`, rolled by `roll` radians."""
    back = position - target
    back = back / np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    up = np.cross(back, right)
    c, s = np.cos(roll), np.sin(roll)
    return Camera(position, np.stack([c * right + s * up, c * up - s * right, back], 1), field)


def _candidate(rng: Generator, plan: Plan) -> Camera | None:
    """A camera on free floor that looks at a random item, slightly beside its middle."""
    subjects = [p for p in plan.placed[1:] if p.item.label not in ("wall", "floor")] or plan.placed
    for _ in range(20):
        x, y = rng.uniform(0.25, plan.width - 0.25), rng.uniform(0.25, plan.depth - 0.25)
        if not plan.is_free((x - 0.1, y - 0.1, x + 0.1, y + 0.1), 0.2):
            continue
        position = np.array([x, y, rng.uniform(1.15, 1.7)])
        subject = subjects[int(rng.integers(len(subjects)))]
        tall = subject.item.size[2]
        hung = subject.item.label in ("window", "picture")
        height = subject.z if hung else subject.z + tall * rng.uniform(0.3, 0.8)
        target = subject.world((0.0, 0.0, 0.0))
        target[2] = 0.5 * height + 0.5 * rng.uniform(0.8, 1.7)
        target[:2] += rng.normal(0, 0.35, 2)
        if np.hypot(*(target[:2] - position[:2])) < 1.2:
            continue
        return looking(position, target, rng.normal(0, 0.02), np.radians(rng.uniform(48, 80)))
    return None


def _interest(plan: Plan, tracer: Tracer, camera: Camera) -> float:
    """How much there is to see: many different things, none of them filling the view or touching the lens."""
    rows, columns = np.mgrid[: _PROBE[0], : _PROBE[1]]
    rays = camera.rays(_PROBE, rows.ravel() + 0.5, columns.ravel() + 0.5)
    depth, face = tracer.first(np.broadcast_to(camera.position, rays.shape), rays)
    part = tracer.mesh.part[face]
    seen = np.bincount(tracer.mesh.instance[part], minlength=len(plan.placed) + 1) / len(part)
    labels = [p.item.label for p in plan.placed]
    things = np.array([label not in ("wall", "floor") for label in labels])
    share = seen[1:][things]
    near = depth.min()
    structure = 1 - share.sum()
    score = np.sqrt(np.minimum(share, 0.12)).sum()
    return float(
        score - 4 * max(0.0, share.max(initial=0) - 0.3) - 3 * max(0.0, structure - 0.85) - 3 * max(0.0, 0.8 - near)
    )


def choose_camera(rng: Generator, plan: Plan, tracer: Tracer) -> Camera:
    """The most interesting of several random cameras; the choice does not depend on the size of the image."""
    candidates = [c for c in (_candidate(rng, plan) for _ in range(_CANDIDATES)) if c is not None]
    if not candidates:
        # A room so full that no spot is free: look down from a corner of the ceiling.
        middle, field = np.array([plan.width / 2, plan.depth / 2, 0.6]), float(np.radians(75))
        corners = [(x, y) for x in (0.2, plan.width - 0.2) for y in (0.2, plan.depth - 0.2)]
        candidates = [looking(np.array([x, y, plan.height - 0.15]), middle, 0.0, field) for x, y in corners]
    return max(candidates, key=lambda camera: _interest(plan, tracer, camera))
