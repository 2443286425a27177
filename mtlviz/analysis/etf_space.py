"""Chosen classes in three dimensions: exactly for up to four, as the widest view of their means for more."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.etf_geometry import simplex_vertices

EXACT = 4
"""Most classes whose frame fits into three dimensions."""


@dataclass(frozen=True)
class Space:
    """A view of features in three dimensions.

    Attributes:
        basis: ``(A, E)`` orthonormal axes, three of them where the features have so many dimensions.
        origin: ``(E,)`` the point that is drawn at 0.
        unit: length that is drawn as 1.
        centre: ``(E,)`` from which vertices are seen.
        length: at which vertices lie, the mean length of the chosen classes' centred means.
        spanned: axes that the chosen vertices (or means) span; the others show what else varies most.
        share: of the differences between the chosen classes' means (squared lengths), what the view keeps.
        exact: whether all angles between the chosen vertices are true.
    """

    basis: Float[np.ndarray, "A E"]
    origin: Float[np.ndarray, " E"]
    unit: float
    centre: Float[np.ndarray, " E"]
    length: float
    spanned: int
    share: float
    exact: bool

    def place(self, rows: Float[np.ndarray, "n E"]) -> Float[np.ndarray, "n 3"]:
        """Where features are drawn; a missing axis is 0."""
        found = np.zeros((len(rows), 3))
        found[:, : len(self.basis)] = (rows - self.origin) / self.unit @ self.basis.T
        return found

    def place_vertices(self, directions: Float[np.ndarray, "c E"]) -> Float[np.ndarray, "c 3"]:
        """Where vertices are drawn: class means there would form an exact frame of the length they have now."""
        return self.place(self.centre + self.length * directions)


def vertex_space(
    vertices: Float[np.ndarray, "c E"],
    means: Float[np.ndarray, "c E"],
    centre: Float[np.ndarray, " E"],
    tokens: Float[np.ndarray, "n E"],
) -> Space:
    """The view in which up to four vertices form their own regular simplex, always turned the same way.

    The simplex of c classes needs c - 1 axes; where that leaves some of the three free, they show the directions
    orthogonal to it in which the tokens vary most.

    Args:
        vertices: unit vectors of 2 to 4 chosen classes.
        means: of the chosen classes, not centred.
        centre: of all class means; vertices are seen from there.
        tokens: features of the chosen classes.

    Raises:
        ValueError: if more or fewer vertices are given.
    """
    count = len(vertices)
    if not 2 <= count <= EXACT:
        raise ValueError(f"an exact view takes 2 to {EXACT} vertices; got {count}")
    middle = vertices.mean(0)
    left, _, right = np.linalg.svd(simplex_vertices(count).T @ (vertices - middle), full_matrices=False)
    spanning = np.asarray(left @ right)
    length, basis = _mean_length(means - centre), _completed(spanning, tokens)
    return Space(
        basis=basis,
        origin=centre + length * middle,
        unit=length * _mean_length(vertices - middle),
        centre=centre,
        length=length,
        spanned=count - 1,
        share=_share(basis, means - means.mean(0)),
        exact=True,
    )


def mean_space(means: Float[np.ndarray, "c E"], centre: Float[np.ndarray, " E"]) -> Space:
    """The view that keeps most of the differences between many class means: their first principal directions.

    Args:
        means: of the chosen classes, not centred.
        centre: of all class means; vertices are seen from there.
    """
    middle = means.mean(0)
    basis = np.asarray(np.linalg.svd(means - middle, full_matrices=False)[2][: min(3, len(means) - 1)])
    length = _mean_length(means - centre)
    return Space(basis, middle, length, centre, length, len(basis), _share(basis, means - middle), False)


def _completed(basis: Float[np.ndarray, "a E"], rows: Float[np.ndarray, "n E"]) -> Float[np.ndarray, "A E"]:
    """Up to three axes: the given ones, then the directions orthogonal to them in which the rows vary most."""
    free = min(3, basis.shape[1], len(basis) + len(rows)) - len(basis)
    if free <= 0:
        return basis
    varying = rows - rows.mean(0)
    further = np.linalg.svd(varying - varying @ basis.T @ basis, full_matrices=False)[2][:free]
    axes = np.linalg.qr(np.concatenate([basis, further]).T)[0].T  # orthonormal also where nothing else varies
    return np.concatenate([basis, axes[len(basis) :]])


def _mean_length(rows: Float[np.ndarray, "n E"]) -> float:
    return float(np.linalg.norm(rows, axis=1).mean()) or 1.0


def _share(basis: Float[np.ndarray, "a E"], rows: Float[np.ndarray, "n E"]) -> float:
    total = float((rows**2).sum())
    return float(((rows @ basis.T) ** 2).sum()) / total if total else 0.0
