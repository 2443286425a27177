"""CTAL written as the released code computes it: all affinities, interleaved channels, one grouped convolution."""

import torch
from torch.nn import functional


def affinities(projected):
    """(T, n, n) cosines of one image from its features by task, each (C, H, W)."""
    rows = []
    for feature in projected.values():
        flat = feature.flatten(1)
        flat = flat / flat.norm(dim=0).clamp_min(1e-12)
        rows.append(flat.T @ flat)
    return torch.stack(rows)


def fused(affinity, weights, bias, grid, interleaved=True):
    """(n, n) G: affinities as n T channels over the grid of keys, convolved in n groups; weights (n, T, 3, 3)."""
    tasks, n, _ = affinity.shape
    channels = torch.empty(n * tasks, *grid, dtype=affinity.dtype)
    for task in range(tasks):
        for query in range(n):
            channels[query * tasks + task if interleaved else task * n + query] = affinity[task, query].view(grid)
    return functional.conv2d(channels[None], weights, bias, padding=1, groups=n)[0].flatten(1)


def diffused(module, projected, gamma=0.05):
    """Z by task, each (C, H, W), of a module with shared or per-task fusion."""
    affinity = affinities(projected)
    n = affinity.shape[1]
    grid = next(iter(projected.values())).shape[1:]
    matrices = [
        fused(affinity, weights, bias, grid, module.config.interleaved)
        for weights, bias in zip(module.fusion_weights.split(n), module.fusion_bias.split(n), strict=True)
    ]
    result = {}
    for index, (task, feature) in enumerate(projected.items()):
        convolution = module.values[task]
        values = functional.conv2d(feature[None], convolution.weight, convolution.bias, padding=1)[0].flatten(1)
        attended = values @ matrices[index % len(matrices)].T  # as the figure writes it, V G^T
        result[task] = gamma * attended.view_as(feature) + (1 - gamma) * feature
    return result
