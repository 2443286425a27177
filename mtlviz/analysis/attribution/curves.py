"""Is a map faithful? Take away what it calls important first, and see how fast the prediction goes.

Deletion starts with everything and takes features away in the order of the map, insertion starts with nothing and
brings them back; a faithful map has a small area under the first and a large one under the second. Random orders with
the same steps say what an arbitrary map would reach (Petsiuk et al., 2018; https://arxiv.org/abs/1806.07421).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.attribution.games import Game
from mtlviz.analysis.attribution.request import CURVE_STEPS, RANDOM_ORDERS


@dataclass(frozen=True, eq=False)
class Curves:
    """The target while features go or come, in its unit.

    Attributes:
        shares: ``(steps + 1,)`` of the features taken away or brought back, from 0 to 1.
        deletion: ``(steps + 1,)``.
        insertion: ``(steps + 1,)``.
        random_deletion: ``(orders, steps + 1)``.
        random_insertion: ``(orders, steps + 1)``.
    """

    shares: Float[np.ndarray, " X"]
    deletion: Float[np.ndarray, " X"]
    insertion: Float[np.ndarray, " X"]
    random_deletion: Float[np.ndarray, "orders X"]
    random_insertion: Float[np.ndarray, "orders X"]

    @property
    def difference(self) -> float:
        """With everything minus with nothing."""
        return float(self.deletion[0] - self.deletion[-1])

    def area(self, curve: Float[np.ndarray, "*orders X"]) -> Float[np.ndarray, "*orders"]:
        """Area under a curve that runs from 0 with nothing to 1 with everything; NaN where both are equal."""
        if not self.difference:
            return np.full(curve.shape[:-1], np.nan)
        return np.asarray(np.trapezoid((curve - self.deletion[-1]) / self.difference, self.shares, axis=-1))

    @property
    def score(self) -> float:
        """Area under insertion minus that under deletion: 1 at best, about 0 for an arbitrary order."""
        both = self.area(np.stack([self.insertion, self.deletion]))
        return float(both[0] - both[1])

    @property
    def gap(self) -> float:
        """Area between insertion and deletion in the target's unit, positive for a good order; also without score."""
        return float(self._gaps(self.insertion, self.deletion))

    @property
    def random_gaps(self) -> Float[np.ndarray, " orders"]:
        """The same for every random order."""
        return self._gaps(self.random_insertion, self.random_deletion)

    def _gaps(
        self, insertion: Float[np.ndarray, "*orders X"], deletion: Float[np.ndarray, "*orders X"]
    ) -> Float[np.ndarray, "*orders"]:
        return np.asarray(np.trapezoid(insertion - deletion, self.shares, axis=-1) * leading(self.difference))

    @property
    def random_scores(self) -> Float[np.ndarray, " orders"]:
        """The same for every random order."""
        return np.asarray(self.area(self.random_insertion) - self.area(self.random_deletion))


def leading(difference: float) -> float:
    """1, or -1 where the number is lower with everything than with nothing: what lowers it is important then."""
    return -1.0 if difference < 0 else 1.0


def curves(game: Game, scores: Float[np.ndarray, " M"], seed: int = 0) -> Curves:
    """The curves of a map's order beside random ones.

    Args:
        game: the features.
        scores: of every feature, as signed contributions times ``leading`` of the game's difference; the largest goes
            first, equal ones in their order.
        seed: of the random orders.
    """
    sizes = np.unique(np.linspace(0, game.size, min(CURVE_STEPS, game.size) + 1).round().astype(int))
    generator = np.random.default_rng(seed)
    orders = [np.argsort(-scores, kind="stable"), *(generator.permutation(game.size) for _ in range(RANDOM_ORDERS))]
    found = np.stack([np.stack(_both(game, order, sizes)) for order in orders])  # (orders, 2, X)
    return Curves(sizes / game.size, found[0, 0], found[0, 1], found[1:, 0], found[1:, 1])


def _both(game: Game, order: Int[np.ndarray, " M"], sizes: Int[np.ndarray, " X"]) -> tuple[np.ndarray, np.ndarray]:
    """Deletion and insertion in one order."""
    position = np.empty(game.size, int)
    position[order] = np.arange(game.size)
    first = position[None] < sizes[:, None]  # (X, M)
    return game(~first), game(first)
