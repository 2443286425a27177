"""Which task writes into which slot, and which task reads it?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.occupancy import slot_occupancy
from mtlviz.trace import SlotTrace


@dataclass(frozen=True)
class TaskExchange:
    """What flows from tasks through slots to tasks; a unit of flow is the whole Write mass of the image.

    Attributes:
        tasks: names in token order.
        writers: ``(L, T)`` share of a slot's Retrieve weight by task; rows sum to 1 (0 without picks).
        readers: ``(L, T)`` share of a slot's Write mass by task; rows sum to 1 (0 if nothing reads it).
        inflow: ``(T, L)`` writers scaled to each slot's read mass; sums to ``outflow`` slot by slot.
        outflow: ``(L, T)`` Write mass by slot and reading task; sums to 1.
    """

    tasks: tuple[str, ...]
    writers: Float[np.ndarray, "L T"]
    readers: Float[np.ndarray, "L T"]
    inflow: Float[np.ndarray, "T L"]
    outflow: Float[np.ndarray, "L T"]

    @property
    def between_tasks(self) -> Float[np.ndarray, "T T"]:
        """Flow from the writing task (row) to the reading task (column), mixed in each slot; sums to 1."""
        flow: np.ndarray = self.inflow @ self.readers
        return flow


def task_exchange(trace: SlotTrace) -> TaskExchange:
    """Who writes and who reads every slot."""
    layout = trace.layout
    tasks, per_task = len(layout.tasks), layout.tokens_per_task
    valid = layout.valid_tokens()
    mass = np.where(valid[:, None], np.asarray(trace.write, np.float64), 0.0)
    outflow = mass.reshape(tasks, per_task, -1).sum(1).T / valid.sum()  # (L, T)
    writers = _shares(_pick_weight_by_task(trace))
    inflow = (writers * slot_occupancy(trace)[:, None]).T
    return TaskExchange(layout.tasks, writers, _shares(outflow), inflow, outflow)


def _pick_weight_by_task(trace: SlotTrace) -> Float[np.ndarray, "L T"]:
    picks = np.asarray(trace.picks)
    owner = picks // trace.layout.tokens_per_task  # -1 where there is no pick
    weights = np.where(picks >= 0, np.asarray(trace.weights, np.float64), 0.0)
    tasks = range(len(trace.layout.tasks))
    return np.stack([np.where(owner == task, weights, 0.0).sum(1) for task in tasks], 1)


def _shares(rows: Float[np.ndarray, "R C"]) -> Float[np.ndarray, "R C"]:
    total = rows.sum(1, keepdims=True)
    shares: np.ndarray = np.divide(rows, total, out=np.zeros_like(rows), where=total > 0)
    return shares
