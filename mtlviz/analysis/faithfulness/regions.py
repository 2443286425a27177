"""Regions of an image: blocks of tokens, what is taken out in one of them, and what then changes in another."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from mtlviz.analysis.lesions.effects import prediction_change
from mtlviz.analysis.noise.doses import Places
from mtlviz.edits import NOTHING, Edit
from mtlviz.engine import Engine, Run
from mtlviz.trace import TokenLayout

BLOCK = (4, 5)
"""(rows, columns) of tokens in a region."""
TOGETHER = 16
"""Edits that share one pass through the decoders; bounds the memory."""


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of one run's image.

    Attributes:
        of_token: ``(N,)`` region of every place, -1 at padding.
        places: ``(R, 2)`` (row, column) of every region among the regions.
        run: of the image.
    """

    of_token: Int[np.ndarray, " N"]
    places: Int[np.ndarray, "R 2"]
    run: Run

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def of_pixel(self) -> Int[np.ndarray, "h w"]:
        """Region of every pixel of the image."""
        (top, left, height, width), (rows, columns) = self.run.letterbox.box, self.run.card.token_grid
        indices = []
        for start, side, count, tokens, full in (
            (top, height, self.run.sample.size[0], rows, self.run.letterbox.target[0]),
            (left, width, self.run.sample.size[1], columns, self.run.letterbox.target[1]),
        ):
            centres = start + (np.arange(count) + 0.5) * side / count  # in pixels of the model's input
            indices.append(np.minimum((centres * tokens / full).astype(np.int64), tokens - 1))
        return np.asarray(self.of_token.reshape(rows, columns)[indices[0]][:, indices[1]])

    @cached_property
    def of_input(self) -> Int[np.ndarray, "H W"]:
        """Region of every pixel of the model's input, -1 at padding."""
        (rows, columns), letterbox = self.run.card.token_grid, self.run.letterbox
        down, right = (
            np.arange(side) * tokens // side for side, tokens in zip(letterbox.target, (rows, columns), strict=True)
        )
        spread = self.of_token.reshape(rows, columns)[down][:, right]
        return np.where(letterbox.inside, spread, -1)

    @property
    def apart(self) -> Bool[np.ndarray, "R R"]:
        """Pairs with at least one region between them."""
        steps = np.abs(self.places[:, None] - self.places[None]).max(-1)
        return np.asarray(steps > 1)

    def pooled_pixels(self, values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, " R"]:
        """Mean of an image over the pixels of every region; NaN pixels are left out."""
        known = np.isfinite(values) & (self.of_pixel >= 0)
        where = self.of_pixel[known]
        total, count = (np.bincount(where, weights, len(self)) for weights in (values[known], None))
        return np.asarray(total / np.where(count > 0, count, np.nan))

    @cached_property
    def members(self) -> Float[np.ndarray, "R N"]:
        """1 where a place belongs to a region."""
        return np.asarray(self.of_token == np.arange(len(self))[:, None], np.float64)


def regions_of(run: Run, layout: TokenLayout) -> Regions:
    """Blocks of 4 x 5 tokens; a border may make them smaller, and those without a token of the image are left out.

    Args:
        run: of the image.
        layout: of its tokens.
    """
    (rows, columns), valid = layout.grid, layout.valid_tokens()[: layout.tokens_per_task]
    down, right = np.divmod(np.arange(rows * columns), columns)
    blocks = np.stack([down // BLOCK[0], right // BLOCK[1]], 1)
    places, of_token = np.unique(blocks[valid], axis=0, return_inverse=True)
    everywhere = np.full(rows * columns, -1, np.int64)
    everywhere[valid] = of_token.ravel()
    return Regions(everywhere, places, run)


def ablations(features: dict[str, Places], regions: Regions) -> list[Edit]:
    """One edit for every task and region, task by task: its features there take the task's mean over the image.

    Only what the interaction receives of that task changes, so that every other task is reached through it alone.

    Args:
        features: by task what its encoder gave, see ``task_features``.
        regions: of the image.
    """
    found = []
    for task, own in features.items():
        mean = own.reshape(len(own), -1)[:, regions.of_token >= 0].mean(1)
        for region in range(len(regions)):
            there = (regions.of_token == region).reshape(own.shape[1:])
            found.append(Edit(features={task: np.where(there, mean[:, None, None], own).astype(own.dtype)}))
    return found


def effects_by_region(engine: Engine, regions: Regions, edits: Sequence[Edit]) -> Float[np.ndarray, "T R E"]:
    """The effect of every edit on every task (``lesions.effects``), as the mean over the pixels of every region.

    Args:
        engine: of the model.
        regions: of the image.
        edits: what is changed.
    """
    tasks = [task.name for task in engine.card.tasks]
    found = np.empty((len(tasks), len(regions), len(edits)))
    for start in range(0, len(edits), TOGETHER):
        before, *after = engine.effects(regions.run.sample, [NOTHING, *edits[start : start + TOGETHER]])
        for index, run in enumerate(after, start):
            for number, task in enumerate(tasks):
                found[number, :, index] = regions.pooled_pixels(np.abs(prediction_change(before, run, task).values))
    return found
