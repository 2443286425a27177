"""What class means in random directions would give: the control beside every number of the frame."""

from dataclasses import astuple, dataclass, fields

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.etf_geometry import Numbers, class_geometry, fitted_vertices

DRAWS = 200


@dataclass(frozen=True)
class Chance:
    """Class means drawn independently from a normal distribution that is alike in every direction.

    In many dimensions random directions are nearly orthogonal, and so are the vertices of a frame of many classes:
    a small number says little where chance gives a small one too.

    Attributes:
        draws: how often it was drawn.
        numbers: their means.
        spread: their standard deviations.
        angles: 5th and 95th percentile of the angle between two classes, in degrees.
        vertex_angle: mean angle to the vertices of the best rotation; NaN where there is none.
    """

    draws: int
    numbers: Numbers
    spread: Numbers
    angles: tuple[float, float]
    vertex_angle: float


def chance(classes: int, width: int, draws: int = DRAWS, seed: int = 0) -> Chance:
    """What random class means give on average.

    For one pair the expected ``|cos + 1/(K-1)|`` is close to ``sqrt(2 / (pi E))``.

    Args:
        classes: K.
        width: E, the dimensions of the features.
        draws: sets of class means.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    values: list[tuple[float, ...]] = []
    angles: list[Float[np.ndarray, " P"]] = []
    to_vertex: list[float] = []
    for _ in range(draws):
        geometry = class_geometry(random.standard_normal((classes, width)))
        values.append(astuple(geometry.numbers))
        angles.append(geometry.angles)
        vertices = fitted_vertices(geometry.centred)
        to_vertex.append(np.nan if vertices is None else float(vertices.angles(geometry.centred).mean()))
    low, high = np.percentile(np.concatenate(angles), (5, 95))
    return Chance(
        draws, _numbers(np.mean(values, 0)), _numbers(np.std(values, 0)), (float(low), float(high)),
        float(np.mean(to_vertex)),
    )  # fmt: skip


def _numbers(values: Float[np.ndarray, " N"]) -> Numbers:
    return Numbers(**{field.name: float(value) for field, value in zip(fields(Numbers), values, strict=True)})
