"""What the maps of one run say of their cells: one row a reader, one column a thing that could be taken away."""

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.affinity.rows import fused_parts, fused_rows, group_of, position_blocks
from mtlviz.analysis.attention import row_blocks
from mtlviz.analysis.exchange import task_exchange
from mtlviz.analysis.faithfulness.regions import Regions
from mtlviz.analysis.lesions.slots import slot_weights
from mtlviz.analysis.noise.maps import map_numbers
from mtlviz.engine import Engine, Run
from mtlviz.trace import AffinityTrace, AttentionTrace, RowTrace, SlotTrace

Cells = Float[np.ndarray, "rows cells"]


def retrieve_cells(trace: SlotTrace) -> Cells:
    """``(1, T T)`` share of all that slots hand out by the task that put it there, the same for every reader."""
    share = task_exchange(trace).inflow.sum(1)
    return _pairs(np.tile(share, (len(share), 1)))


def region_cells(trace: RowTrace | AffinityTrace, regions: Regions) -> Cells:
    """``(T R, T R)`` weight from every region of every task (columns) in every region of every task (rows).

    NaN between regions of one task. For affinities the mean size of what the source's affinity adds to the reader's
    row of G.
    """
    count = len(trace.layout.tasks)
    found = _added(trace, regions) if isinstance(trace, AffinityTrace) else _read(trace, regions)  # (T, R, T, R)
    found[np.arange(count), :, np.arange(count)] = np.nan
    return found.reshape(count * len(regions), -1)


def fusion_cells(trace: AffinityTrace) -> Cells:
    """``(1, T T)`` by target task (slow index) the share of its G's variation along rows that each other task adds."""
    tasks = trace.layout.tasks
    found = np.empty((len(tasks), len(tasks)))
    for index, task in enumerate(tasks):
        group = group_of(trace, task)
        spread = [fused_parts(trace, block, group).astype(np.float64).var(2) for block in position_blocks(trace)]
        shares = np.concatenate(spread, 1)  # (T, v)
        found[index] = (shares / np.maximum(shares.sum(0), np.finfo(np.float64).tiny)).mean(1)
    return _pairs(found)


def diffusion_cells(trace: AffinityTrace, regions: Regions) -> Cells:
    """``(T R, R)`` mean size |G| with which every region of a task receives from the others; NaN for near ones."""
    found = []
    for task in trace.layout.tasks:
        total = np.zeros((len(regions), len(regions)))
        for block in position_blocks(trace):
            sizes = np.abs(fused_rows(trace, block, group_of(trace, task))).astype(np.float64)
            total += regions.members[:, block] @ (sizes @ regions.members.T)
        found.append(np.where(regions.apart, total / regions.members.sum(1)[:, None], np.nan))
    return np.concatenate(found)


def map_cells(engine: Engine, run: Run, regions: Regions, kind: str) -> Cells:
    """What one kind of map says.

    ``slots`` is ``(T, L)``, the mean Write weight of every slot for the tokens of every task; ``read`` is
    ``(1, T T)``, the share of what readers (slow index) read that comes from each other task.

    Args:
        engine: of a model that has such maps, see ``kinds_of``.
        run: of the image, with the interaction's trace.
        regions: of the image.
        kind: of ``names.KINDS``.

    Raises:
        ValueError: if the model has no such map.
    """
    trace = run.trace.interaction
    if trace is None or kind not in kinds_of(trace):
        raise ValueError(f"{run.card.name} has no map of kind {kind!r}")
    if kind == "regions":
        return region_cells(trace, regions)
    if isinstance(trace, AffinityTrace):
        return fusion_cells(trace) if kind == "fusion" else diffusion_cells(trace, regions)
    if kind == "slots":
        return np.asarray(slot_weights(engine, run).T)
    if kind == "retrieve" and isinstance(trace, SlotTrace):
        return retrieve_cells(trace)
    return _pairs(map_numbers(trace, {}, rank=False).sources)


def kinds_of(trace: object) -> tuple[str, ...]:
    """The kinds of maps that a model has, from one of its traces."""
    if isinstance(trace, SlotTrace):
        return ("slots", "retrieve", "read", "regions")
    if isinstance(trace, AttentionTrace):
        return ("read", "regions")
    return ("fusion", "regions", "diffusion") if isinstance(trace, AffinityTrace) else ()


def _pairs(matrix: Float[np.ndarray, "T T"]) -> Cells:
    """One row of all pairs of different tasks."""
    return np.where(np.eye(len(matrix), dtype=bool), np.nan, matrix).reshape(1, -1)


def _read(trace: RowTrace, regions: Regions) -> Float[np.ndarray, "T R T R"]:
    count, per_task = len(trace.layout.tasks), trace.layout.tokens_per_task
    found = np.zeros((count, len(regions), count, len(regions)))
    for tokens, rows in row_blocks(trace):
        by_region = rows.reshape(len(tokens), count, per_task) @ regions.members.T  # (rows, T, R)
        np.add.at(found, (tokens // per_task, regions.of_token[tokens % per_task]), by_region)
    return np.asarray(found / regions.members.sum(1)[None, :, None, None])


def _added(trace: AffinityTrace, regions: Regions) -> Float[np.ndarray, "T R T R"]:
    count, size = len(trace.layout.tasks), len(regions)
    found = np.zeros((count, size, count, size))
    for index, task in enumerate(trace.layout.tasks):
        for block in position_blocks(trace):
            sizes = np.abs(fused_parts(trace, block, group_of(trace, task))).astype(np.float64)  # (T, m, n)
            found[index] += np.einsum("rm,tmk->rtk", regions.members[:, block], sizes @ regions.members.T)
    return np.asarray(found / regions.members.sum(1)[None, :, None, None])
