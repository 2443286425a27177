"""Small CTAL modules and features for them."""

import torch

from mtlviz.models.interactions import build_interaction

TASKS = ("semseg", "depth", "normals")
WIDTH, CHANNELS, GRID = 10, 6, (5, 7)
COUNT = GRID[0] * GRID[1]
BOTH = (
    {},
    {"input_norm": True},
    {"fusion": "per_task"},
    {"fusion": "per_task", "own_task": True},
    {"fusion": "mean"},
    {"tied": True},
    {"interleaved": False},
    {"fusion": "per_task", "interleaved": False},
    {"similarity": "learned"},
)
"""Options that both computations take."""


def module(dtype=torch.float64, tasks=TASKS, seed=0, **options):
    torch.manual_seed(seed)
    options = {"grid": GRID, "channels": CHANNELS, **options}
    return build_interaction("ctal", WIDTH, tasks, options).to(dtype).eval()


def features(batch=1, dtype=torch.float64, seed=1, tasks=TASKS):
    generator = torch.Generator().manual_seed(seed)
    return {task: torch.randn(batch, WIDTH, *GRID, generator=generator, dtype=dtype) for task in tasks}


def padding():
    """Two columns on the right are padding."""
    mask = torch.ones(GRID, dtype=torch.bool)
    mask[:, -2:] = False
    return mask.flatten()[None]


def relative(one, other):
    return float((one - other).norm() / other.norm())


def joined(result):
    return torch.cat([part.flatten() for part in result.values()])
