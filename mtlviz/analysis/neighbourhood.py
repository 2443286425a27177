"""Which tokens look alike: nearest tokens in the space of the features, and how well a map keeps them near.

Distances are Euclidean and, unless a map is judged, those between the features as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64

from mtlviz.analysis.token_labels import UNKNOWN

NEAREST = 15
"""Neighbours of a token that the numbers look at, as many as UMAP tries to keep near."""
QUERIES = 1500
"""Most tokens whose neighbours are looked at, or that a number of quadratic cost is computed on."""
FEWEST_OF_A_CLASS = 5
"""Tokens of one class below which its silhouette is left out."""


@dataclass(frozen=True)
class Agreement:
    """How often a token's nearest tokens share a label with it.

    Attributes:
        share: mean over the tokens that have a label; NaN where none has.
        chance: of tokens drawn at random instead of the nearest ones.
        tokens: n, those looked at.
    """

    share: float
    chance: float
    tokens: int


@dataclass(frozen=True)
class Silhouette:
    """How far the tokens of one class lie apart from all other classes (Rousseeuw, 1987).

    Attributes:
        group: index of the task whose tokens are compared with one another.
        label: of the class.
        mean: -1 to 1; below 0 the tokens of another class are nearer than its own.
        tokens: n.
    """

    group: int
    label: int
    mean: float
    tokens: int


def nearest_tokens(
    features: Float[np.ndarray, "n E"], queries: Int[np.ndarray, " q"], count: int = NEAREST
) -> Int64[np.ndarray, "q count"]:
    """The nearest other tokens of some tokens, nearest first.

    Args:
        features: one row a token.
        queries: indices of the tokens.
        count: neighbours of each; all others where there are fewer.
    """
    from sklearn.neighbors import NearestNeighbors

    count = min(count, len(features) - 1)
    search = NearestNeighbors(n_neighbors=count + 1, algorithm="brute").fit(features)
    found = search.kneighbors(features[queries], return_distance=False)
    itself = found == queries[:, None]
    itself[~itself.any(1), -1] = True  # among more than `count` equal tokens it may not find itself
    others: Int64[np.ndarray, "q count"] = found[~itself].reshape(len(queries), count)
    return others


def queried(count: int, seed: int = 0, most: int = QUERIES) -> Int64[np.ndarray, " q"]:
    """Indices of the tokens that a number is computed on: all, or as many as ``most`` drawn at random, in order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def agreement(
    neighbours: Int[np.ndarray, "q k"], queries: Int[np.ndarray, " q"], labels: Int[np.ndarray, " n"]
) -> Agreement:
    """How often neighbours share a label, beside how often any two tokens do.

    Args:
        neighbours: ``nearest_tokens`` of the queries.
        queries: indices of tokens.
        labels: of all tokens; ``UNKNOWN`` takes no part.
    """
    own, other = labels[queries][:, None], labels[neighbours]
    counted = (own != UNKNOWN) & (other != UNKNOWN)
    used = counted.any(1)
    if not used.any():
        return Agreement(float("nan"), float("nan"), 0)
    shares = ((own == other) & counted)[used].sum(1) / counted[used].sum(1)
    known = labels[labels != UNKNOWN]
    frequency = np.bincount(known)
    chance = (frequency[own[used, 0]] - 1) / max(len(known) - 1, 1)
    return Agreement(float(shares.mean()), float(chance.mean()), int(used.sum()))


def map_trustworthiness(
    features: Float[np.ndarray, "n E"], coordinates: Float[np.ndarray, "n A"], seed: int = 0
) -> float:
    """How far the neighbours on a map are neighbours in truth: 1 if all are (Venna & Kaski, 2001).

    On a map drawn at random it is about 0.5. Computed by scikit-learn on ``queried`` tokens; NaN for fewer than
    twice ``NEAREST`` + 2 of them.

    Args:
        features: one row a token.
        coordinates: of the same tokens.
        seed: of the sample.
    """
    from sklearn.manifold import trustworthiness

    sample = queried(len(features), seed)
    if len(sample) < 2 * NEAREST + 2:
        return float("nan")
    return float(trustworthiness(features[sample], coordinates[sample], n_neighbors=NEAREST))


def class_silhouettes(
    features: Float[np.ndarray, "n E"],
    groups: Int[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    seed: int = 0,
) -> tuple[Silhouette, ...]:
    """The silhouette of every class among the tokens of each task, in the space of the features.

    Tasks are looked at one by one, since tokens of two tasks lie far apart whatever they show. Classes with fewer
    than ``FEWEST_OF_A_CLASS`` tokens, and tokens without a class, are left out.

    Args:
        features: one row a token.
        groups: index of each token's task.
        labels: class of each token.
        seed: of the sample, at most ``QUERIES`` tokens a task.
    """
    found: list[Silhouette] = []
    for group in np.unique(groups):
        members = np.flatnonzero((groups == group) & (labels != UNKNOWN))
        members = members[queried(len(members), seed)]
        found += _silhouettes(features[members], labels[members], int(group))
    return tuple(found)


def _silhouettes(features: Float[np.ndarray, "n E"], labels: Int[np.ndarray, " n"], group: int) -> list[Silhouette]:
    from sklearn.metrics import silhouette_samples

    names, counts = np.unique(labels, return_counts=True)
    kept = np.isin(labels, names[counts >= FEWEST_OF_A_CLASS])
    names = names[counts >= FEWEST_OF_A_CLASS]
    if len(names) < 2:
        return []
    values = silhouette_samples(features[kept], labels[kept])
    return [
        Silhouette(group, int(name), float(values[labels[kept] == name].mean()), int((labels[kept] == name).sum()))
        for name in names
    ]


def mean_silhouette(silhouettes: tuple[Silhouette, ...]) -> float:
    """Mean over classes and tasks, every class of a task weighing the same; NaN where there is none."""
    return float(np.mean([one.mean for one in silhouettes])) if silhouettes else float("nan")


def counts_by(labels: Int[np.ndarray, " n"]) -> Mapping[int, int]:
    """How many tokens have each label, most frequent first; ``UNKNOWN`` is a label too."""
    names, counts = np.unique(labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {int(names[index]): int(counts[index]) for index in order}
