"""A model whose slots pick the brightest tokens of an image: it moves along with the image exactly."""

from dataclasses import replace

import numpy as np

from mtlviz.checkpoints import ModelCard
from mtlviz.data.images import image_sha256
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine, Provenance, Run
from mtlviz.models.multitask import NetworkConfig
from mtlviz.tasks import TASKS
from mtlviz.trace import PLACES, FeatureTrace, SlotTrace, TokenLayout, Trace

GRID, STRIDE = (8, 10), 8
SIZE = (GRID[0] * STRIDE, GRID[1] * STRIDE)
TASKS_HERE = (TASKS["semseg"], TASKS["depth"])
CARD = ModelCard(
    name="brightest", title="Brightest", summary="Picks the brightest tokens.", trained="random",
    architecture=NetworkConfig(), tasks=TASKS_HERE, input_size=SIZE, token_grid=GRID, weights_sha256="b" * 64,
)  # fmt: skip


class Brightest(Engine):
    """In place of an engine: slot l picks the ``picks`` brightest tokens of colour channel l, of task l."""

    def __init__(self, picks: int = 3) -> None:
        self.card = CARD
        self.picks = picks

    def run(self, sample: Sample, *, capture=None, edit=None) -> Run:
        letterbox = Letterbox(sample.size, SIZE)
        pixels = letterbox.apply(sample.image).astype(np.float64) / 255
        cells = pixels.reshape(GRID[0], STRIDE, GRID[1], STRIDE, 3).mean((1, 3)).reshape(-1, 3)  # (N, 3)
        valid = None if letterbox.inside.all() else _covered(letterbox)
        layout = TokenLayout(tuple(task.name for task in TASKS_HERE), GRID, valid)
        trace = self._trace(cells, layout)
        features = np.tile(cells.astype(np.float32), (2, 1, 1))
        places = {place: features[:1] if place == "encoder" else features for place in PLACES}
        recorded = FeatureTrace(layout, places, dict.fromkeys(PLACES, GRID))
        outputs = {"semseg": _logits(pixels), "depth": (1 + pixels.mean(-1)).astype(np.float32)[None]}
        return Run(sample, CARD, outputs, letterbox, Trace(trace, recorded), 0.0, (), _provenance(sample))

    def _trace(self, cells: np.ndarray, layout: TokenLayout) -> SlotTrace:
        tokens = len(cells)
        logits = np.full((2, 2 * tokens), -5.0)
        for slot in (0, 1):
            logits[slot, slot * tokens : (slot + 1) * tokens] = cells[:, slot]
        logits[:, ~layout.valid_tokens()] = -np.inf
        picks = np.argsort(-logits, axis=1, kind="stable")[:, : self.picks]
        content = cells[picks % tokens].mean(1).astype(np.float32)  # (2, 3)
        write = np.full((2 * tokens, 2), 0.5, np.float32)
        weights = np.full(picks.shape, 1 / self.picks, np.float32)
        return SlotTrace(
            layout, logits.astype(np.float32), picks, weights, write, np.zeros_like(content), content,
            (write @ content).astype(np.float32), 1.0,
        )  # fmt: skip


def spotted(places: dict[int, list[tuple[int, int]]], labels: np.ndarray | None = None) -> Sample:
    """A dark image on which the tokens at these places shine in a channel, the first one brightest.

    Args:
        places: by channel (row, column) of tokens.
        labels: ``(rows, columns)`` class of every token.
    """
    image = np.full((*SIZE, 3), 20, np.uint8)
    for channel, tokens in places.items():
        for rank, (row, column) in enumerate(tokens):
            image[row * STRIDE : (row + 1) * STRIDE, column * STRIDE : (column + 1) * STRIDE, channel] = 250 - 10 * rank
    sample = Sample(image, "spots")
    if labels is None:
        return sample
    return replace(sample, labels={"semseg": labels.astype(np.uint8).repeat(STRIDE, 0).repeat(STRIDE, 1)})


def _logits(pixels: np.ndarray) -> np.ndarray:
    """Class 0 where red leads, class 1 where green does, else class 2."""
    logits = np.zeros((TASKS["semseg"].channels, *pixels.shape[:2]), np.float32)
    logits[:2] = np.moveaxis(pixels[..., :2], -1, 0) * 10
    logits[2] = 0.5
    return logits


def _covered(letterbox: Letterbox) -> np.ndarray:
    return letterbox.inside.reshape(GRID[0], STRIDE, GRID[1], STRIDE).any((1, 3)).ravel()


def _provenance(sample: Sample) -> Provenance:
    return Provenance("brightest", "b" * 64, "random", sample.name, image_sha256(sample), SIZE, "cpu", "float32", 0, {},
                      {"mtlviz": "0", "torch": "0"})  # fmt: skip
