"""What one image's map of weights lets through: noise by oracle, label and pair of tasks, spread, sinks and rollout."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.attention import BLOCK_ENTRIES, row_blocks
from mtlviz.analysis.attention_statistics import TOP_PS, Noise, noise_of_rows, statistics_of_rows
from mtlviz.analysis.effective_rank import effective_rank, rank_method
from mtlviz.analysis.noise.account import account_of_rows
from mtlviz.analysis.noise.columns import column_numbers
from mtlviz.analysis.noise.floors import floor_ranges, floors_of_rows, write_floor, write_half_range
from mtlviz.analysis.noise.oracles import CLASSES
from mtlviz.analysis.noise.pairs import PairNoise, add_by_pair, quotient
from mtlviz.analysis.noise.rollout import rollout_noise, shares_by_size, shares_by_weight
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.analysis.write_map import written_variation
from mtlviz.trace import FeatureTrace, RowTrace, SlotTrace

Tokens = Int[np.ndarray, " rows"]
Rows = Float[np.ndarray, "rows S"]
Places = Int[np.ndarray, " N"]
PerRow = Float[np.ndarray, " rows"]

ByLabel = dict[int, tuple[float, float]]


@dataclass(frozen=True)
class MapNumbers:
    """One image's map; means over its tokens that are not padding.

    Attributes:
        numbers: by measure (``names.MAPS``).
        labels: by oracle, then by label ``(mass, chance)``, means over the readers of the label.
        pairs: ``(T, T)`` noise mass of the readers of each task (rows) among what they read from each task
            (columns), with the classes as oracle; NaN where nothing is read or there are no labels.
        sources: ``(T, T)`` share of what the readers of each task read that comes from each task.
        top_p: by share of a row's mass ``(tokens, share)``: the fewest tokens that hold it, as a number and as a share
            of the candidates.
    """

    numbers: dict[str, float]
    labels: dict[str, ByLabel]
    pairs: Float[np.ndarray, "T T"]
    sources: Float[np.ndarray, "T T"]
    top_p: dict[float, tuple[float, float]]

    @property
    def classes(self) -> ByLabel:
        """By class ``(mass, chance)``; empty without labels."""
        return self.labels.get(CLASSES, {})


def map_numbers(
    trace: RowTrace,
    oracles: Mapping[str, Places],
    *,
    rank: bool = True,
    features: FeatureTrace | None = None,
    entries: int = BLOCK_ENTRIES,
) -> MapNumbers:
    """Everything about one map, in one pass over blocks of rows.

    Takes S^2 D multiply-adds for the rows and for each oracle's account, S^2 exponentials and the sorting of S rows of
    S numbers, in memory for a few blocks: the map is never held but for an exact rank, see ``effective_rank``.

    Args:
        trace: of cross-attention or KEM, as CPU arrays.
        oracles: by name the label of every place on the token grid.
        rank: compute the effective rank.
        features: of the same run, for what needs the contents of tokens: the account of bias and selection, and the
            rollout by size; None leaves these out.
        entries: weights of a block.
    """
    tally = _Tally(trace, oracles, features)
    for tokens, rows in row_blocks(trace, entries=entries):
        tally.add(tokens, rows)
    numbers = tally.numbers() | _of_trace(trace)
    if rank:
        name = "effective_rank_estimate" if rank_method(trace) == "estimate" else "effective_rank"
        numbers[name] = effective_rank(trace)
    labels = {oracle: tally.by_label(oracle) for oracle in oracles}
    return MapNumbers(numbers, labels, tally.pair_noise(), tally.read_from(), tally.top_p())


class _Tally:
    """Sums over the rows of one map."""

    def __init__(self, trace: RowTrace, oracles: Mapping[str, Places], features: FeatureTrace | None) -> None:
        tasks = len(trace.layout.tasks)
        self.trace, self.oracles = trace, oracles
        self.contents = None if features is None else _contents(features)
        self.sizes = None if features is None else shares_by_size(trace, np.asarray(features.before))
        self.rows: dict[str, list[PerRow]] = {}
        self.tokens: list[Tokens] = []
        self.columns = np.zeros(trace.layout.tokens)
        self.counts: list[Int[np.ndarray, "rows P"]] = []
        self.read = np.zeros((tasks, tasks))
        self.between = PairNoise(trace, oracles[CLASSES]) if CLASSES in oracles else None

    def add(self, tokens: Tokens, rows: Rows) -> None:
        """One more block."""
        found = statistics_of_rows(self.trace, tokens, rows)
        self.tokens.append(tokens)
        for name in ("entropy", "participation", "top_p_tokens", "mass", "candidates"):
            self._keep(name, np.asarray(getattr(found, name), np.float64))
        self.counts.append(found.top_p_counts)
        self._keep("squares", np.square(rows, dtype=np.float64).sum(1))
        self.columns += rows.sum(0, dtype=np.float64)
        add_by_pair(self.read, self.trace.layout, tokens, rows)
        if self.between is not None:
            self.between.add(tokens, rows)
        self._keep("half_range", floor_ranges(self.trace, tokens))
        shares = self._shares(tokens, found.mass)
        for name, values in shares.items():
            self._keep(name, values)
        for oracle, labels in self.oracles.items():
            self._of_oracle(oracle, tokens, rows, labels, shares)

    def numbers(self) -> dict[str, float]:
        """Means over the rows that have a number, and what follows from the columns."""
        squares = float(np.concatenate(self.rows["squares"]).sum())
        count = max(sum(map(len, self.tokens)), 1)
        columns = self.columns / count
        found = {name: _mean(np.concatenate(parts)) for name, parts in self.rows.items()
                 if name not in ("squares", "candidates")}  # fmt: skip
        for oracle in self.oracles:
            mass, chance = found[f"noise:{oracle}"], found[f"chance:{oracle}"]
            found[f"relative:{oracle}"] = mass / chance if chance > 0 else float("nan")
        apart = max(squares - count * float(np.square(columns).sum()), 0.0)
        found["rank1_residual"] = float(np.sqrt(apart / squares)) if squares > 0 else float("nan")
        return found | column_numbers(self.trace, columns)

    def by_label(self, oracle: str) -> ByLabel:
        """Mean noise mass and chance by the label of the reader."""
        mass, chance = (np.concatenate(self.rows[f"{name}:{oracle}"]) for name in ("noise", "chance"))
        own = np.tile(self.oracles[oracle], len(self.trace.layout.tasks))[np.concatenate(self.tokens)]
        known = np.isfinite(mass) & np.isfinite(chance)
        return {
            int(label): (float(mass[here].mean()), float(chance[here].mean()))
            for label in np.unique(own[known])
            if (here := known & (own == label)).any()
        }

    def pair_noise(self) -> Float[np.ndarray, "T T"]:
        """See ``MapNumbers.pairs``."""
        return np.full(self.read.shape, np.nan) if self.between is None else self.between.shares

    def read_from(self) -> Float[np.ndarray, "T T"]:
        """See ``MapNumbers.sources``."""
        return quotient(self.read, np.broadcast_to(self.read.sum(1, keepdims=True), self.read.shape))

    def top_p(self) -> dict[float, tuple[float, float]]:
        """See ``MapNumbers.top_p``; over the rows that read anything."""
        counts, candidates = np.concatenate(self.counts), np.concatenate(self.rows["candidates"])
        reads = np.concatenate(self.rows["mass"]) > 0
        if not reads.any():
            return {}
        tokens, shares = counts[reads], counts[reads] / candidates[reads, None]
        means = zip(TOP_PS, tokens.mean(0).tolist(), shares.mean(0).tolist(), strict=True)
        return {share: (number, part) for share, number, part in means}

    def _shares(self, tokens: Tokens, mass: PerRow) -> dict[str, PerRow]:
        """Shares of the rollout rows that are read."""
        found = {"read_share": shares_by_weight(mass, self.trace.residual)}
        if self.sizes is not None:
            found["read_share_size"] = self.sizes[tokens]
        return found

    def _of_oracle(self, oracle: str, tokens: Tokens, rows: Rows, labels: Places, shares: Mapping[str, PerRow]) -> None:
        every = np.tile(labels, len(self.trace.layout.tasks))
        known = every != UNKNOWN
        noise = noise_of_rows(self.trace, tokens, rows, labels)
        other = known & (every[tokens, None] != every)  # (rows, S)
        irrelevant, labelled = rows * other, rows * known
        numbers = self._noise_numbers(noise, tokens, irrelevant, known)
        mass = rows.sum(1, dtype=np.float64)
        for name, share in shares.items():
            numbers[name.replace("read_share", "rollout")] = rollout_noise(
                noise.mass, labelled.sum(1, dtype=np.float64), mass, share
            )
        if self.contents is not None:
            numbers |= vars(account_of_rows(self.trace, tokens, rows, labels, self.contents))
        for name, values in numbers.items():
            self._keep(f"{name}:{oracle}", np.where(np.isfinite(noise.mass), values, np.nan))

    def _noise_numbers(self, noise: Noise, tokens: Tokens, irrelevant: Rows, known: np.ndarray) -> dict[str, PerRow]:
        return {
            "noise": noise.mass,
            "chance": noise.chance,
            "floor": floors_of_rows(self.trace, tokens, noise.chance, known),
            "variance": np.square(irrelevant, dtype=np.float64).sum(1),
        }

    def _keep(self, name: str, values: PerRow) -> None:
        self.rows.setdefault(name, []).append(values)


def _contents(features: FeatureTrace) -> Float[np.ndarray, "S D"]:
    """Tokens as the interaction compares and mixes them."""
    places = np.asarray(features.places["interaction_input"])
    contents: Float[np.ndarray, "S D"] = places.reshape(-1, places.shape[-1])
    return contents


def _of_trace(trace: RowTrace) -> dict[str, float]:
    found = {"written_variation": written_variation(trace)}
    if isinstance(trace, SlotTrace):
        found |= {"write_half_range": write_half_range(trace), "write_floor": write_floor(trace)}
    return found


def _mean(values: PerRow) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
