"""How close class means come to a simplex equiangular tight frame (ETF), the geometry of neural collapse.

Class means count alike here, however many tokens they come from: their centre is the plain mean of the means, so
that a large class does not pull the origin towards itself (Papyan et al., 2020; kem.md 2.4).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.collapse.statistics import frame_statistics

Fit = Literal["rotation", "frame"]
"""Where vertices come from: the best rotation of an ideal frame, or the model's own frame."""


@dataclass(frozen=True)
class Numbers:
    """How far class means are from a simplex ETF; all are 0 for an exact one, NaN where a mean lies on the centre.

    Attributes:
        equinorm: spread of the lengths over their mean (coefficient of variation).
        equiangular: spread of the cosines between classes.
        mean_deviation: mean over pairs of ``|cos + 1/(K-1)|``.
        max_deviation: the largest of them.
        angle_gap: mean over pairs of the distance from the ideal angle, in degrees.
        etf_error: ``| MM'/|MM'| - (I - 11'/K)/sqrt(K-1) |``, Frobenius norms; lengths and angles together, at most 2.
    """

    equinorm: float
    equiangular: float
    mean_deviation: float
    max_deviation: float
    angle_gap: float
    etf_error: float


@dataclass(frozen=True)
class ClassGeometry:
    """Centred class means.

    Attributes:
        centre: ``(E,)`` mean of the class means.
        centred: ``(K, E)`` class means less their centre.
    """

    centre: Float[np.ndarray, " E"]
    centred: Float[np.ndarray, "K E"]

    @property
    def classes(self) -> int:
        """K."""
        return len(self.centred)

    @property
    def width(self) -> int:
        """E."""
        return int(self.centred.shape[1])

    @property
    def norms(self) -> Float[np.ndarray, " K"]:
        """Lengths of the centred means."""
        return np.asarray(np.linalg.norm(self.centred, axis=1))

    @property
    def cosines(self) -> Float[np.ndarray, "K K"]:
        """Gram matrix of their directions, the diagonal exactly 1."""
        return gram(self.centred)

    @property
    def numbers(self) -> Numbers:
        """Distance from a simplex ETF."""
        return etf_numbers(self.centred)

    @property
    def angles(self) -> Float[np.ndarray, " P"]:
        """Angles in degrees between all K (K - 1) / 2 pairs."""
        return np.asarray(np.degrees(np.arccos(pairs(self.cosines))))


def class_geometry(means: Float[np.ndarray, "K E"]) -> ClassGeometry:
    """Class means seen from their own centre.

    Args:
        means: one row a class.

    Raises:
        ValueError: if there are fewer than two classes.
    """
    if len(means) < 2:
        raise ValueError(f"angles need at least two classes; got {len(means)}")
    means = means.astype(np.float64)
    centre = means.mean(0)
    return ClassGeometry(centre, means - centre)


def ideal_cosine(classes: int) -> float:
    """Cosine between any two vertices of a simplex ETF, -1/(K-1): the smallest that K directions can all have."""
    return -1 / (classes - 1)


def ideal_angle(classes: int) -> float:
    """The angle of that cosine in degrees: 180 for two classes, 120 for three, towards 90 for many."""
    return float(np.degrees(np.arccos(ideal_cosine(classes))))


def ideal_gram(classes: int) -> Float[np.ndarray, "K K"]:
    """Gram matrix of a simplex ETF: 1 on the diagonal, -1/(K-1) beside it."""
    ideal = np.full((classes, classes), ideal_cosine(classes))
    np.fill_diagonal(ideal, 1.0)
    return ideal


def gram(rows: Float[np.ndarray, "K E"]) -> Float[np.ndarray, "K K"]:
    """Cosines between rows, within [-1, 1]; a row of zeros has cosine 0 with all others."""
    directions = unit(rows)
    cosines: Float[np.ndarray, "K K"] = np.clip(directions @ directions.T, -1.0, 1.0)
    np.fill_diagonal(cosines, 1.0)
    return cosines


def pairs(matrix: Float[np.ndarray, "K K"]) -> Float[np.ndarray, " P"]:
    """The entries above the diagonal, row by row."""
    return np.asarray(matrix[np.triu_indices(len(matrix), 1)])


