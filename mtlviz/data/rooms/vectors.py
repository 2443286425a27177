"""Products of many vectors at once.

They avoid the BLAS on purpose: its results may differ in the last bit with the number of threads, and a seed
has to give the same bytes in every process. For vectors of three numbers this is also faster.
"""

import numpy as np

Array = np.ndarray


def dot(a: Array, b: Array) -> Array:
    """Scalar products over the last axis of ``(..., 3)`` and ``(..., 3)`` or ``(3,)``."""
    return np.asarray(np.einsum("...c,...c->...", a, b))


def turn(rotation: Array, vectors: Array) -> Array:
    """``rotation @ v`` for every v of ``(N, 3)``."""
    return np.asarray(np.einsum("ij,nj->ni", rotation, vectors))


def length(vectors: Array) -> Array:
    """Euclidean norms over the last axis."""
    return np.asarray(np.sqrt(dot(vectors, vectors)))


def unit(vectors: Array) -> Array:
    """Vectors of length 1 along the given ones; zero stays zero."""
    return np.asarray(vectors / np.maximum(length(vectors), 1e-12)[..., None])


def cross(a: Array, b: Array) -> Array:
    """Cross products of ``(N, 3)`` and ``(N, 3)``."""
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], 1)
