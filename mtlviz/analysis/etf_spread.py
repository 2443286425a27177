"""How much the numbers of a frame would vary over other images of the same kind: a bootstrap over blocks of images."""

from collections.abc import Sequence
from dataclasses import astuple, fields

import numpy as np

from mtlviz.analysis.class_cloud import ClassCloud
from mtlviz.analysis.etf_geometry import Numbers, class_geometry

RESAMPLES = 100
FEWEST = 5
"""Fewer blocks say nothing about their spread."""


def number_spread(blocks: Sequence[ClassCloud], resamples: int = RESAMPLES, seed: int = 0) -> Numbers | None:
    """Standard deviation of every number when blocks are drawn with replacement; None for fewer than ``FEWEST``.

    Args:
        blocks: clouds of a few images each, of one task and place of one model.
        resamples: how often as many blocks are drawn as there are.
        seed: of the draws.
    """
    if len(blocks) < FEWEST:
        return None
    drawn = np.random.default_rng(seed).multinomial(len(blocks), [1 / len(blocks)] * len(blocks), resamples)  # (R, P)
    tokens = drawn @ np.stack([block.tokens for block in blocks])  # (R, C)
    sums = np.tensordot(drawn, np.stack([block.sums for block in blocks]), 1)  # (R, C, E)
    values = []
    for count, total in zip(tokens, sums, strict=True):
        present = np.flatnonzero(count)
        if len(present) > 1:
            values.append(astuple(class_geometry(total[present] / count[present, None]).numbers))
    if not values:
        return None
    spread = np.std(values, 0)
    return Numbers(**{field.name: float(value) for field, value in zip(fields(Numbers), spread, strict=True)})
