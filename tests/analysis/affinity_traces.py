"""CTAL's traces, made by the module itself, beside the matrices it works with."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtlviz.models.interactions import build_interaction
from mtlviz.models.interactions.affinity import affinity, mixing
from mtlviz.trace import INTERACTION, AffinityTrace, to_arrays

TASKS = ("semseg", "depth", "normals")
GRID = (4, 5)
N = GRID[0] * GRID[1]
WIDTH = 6


@dataclass(frozen=True)
class Case:
    """One pass of a CTAL module with random weights.

    Attributes:
        trace: as arrays.
        matrices: by task the whole affinity, as the module computes it.
        fused: the whole G, by group.
    """

    trace: AffinityTrace
    matrices: np.ndarray
    fused: np.ndarray


def features(seed: int = 0, tasks: tuple[str, ...] = TASKS) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {task: torch.randn(1, WIDTH, *GRID, generator=generator) for task in tasks}


def module(tasks: tuple[str, ...] = TASKS, **options):
    torch.manual_seed(0)
    return build_interaction("ctal", WIDTH, tasks, {"grid": GRID, **options}).eval().requires_grad_(False)


def same_projections(interaction):
    """All tasks project alike, so that what they are given decides what they compare."""
    first = next(iter(interaction.inputs.values())).state_dict()
    for block in interaction.inputs.values():
        block.load_state_dict(first)
    return interaction


def case(mask: Tensor | None = None, given: dict[str, Tensor] | None = None, interaction=None, **options) -> Case:
    given = features() if given is None else given
    interaction = module(**options) if interaction is None else interaction
    trace = interaction(given, mask=mask, capture=INTERACTION)[1]
    kind = interaction.config.kind
    matrices = torch.stack([affinity(units[None], kind, mask)[0] for units in trace.units])
    sources = [units[None] for units in trace.units]
    fused = mixing(sources, interaction.fusion(N), GRID, kind, mask)[0]
    return Case(to_arrays(trace), matrices.numpy(), fused.numpy())


def padded() -> Tensor:
    """The first and the last row of the grid are padding."""
    mask = torch.ones(1, *GRID, dtype=torch.bool)
    mask[:, 0] = mask[:, -1] = False
    return mask.flatten(1)
