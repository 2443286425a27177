"""What one image's map of weights lets through: noise by oracle, class and pair of tasks, spread and sinks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.attention import row_blocks
from mtlviz.analysis.attention_statistics import Noise, effective_rank, noise_of_rows, statistics_of_rows
from mtlviz.analysis.noise.columns import column_numbers
from mtlviz.analysis.noise.floors import half_ranges, row_floors, write_floor, write_half_range
from mtlviz.analysis.noise.oracles import CLASSES
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.analysis.write_map import written_variation
from mtlviz.trace import RowTrace, SlotTrace

Tokens = Int[np.ndarray, " rows"]
Rows = Float[np.ndarray, "rows S"]
Places = Int[np.ndarray, " N"]
PerRow = Float[np.ndarray, " rows"]


@dataclass(frozen=True)
class MapNumbers:
    """One image's map; means over its tokens that are not padding.

    Attributes:
        numbers: by measure (``names.MAPS``).
        classes: by class ``(mass, chance)``, means over the readers of the class; empty without labels.
        pairs: ``(T, T)`` noise mass of the readers of each task (rows) among what they read from each task
            (columns), with the classes as oracle; NaN where nothing is read or there are no labels.
        sources: ``(T, T)`` share of what the readers of each task read that comes from each task.
    """

    numbers: dict[str, float]
    classes: dict[int, tuple[float, float]]
    pairs: Float[np.ndarray, "T T"]
    sources: Float[np.ndarray, "T T"]


def map_numbers(trace: RowTrace, oracles: Mapping[str, Places], *, rank: bool = True) -> MapNumbers:
    """Everything about one map, in one pass over blocks of rows; S^2 time and never S^2 memory but for the rank.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        oracles: by name the label of every place on the token grid.
        rank: compute the effective rank; for attention it needs S^2 memory and S^3 time.
    """
    tally = _Tally(trace, oracles)
    for tokens, rows in row_blocks(trace):
        tally.add(tokens, rows)
    numbers = tally.numbers() | _of_trace(trace)
    if rank:
        numbers["effective_rank"] = effective_rank(trace)
    classes = tally.by_class(oracles[CLASSES]) if CLASSES in oracles else {}
    return MapNumbers(numbers, classes, tally.pair_noise(), tally.read_from())


def floor_ranges(trace: RowTrace, tokens: Tokens) -> PerRow:
    """B of every row; NaN where a softmax keeps only some of its candidates, so that it has no floor."""
    if isinstance(trace, SlotTrace) or trace.picks is not None:
        return np.full(len(tokens), np.nan)
    return half_ranges(trace, tokens)


class _Tally:
    """Sums over the rows of one map."""

    def __init__(self, trace: RowTrace, oracles: Mapping[str, Places]) -> None:
        tasks = len(trace.layout.tasks)
        self.trace, self.oracles = trace, oracles
        self.rows: dict[str, list[PerRow]] = {}
        self.tokens: list[Tokens] = []
        self.columns = np.zeros(trace.layout.tokens)
        self.read, self.labelled, self.noisy = (np.zeros((tasks, tasks)) for _ in range(3))

    def add(self, tokens: Tokens, rows: Rows) -> None:
        """One more block."""
        found = statistics_of_rows(self.trace, tokens, rows)
        self.tokens.append(tokens)
        for name in ("entropy", "participation", "top_p_tokens", "mass"):
            self._keep(name, np.asarray(getattr(found, name), np.float64))
        self.columns += rows.sum(0, dtype=np.float64)
        self._by_pair(self.read, tokens, rows)
        ranges = floor_ranges(self.trace, tokens)
        self._keep("half_range", ranges)
        for oracle, labels in self.oracles.items():
            every = np.tile(labels, len(self.trace.layout.tasks))
            noise = noise_of_rows(self.trace, tokens, rows, labels)
            other = (every != UNKNOWN) & (every[tokens, None] != every)  # (rows, S)
            self._of_oracle(oracle, noise, row_floors(noise.chance, ranges), rows * other)
            if oracle == CLASSES:
                known = every[tokens] != UNKNOWN
                self._by_pair(self.noisy, tokens[known], (rows * other)[known])
                self._by_pair(self.labelled, tokens[known], (rows * (every != UNKNOWN))[known])

    def numbers(self) -> dict[str, float]:
        """Means over the rows that have a number, and what follows from the columns."""
        found = {name: _mean(np.concatenate(parts)) for name, parts in self.rows.items()}
        for oracle in self.oracles:
            mass, chance = found[f"noise:{oracle}"], found[f"chance:{oracle}"]
            found[f"relative:{oracle}"] = mass / chance if chance > 0 else float("nan")
        return found | column_numbers(self.trace, self.columns / max(sum(map(len, self.tokens)), 1))

    def by_class(self, labels: Places) -> dict[int, tuple[float, float]]:
        """Mean noise mass and chance by the class of the reader."""
        mass, chance = (np.concatenate(self.rows[f"{name}:{CLASSES}"]) for name in ("noise", "chance"))
        own = np.tile(labels, len(self.trace.layout.tasks))[np.concatenate(self.tokens)]
        known = np.isfinite(mass) & np.isfinite(chance)
        return {
            int(label): (float(mass[here].mean()), float(chance[here].mean()))
            for label in np.unique(own[known])
            if (here := known & (own == label)).any()
        }

    def pair_noise(self) -> Float[np.ndarray, "T T"]:
        """See ``MapNumbers.pairs``."""
        return _quotient(self.noisy, self.labelled)

    def read_from(self) -> Float[np.ndarray, "T T"]:
        """See ``MapNumbers.sources``."""
        return _quotient(self.read, np.broadcast_to(self.read.sum(1, keepdims=True), self.read.shape))

    def _of_oracle(self, oracle: str, noise: Noise, floor: PerRow, irrelevant: Rows) -> None:
        self._keep(f"noise:{oracle}", noise.mass)
        self._keep(f"chance:{oracle}", np.where(np.isfinite(noise.mass), noise.chance, np.nan))
        self._keep(f"floor:{oracle}", np.where(np.isfinite(noise.mass), floor, np.nan))
        passed = np.square(irrelevant, dtype=np.float64).sum(1)
        self._keep(f"variance:{oracle}", np.where(np.isfinite(noise.mass), passed, np.nan))

    def _by_pair(self, into: Float[np.ndarray, "T T"], tokens: Tokens, rows: Rows) -> None:
        layout = self.trace.layout
        sources = rows.reshape(len(rows), len(layout.tasks), -1).sum(2, dtype=np.float64)
        np.add.at(into, tokens // layout.tokens_per_task, sources)

    def _keep(self, name: str, values: PerRow) -> None:
        self.rows.setdefault(name, []).append(values)


def _of_trace(trace: RowTrace) -> dict[str, float]:
    found = {"written_variation": written_variation(trace)}
    if isinstance(trace, SlotTrace):
        found |= {"write_half_range": write_half_range(trace), "write_floor": write_floor(trace)}
    return found


def _mean(values: PerRow) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _quotient(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return found