def unit(rows: Float[np.ndarray, "*K E"]) -> Float[np.ndarray, "*K E"]:
    """Rows of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0))


def etf_numbers(centred: Float[np.ndarray, "K E"]) -> Numbers:
    """How far centred class means are from a simplex ETF.

    Args:
        centred: class means less their centre.
    """
    classes = len(centred)
    found = frame_statistics((centred @ centred.T)[None], np.full((1, classes), 1 / classes))
    cosines = pairs(gram(centred))
    gaps = np.abs(np.degrees(np.arccos(cosines)) - ideal_angle(classes))
    return Numbers(
        equinorm=float(found["equinorm"][0]),
        equiangular=float(found["equiangular"][0]),
        mean_deviation=float(found["max_angle"][0]),
        max_deviation=float(np.abs(cosines - ideal_cosine(classes)).max()),
        angle_gap=float(gaps.mean()),
        etf_error=float(found["etf_error"][0]),
    )


@dataclass(frozen=True)
class FrameFaults:
    """How far vertices are from a simplex ETF as they stand; all are 0 for an exact one of whatever length.

    Attributes:
        cosines: largest ``|cos + 1/(K-1)|`` of two vertices, seen from their centre.
        lengths: largest distance of a length from the mean length, over that mean.
        centre: length of the vertices' mean, over the mean length.
    """

    cosines: float
    lengths: float
    centre: float


def frame_faults(vertices: Float[np.ndarray, "K E"]) -> FrameFaults:
    """How far vertices are from a simplex ETF, which is centred, of one length and at equal angles.

    Args:
        vertices: one row a class, not all of length 0; of two classes or more.
    """
    lengths, centre = np.linalg.norm(vertices, axis=1), vertices.mean(0)
    mean = lengths.mean()
    return FrameFaults(
        etf_numbers(vertices - centre).max_deviation,
        float(np.abs(lengths / mean - 1).max()),
        float(np.linalg.norm(centre) / mean),
    )


def simplex_vertices(classes: int) -> Float[np.ndarray, "K _"]:
    """A simplex ETF in as few dimensions as it needs: K unit vectors in K - 1, coordinates by Helmert's matrix."""
    number = np.arange(1, classes)
    row = np.arange(classes)[:, None]
    basis = (number * (row == number) - 1.0 * (row < number)) / np.sqrt(number * (number + 1))
    return np.asarray(np.sqrt(classes / (classes - 1)) * basis)


@dataclass(frozen=True)
class Vertices:
    """The vertex that each class is meant for.

    Attributes:
        directions: ``(K, E)`` unit vectors, seen from the centre of these K vertices.
        fit: where they come from.
    """

    directions: Float[np.ndarray, "K E"]
    fit: Fit

    def angles(self, centred: Float[np.ndarray, "K E"]) -> Float[np.ndarray, " K"]:
        """Angle in degrees between each centred class mean and its vertex, 90 for a mean of length 0."""
        cosines = (unit(centred) * self.directions).sum(1)
        return np.asarray(np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0))))


def fitted_vertices(centred: Float[np.ndarray, "K E"]) -> Vertices | None:
    """An ideal frame, turned (and mirrored if need be) so that its vertices lie as near to the class means as they can.

    Orthogonal Procrustes (Schönemann, 1966) on directions, so that every class counts alike: the rotation R that
    maximises the sum over classes of ``cos(mean, R vertex)``. None where the space has fewer than K - 1 dimensions,
    in which K equal angles do not fit.

    Means that span fewer than K - 1 dimensions leave R open in the directions that they do not reach. The frame is
    exact all the same, and no angle to a vertex depends on the choice, since such directions are at right angles to
    every mean; the angles cannot all be 0 then.
    """
    ideal = simplex_vertices(len(centred))
    if centred.shape[1] < ideal.shape[1]:
        return None
    left, _, right = np.linalg.svd(ideal.T @ unit(centred), full_matrices=False)
    return Vertices(np.asarray(ideal @ left @ right), "rotation")


def frame_vertices(frame: Float[np.ndarray, "E C"], present: np.ndarray) -> Vertices:
    """The vertices of the present classes in a model's own frame, seen from their own centre as the class means are.

    Part of an exact simplex ETF is one again from there, of fewer classes.

    Args:
        frame: one vertex a column, for all classes of the task.
        present: labels of the present classes.
    """
    chosen = frame.T[present].astype(np.float64)
    return Vertices(unit(chosen - chosen.mean(0)), "frame")
