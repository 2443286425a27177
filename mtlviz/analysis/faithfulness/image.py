"""Maps and effects of one image side by side, and how well each map foretells them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.faithfulness.effects import (
    BY_REGION,
    BY_TASK,
    region_ablations,
    region_effects,
    silenced_effects,
    slot_effects,
)
from mtlviz.analysis.faithfulness.gradients import BY_PIXEL, blurred_effects, gradient_rows
from mtlviz.analysis.faithfulness.maps import Cells, kinds_of, map_cells
from mtlviz.analysis.faithfulness.regions import Regions, effects_by_region, regions_of
from mtlviz.analysis.rank_correlation import rank_correlation
from mtlviz.engine import Engine, Run
from mtlviz.trace import Capture, TokenLayout

RECORDED = Capture(features=True)
"""What a run needs to be measured."""


@dataclass(frozen=True, eq=False)
class Foretold:
    """One kind of map on one image.

    Attributes:
        kind: of ``names.KINDS``.
        tasks: of the model.
        weights: ``(rows, cells)`` what the map says; rows belong to readers, NaN where a cell is not compared.
        effects: of taking the cells away, likewise.
        random: what the map of random weights says, likewise.
        seed: of the shuffling.
    """

    kind: str
    tasks: tuple[str, ...]
    weights: Cells
    effects: Cells
    random: Cells
    seed: int = 0

    @property
    def shuffled(self) -> Cells:
        """The map with the cells of every row in another order."""
        rng, changed = np.random.default_rng(self.seed), self.weights.copy()
        for row, known in zip(changed, np.isfinite(self.weights), strict=True):
            row[known] = rng.permutation(row[known])
        return changed

    @property
    def numbers(self) -> dict[str, float]:
        """By measure (``names.MEASURES``) the mean over the rows; NaN where none has a rank correlation."""
        found = {
            "faithful": _mean(self.by_row(self.weights)),
            "random": _mean(self.by_row(self.random)),
            "shuffled": _mean(self.by_row(self.shuffled)),
            "alike": _mean(_rows(self.weights, self.random)),
        }
        return {**found, "gain": found["faithful"] - found["random"]}

    @property
    def by_task(self) -> dict[str, float]:
        """Mean over the rows of each reading task; empty where a row holds all tasks."""
        rows = self.by_row(self.weights)
        if len(rows) < len(self.tasks):
            return {}
        parts = rows.reshape(len(self.tasks), -1)
        return {task: _mean(part) for task, part in zip(self.tasks, parts, strict=True)}

    def by_row(self, cells: Cells) -> Float[np.ndarray, " rows"]:
        """Rank correlation of every row of a map with its effects."""
        return _rows(cells, self.effects)


def foretold(
    engine: Engine,
    unlearned: Engine,
    clean: Run,
    kinds: Sequence[str],
    *,
    seed: int = 0,
    by_region: Float[np.ndarray, "T R E"] | None = None,
    gradients: Mapping[str, tuple[Cells, Cells]] | None = None,
) -> dict[str, Foretold]:
    """By kind a map of the image and what it should foretell.

    Args:
        engine: of the model.
        unlearned: its copy with random weights.
        clean: the image as it is, recorded with ``RECORDED``.
        kinds: of maps, of those of ``available_kinds`` and ``gradients.gradient_kinds``.
        seed: of the shuffled cells.
        by_region: effects of ``region_ablations`` where they are known already; else measured if a kind needs them.
        gradients: by kind of ``BY_PIXEL`` the rows of the model and those of random weights, where they are known.
    """
    if not kinds:
        return {}
    layout = layout_of(clean)
    other, regions = unlearned.run(clean.sample), regions_of(clean, layout)
    happened, known = _effects(engine, clean, regions, kinds, by_region), gradients or {}
    found = {}
    for kind in kinds:
        if kind in BY_PIXEL:
            both = known.get(kind) or tuple(
                gradient_rows(one, clean.sample, regions, kind, layout.tasks) for one in (engine, unlearned)
            )
        else:
            both = map_cells(engine, clean, regions, kind), map_cells(unlearned, other, regions, kind)
        found[kind] = Foretold(kind, layout.tasks, both[0], happened[kind], both[1], seed)
    return found


def layout_of(clean: Run) -> TokenLayout:
    """The tokens of a run: those that interact, or for a model without interaction those of its features."""
    trace = clean.trace.interaction
    return clean.features.layout if trace is None else trace.layout


def _effects(
    engine: Engine, clean: Run, regions: Regions, kinds: Sequence[str], by_region: Float[np.ndarray, "T R E"] | None
) -> dict[str, Cells]:
    found: dict[str, Cells] = {}
    if set(kinds) & set(BY_REGION):
        if by_region is None:
            by_region = effects_by_region(engine, regions, region_ablations(clean, regions))
        found |= region_effects(by_region, regions)
    if set(kinds) & set(BY_TASK):
        found |= dict.fromkeys(BY_TASK, silenced_effects(engine, clean))
    if set(kinds) & set(BY_PIXEL):
        found |= dict.fromkeys(BY_PIXEL, blurred_effects(engine, clean, regions))
    if "slots" in kinds:
        found["slots"] = slot_effects(engine, clean)
    return found


def available_kinds(run: Run) -> tuple[str, ...]:
    """The kinds of maps of its inside that a model has, from one of its runs; those between tasks need two."""
    kinds = kinds_of(run.trace.interaction)
    return kinds if len(run.card.tasks) > 1 else tuple(kind for kind in kinds if kind in ("slots", "diffusion"))


def _rows(first: Cells, second: Cells) -> Float[np.ndarray, " rows"]:
    return np.array([rank_correlation(*pair) for pair in zip(first, second, strict=True)])


def _mean(values: Float[np.ndarray, " n"]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
