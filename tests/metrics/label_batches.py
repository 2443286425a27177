"""Random outputs and labels of every task."""

import torch
from torch import Tensor
from torch.nn import functional

from mtlviz.tasks import IGNORE, TASKS

Example = tuple[Tensor, Tensor, Tensor]


def example(task: str, count: int = 6, size: tuple[int, int] = (32, 40)) -> Example:
    """Output, label and valid pixels that agree better than chance."""
    channels = TASKS[task].channels
    valid = torch.rand(count, *size) > 0.1
    noise = torch.randn(count, channels, *size)
    if TASKS[task].kind == "classes":
        label = torch.randint(0, channels - 2, (count, 1, *size), dtype=torch.uint8)
        label[torch.rand(label.shape) < 0.05] = IGNORE
        wanted = functional.one_hot(label[:, 0].long().clamp(max=channels - 1), channels).movedim(-1, 1)
        return noise + 2 * wanted, label, valid
    if TASKS[task].kind == "depth":
        label = 1 + 4 * torch.rand(count, 1, *size)
        return (label + 0.5 * noise).clamp(min=0.1), label, valid
    if TASKS[task].kind == "normals":
        label = functional.normalize(torch.randn(count, 3, *size), dim=1)
        return functional.normalize(label + 0.3 * noise, dim=1), label, valid
    label = (torch.rand(count, 1, *size) > 0.8).to(torch.uint8)
    return noise + 2 * label - 1, label, valid
