"""Small stable KEMs with features and labels for them."""

import torch

from mtlviz.models.interactions import build_interaction
from mtlviz.models.interactions.base import to_tokens
from mtlviz.tasks import IGNORE

TASKS = ("semseg", "depth", "human_parts")
CLASSES = {"semseg": 5, "human_parts": 4}
WIDTH, GRID, SLOTS = 16, (4, 5), 6
PER_TASK = GRID[0] * GRID[1]
TOKENS = len(TASKS) * PER_TASK
COLLAPSE = {"rung": "collapse"}
RUNGS = [{"rung": "literal"}, {"rung": "normalised"}, {"rung": "learnable"}, COLLAPSE]


def built(**options):
    return build_interaction("stable_kem", WIDTH, TASKS, {"slots": SLOTS, **options}, CLASSES)


def stable(dtype=torch.float64, **options):
    torch.manual_seed(0)
    module = built(**options).to(dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))  # away from the tame start
    return module.requires_grad_(False)


def features(batch=1, seed=1, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return {task: torch.randn(batch, WIDTH, *GRID, generator=generator, dtype=dtype) for task in TASKS}


def labels(batch=1):
    generator = torch.Generator().manual_seed(2)
    drawn = {task: torch.randint(0, count + 1, (batch, PER_TASK), generator=generator)
             for task, count in CLASSES.items()}  # fmt: skip
    return {task: classes.masked_fill(classes == CLASSES[task], IGNORE) for task, classes in drawn.items()}


def compared(module, inputs):
    return to_tokens(module.compared(inputs))[0]
