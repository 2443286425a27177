"""What taking the cells of a map away does to the predictions, in the same rows and columns as the map."""

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.faithfulness.maps import Cells
from mtlviz.analysis.faithfulness.regions import Regions, ablations
from mtlviz.analysis.lesions.silencing import silencing
from mtlviz.analysis.lesions.slots import slot_lesions
from mtlviz.analysis.noise.doses import features_of, task_features
from mtlviz.edits import Edit
from mtlviz.engine import Engine, Run

BY_REGION = ("regions", "diffusion")
"""Kinds that share the ablation of all regions, which takes most of the time."""
BY_TASK = ("retrieve", "read", "fusion")
"""Kinds that share the silencing of every task."""


def slot_effects(engine: Engine, clean: Run) -> Cells:
    """``(T, L)`` effect on every task of dropping every slot."""
    return np.asarray(slot_lesions(engine, clean).effects.T)


def silenced_effects(engine: Engine, clean: Run) -> Cells:
    """``(1, T T)`` effect on a task (slow index) when nobody reads, or looks at, another, over that of all sharing."""
    return _pairs(silencing(engine, clean).shares)


def region_ablations(clean: Run, regions: Regions) -> list[Edit]:
    """What ``regions.effects_by_region`` is to be given for every region of every task; features were recorded."""
    return ablations(task_features(features_of(clean)), regions)


def region_effects(found: Float[np.ndarray, "T R E"], regions: Regions) -> dict[str, Cells]:
    """By kind the effects of taking out every region of every task.

    ``regions``: ``(T R, T R)`` on every region of every task (rows), NaN where it is the ablated task's own;
    ``diffusion``: ``(T R, R)`` on far regions of the same task.

    Args:
        found: effect of each of ``region_ablations`` on every region of every task.
        regions: of the image.
    """
    tasks, count = len(found), len(regions)
    across = found.reshape(tasks, count, tasks, count).copy()
    own = across[np.arange(tasks), :, np.arange(tasks)]  # (T, R reader, R ablated)
    near = np.where(regions.apart, own, np.nan).reshape(tasks * count, count)
    across[np.arange(tasks), :, np.arange(tasks)] = np.nan
    return {"regions": across.reshape(tasks * count, -1), "diffusion": near}


def _pairs(by_source: Float[np.ndarray, "T T"]) -> Cells:
    """One row of all pairs, readers slow, from effects of sources (rows) on tasks (columns)."""
    by_reader = by_source.T
    return np.where(np.eye(len(by_reader), dtype=bool), np.nan, by_reader).reshape(1, -1)
