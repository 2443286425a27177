"""Labels of a room, exact and never antialiased: they come from the pixel centres alone."""

import numpy as np
from jaxtyping import Int32, Integer, UInt8
from skimage.morphology import thin

from mtlviz.data.rooms.vectors import turn
from mtlviz.data.rooms.view import View
from mtlviz.tasks import IGNORE, ROOM_CLASSES

Array = np.ndarray
CLASS_NAMES = tuple(ROOM_CLASSES)
_SHELL = CLASS_NAMES[:3]  # wall, floor and ceiling are stuff, not things
STRUCTURE = ("wall", "floor", "ceiling", "window", "door", "curtain")
"""Classes that belong to the room itself and are never salient."""


def boundaries(label_map: Integer[Array, "H W"]) -> UInt8[Array, "H W"]:
    """Thinned boundaries of a label map, by PASCAL's rule.

    A pixel is a candidate where the discrete Laplacian of the map is not zero, that is where the sum of its
    four neighbours differs from four times itself; the candidates, about two pixels wide, are thinned to one.
    """
    padded = np.pad(label_map.astype(np.int32), 1, mode="edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    thinned = thin(around != 4 * label_map.astype(np.int32))  # type: ignore[no-untyped-call]
    return np.asarray(thinned, np.uint8)


def salient_objects(semseg: UInt8[Array, "H W"], instances: Int32[Array, "H W"]) -> list[int]:
    """Ids of the objects that stand out, most salient first; empty where nothing is large enough.

    Rule: every object that is not part of the room itself and covers at least 1 % of the image scores
    ``sqrt(share) * exp(-2 * d ** 2) * w`` with d the distance of its centroid from the middle of the image in
    half diagonals and w = 1.5 for a person, else 1. The best is salient, and so is every other with 70 % of
    its score, at most three in all.

    Args:
        semseg: labels of ``ROOM_CLASSES``.
        instances: object ids, 0 = none.
    """
    height, width = semseg.shape
    ids, first, area = np.unique(instances, return_index=True, return_counts=True)
    rows, columns = np.mgrid[:height, :width]
    flat = np.searchsorted(ids, instances.ravel())
    row = np.bincount(flat, rows.ravel() + 0.5) / area
    column = np.bincount(flat, columns.ravel() + 0.5) / area
    distance = np.hypot(row - height / 2, column - width / 2) / (np.hypot(height, width) / 2)
    names = [CLASS_NAMES[label] for label in semseg.ravel()[first]]
    weight = np.array([0.0 if n in STRUCTURE else 1.5 if n == "person" else 1.0 for n in names])
    share = area / semseg.size
    score = np.where((share >= 0.01) & (ids > 0), np.sqrt(share) * np.exp(-2 * distance**2) * weight, 0.0)
    order = np.argsort(-score, kind="stable")[:3]
    return [int(ids[k]) for k in order if score[k] > 0 and score[k] >= 0.7 * score[order[0]]]


def label_view(view: View) -> tuple[dict[str, Array], dict[str, Array], Array]:
    """The labels and validity masks of a sample by task, and the instances ``(H, W)`` int32."""
    mesh, part, size = view.tracer.mesh, view.part, view.size
    semseg = mesh.label[part].reshape(size)
    instances = np.where(semseg < len(_SHELL), 0, mesh.instance[part].reshape(size)).astype(np.int32)
    normals = turn(view.camera.rotation.T, view.hits.normal).astype(np.float32)
    # PASCAL scores parts only in images with a person.
    someone = bool((semseg == CLASS_NAMES.index("person")).any())
    body = mesh.body[part].reshape(size) if someone else np.full(size, IGNORE, np.uint8)
    labels = {
        "semseg": semseg,
        "depth": view.hits.t.reshape(size),
        "normals": normals.reshape(*size, 3),
        "edge": boundaries(semseg),
        "saliency": np.isin(instances, salient_objects(semseg, instances)).astype(np.uint8),
        "human_parts": body,
    }
    return labels, {"human_parts": np.full(size, someone)}, instances
