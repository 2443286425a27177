"""How often each class of objects occurs, and how many of each one room holds."""

import numpy as np

from mtlviz.data.rooms.materials import Generator

NATURAL = {
    "window": 1.2, "door": 1.0, "picture": 1.2, "curtain": 0.9, "bed": 0.5, "sofa": 0.75, "chair": 2.0,
    "table": 1.1, "cabinet": 1.25, "shelves": 0.65, "lamp": 0.8, "plant": 0.65, "box": 0.8, "person": 0.6,
}  # fmt: skip
"""Objects a room holds on average before those that do not fit are left out."""

KINDS: dict[str, dict[str, float]] = {
    "bedroom": {"bed": 2.4, "sofa": 0.4, "chair": 0.5, "table": 0.5, "cabinet": 1.2, "curtain": 1.3},
    "living": {"bed": 0.1, "sofa": 2.0, "chair": 0.6, "plant": 1.3, "picture": 1.2, "lamp": 1.3},
    "dining": {"bed": 0.0, "sofa": 0.5, "chair": 1.9, "table": 1.5, "cabinet": 1.1, "shelves": 0.6},
    "study": {"bed": 0.3, "sofa": 0.6, "chair": 1.2, "table": 1.1, "shelves": 2.0, "box": 1.0},
    "store": {
        "bed": 0.2,
        "sofa": 0.2,
        "chair": 0.8,
        "table": 0.8,
        "shelves": 1.4,
        "cabinet": 1.2,
        "box": 2.4,
    },
}
"""How much more or less of a class a kind of room holds than the average room."""


def object_counts(rng: Generator, tail: float) -> dict[str, int]:
    """How many objects of each class this room shall hold.

    The expected number of a class is ``g * (natural / g) ** tail`` with g the geometric mean over the
    classes: 1 is the natural long tail, 0 gives every class the same frequency, 2 squares the ratios.
    """
    kinds = list(KINDS)
    kind = KINDS[kinds[rng.integers(len(kinds))]]
    g = float(np.exp(np.mean(np.log(list(NATURAL.values())))))
    counts = {}
    for label, natural in NATURAL.items():
        mean = np.mean([k.get(label, 1.0) for k in KINDS.values()])
        expected = g * (natural / g) ** tail * kind.get(label, 1.0) / mean
        counts[label] = min(int(rng.poisson(expected)), 6)
    return counts
