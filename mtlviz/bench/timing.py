"""Fair times on a machine that is never quiet: contenders take turns, and only their ratios count."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Call = Callable[[], object]

MOST_ROUNDS = 60
SECONDS = 12.0
"""Time after which no further round starts; twice that, where three rounds are not done yet."""


@dataclass(frozen=True)
class Turns:
    """Seconds of every round by contender, taken in turns.

    Attributes:
        seconds: by contender, one entry a round.
    """

    seconds: Mapping[str, tuple[float, ...]]

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(next(iter(self.seconds.values())))

    def ratio(self, above: str, below: str) -> float:
        """Median over the rounds of one contender's seconds over the other's."""
        pairs = zip(self.seconds[above], self.seconds[below], strict=True)
        return statistics.median(one / other for one, other in pairs)

    def milliseconds(self, name: str) -> float:
        """Median of a contender."""
        return 1000 * statistics.median(self.seconds[name])


def take_turns(
    contenders: Mapping[str, Call],
    *,
    seconds: float = SECONDS,
    most: int = MOST_ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
) -> Turns:
    """Time the contenders in turns, in reverse order every other round.

    Args:
        contenders: by name what to time; call each once before if its first call differs.
        seconds: after this no further round starts, as soon as three are done.
        most: rounds.
        clock: returns seconds.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    begin = clock()
    rounds = 0
    while rounds == 0 or (rounds < most and not _enough(rounds, clock() - begin, seconds)):
        for name in list(contenders)[:: 1 if rounds % 2 == 0 else -1]:
            start = clock()
            contenders[name]()
            taken[name].append(clock() - start)
        rounds += 1
    return Turns({name: tuple(values) for name, values in taken.items()})


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of the values do not exceed.

    Raises:
        ValueError: if there is no value or ``share`` is outside (0, 1].
    """
    if not values or not 0 < share <= 1:
        raise ValueError(f"need values and a share in (0, 1]; got {len(values)} values and {share}")
    rank = max(0, -int(-share * len(values) // 1) - 1)
    return sorted(values)[rank]


def _enough(rounds: int, elapsed: float, seconds: float) -> bool:
    return (rounds >= 3 and elapsed > seconds) or elapsed > 2 * seconds
