"""Features of many numbers a token, as two or three: PCA exactly, UMAP from a seed."""

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

from mtlviz.errors import OptionError

Method = Literal["PCA", "UMAP"]
Report = Callable[[str, float | None], None]
"""Is told what is being done, and which share of it is done where that is known."""

FEWEST = 8
"""Tokens below which a map says nothing."""


@dataclass(frozen=True, eq=False)
class Projection:
    """Where tokens lie on a map.

    Attributes:
        method: how they came there.
        coordinates: ``(n, A)``, two or three axes.
        explained: share of the variance of all features along each axis of PCA; empty for UMAP, whose axes have no
            meaning.
    """

    method: Method
    coordinates: Float32[np.ndarray, "n A"]
    explained: Float[np.ndarray, " shares"]

    @property
    def shown(self) -> float:
        """Share of the variance that the axes hold together; NaN for UMAP."""
        return float(self.explained.sum()) if self.explained.size else float("nan")


def pca(features: Float[np.ndarray, "n E"], axes: int) -> Projection:
    """The directions along which tokens differ most.

    The largest coefficient of every direction is positive, so that the same features give the same picture and not
    its mirror image. Computed in float64 from the covariance of the features.

    Args:
        features: one row a token.
        axes: number of directions, at most E.

    Raises:
        OptionError: if there are too few tokens, or a feature is not finite.
        ValueError: if there are more axes than features.
    """
    _check(features)
    if axes > features.shape[1]:
        raise ValueError(f"{axes} axes asked of {features.shape[1]} features; ask for at most one a feature")
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    variances, directions = np.linalg.eigh(centred.T @ centred / (len(centred) - 1))
    largest = np.argsort(variances)[::-1][:axes]
    directions = directions[:, largest]
    strongest = np.abs(directions).argmax(0)
    directions *= np.where(directions[strongest, np.arange(axes)] < 0, -1.0, 1.0)
    total = float(variances.clip(0).sum())
    explained = variances[largest].clip(0) / total if total > 0 else np.zeros(axes)
    return Projection("PCA", (centred @ directions).astype(np.float32), explained)


@dataclass(frozen=True)
class UmapSettings:
    """What fixes a UMAP map, together with the features.

    Attributes:
        axes: 2 or 3.
        neighbours: nearest tokens of every token that the map tries to keep near.
        distance: ``min_dist``, how densely tokens may lie, on a map about ten units wide.
        epochs: rounds of the optimisation.
        principal: the features are replaced by so many principal components first.
        seed: of the optimisation; a seeded UMAP runs on one thread and gives the same map every time.
    """

    axes: int = 2
    neighbours: int = 15
    distance: float = 0.1
    epochs: int = 300
    principal: int = 16
    seed: int = 0

    def digest(self, points: Float32[np.ndarray, "n P"]) -> str:
        """Name of the map of these points under these settings."""
        found = hashlib.sha256(repr(astuple(self)).encode() + repr(points.shape).encode())
        found.update(np.ascontiguousarray(points).tobytes())
        return found.hexdigest()


def umap_points(features: Float[np.ndarray, "n E"], settings: UmapSettings) -> Float32[np.ndarray, "n P"]:
    """What UMAP is given: the first principal components.

    Raises:
        OptionError: if there are too few tokens, a feature is not finite, or all tokens are alike.
    """
    points = pca(features, min(settings.principal, features.shape[1])).coordinates
    if not np.ptp(points, 0).max() > 0:
        raise OptionError("All these tokens have the same features, so there is nothing to map; choose another place.")
    return points


def umap_coordinates(
    points: Float32[np.ndarray, "n P"], settings: UmapSettings, report: Report = lambda *_: None
) -> Float32[np.ndarray, "n A"]:
    """A map on which every token lies near its nearest neighbours (McInnes, Healy & Melville, 2018).

    It starts from the first principal components (Kobak & Linderman, 2021) and uses exact neighbours. The first call
    of a process compiles for many seconds.

    Args:
        points: ``umap_points``.
        settings: of the map.
        report: is told how far it is.
    """
    from sklearn.neighbors import NearestNeighbors

    neighbours = min(settings.neighbours, len(points) - 1)
    report("finding the nearest neighbours", None)
    near = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(points)
    distances, indices = near.kneighbors(points)
    report("building the graph of neighbours", None)
    import warnings

    import umap

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="precomputed_knn")  # only `transform` would need an index
        mapper = umap.UMAP(
            n_neighbors=neighbours, n_components=settings.axes, min_dist=settings.distance, n_epochs=settings.epochs,
            init="pca", random_state=settings.seed, n_jobs=1,
            precomputed_knn=(indices.astype(np.int32), distances.astype(np.float32)),
            tqdm_kwds={"disable": False, "file": _Epochs(report), "bar_format": "{n_fmt}/{total_fmt}", "desc": ""},
        )  # fmt: skip
        coordinates: Float32[np.ndarray, "n A"] = mapper.fit_transform(points).astype(np.float32)
    return coordinates


class _Epochs(io.TextIOBase):
    """A text stream for UMAP's progress bar, which reports the share of epochs that is written to it."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def write(self, text: str, /) -> int:
        """Take in a line of the bar; its length."""
        found = re.search(r"(\d+)/(\d+)", text)
        if found:
            self._report("arranging the tokens", int(found[1]) / max(int(found[2]), 1))
        return len(text)


def _check(features: Float[np.ndarray, "n E"]) -> None:
    if len(features) < FEWEST:
        raise OptionError(f"A map needs at least {FEWEST} tokens and there are {len(features)}; choose more of them.")
    if not np.isfinite(features).all():
        raise OptionError(
            "The features hold values that are not finite, so they have no place on a map; choose another model."
        )
