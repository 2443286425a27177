"""One image's way through one network, as functions of its pixels or of edits."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mtlviz.analysis.attention import row_blocks
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.engine import Engine, Prepared
from mtlviz.trace import AttentionTrace, Capture, SlotTrace

ENCODER = "encoder"
"""Name of the layer that all tasks share; the others are the task encoders, by their task."""

Tick = Callable[[int], None]
"""Is told before every pass how many images go through; may raise to stop."""
Tensors = Mapping[str, Float[Tensor, "B C H W"]]


@dataclass(frozen=True, eq=False)
class Passes:
    """One image's way through one network; every pass holds the engine's lock, gradients reach the pixels alone.

    Attributes:
        engine: of the network.
        sample: the image.
        prepared: as the network receives it.
        tick: is told about every pass; None tells nobody.
    """

    engine: Engine
    sample: Sample
    prepared: Prepared
    tick: Tick | None = None

    def outputs(self, images: Float[Tensor, "B 3 H W"], edit: Edit | None = None) -> Tensors:
        """Predictions of images that share the padding of this one; gradients follow where they are on."""
        if self.tick:
            self.tick(len(images))
        mask = self.prepared.mask
        mask = None if mask is None else mask.expand(len(images), -1)
        with self.engine.alone() as network:
            outputs, _, _ = network(images, mask=mask, edit=edit)
        return dict(outputs)

    def under(self, edits: Sequence[Edit]) -> Tensors:
        """Predictions of the image under edits, one entry of the batch each; the encoder runs once."""
        if self.tick:
            self.tick(len(edits))
        with self.engine.alone() as network, torch.no_grad():
            return network.effects(self.prepared.image, edits, mask=self.prepared.mask)

    @contextmanager
    def layer(self, name: str) -> Iterator[nn.Module]:
        """A module of the network while nobody else can use it, so that a hook on it sees no other caller's pass.

        Args:
            name: ``ENCODER`` or a task, for its encoder.
        """
        with self.engine.parts() as network:
            yield network.encoder if name == ENCODER else network.task_encoders[name]


def passes(engine: Engine, sample: Sample, tick: Tick | None = None) -> Passes:
    """The way of an image through a network."""
    return Passes(engine, sample, engine.prepared(sample), tick)


def held_picks(engine: Engine, sample: Sample) -> Edit | None:
    """The edit that holds what this image selects; None where the model selects nothing that could change.

    KEM's slots keep the K best tokens and sparse attention the K best of a row, so that both jump when another token
    overtakes; a slot or a row that takes all tokens that there are cannot jump.
    """
    first = engine.run(sample).trace.interaction
    if isinstance(first, AttentionTrace):
        return None if first.picks is None else _held_reading(first)
    if not isinstance(first, SlotTrace) or (np.asarray(first.picks) < 0).any():
        return None
    if np.asarray(first.picks).shape[1] >= first.layout.valid_tokens().sum():
        return None
    heads = int(engine.card.architecture.options.get("heads", 1))
    others = [engine.run(sample, capture=Capture(head=head)).trace.interaction for head in range(1, heads)]
    rows = [np.asarray(trace.picks) for trace in (first, *others) if isinstance(trace, SlotTrace)]
    return Edit(held=np.stack(rows))


def _held_reading(trace: AttentionTrace) -> Edit:
    """The tokens that every token reads, ties of the last one included; shorter rows repeat their first."""
    orders, counts = [], []
    for _, rows in row_blocks(trace, np.arange(trace.layout.tokens)):
        orders.append(np.argsort(-rows, 1, kind="stable"))
        counts.append((rows > 0).sum(1))
    order, count = np.concatenate(orders), np.concatenate(counts)
    longest = order[:, : int(count.max())]
    return Edit(held=np.where(np.arange(longest.shape[1]) < count[:, None], longest, longest[:, :1]))


@dataclass(frozen=True)
class PassSeconds:
    """What one image takes.

    Attributes:
        forward: seconds without gradients.
        backward: seconds with gradients, forward and backward.
    """

    forward: float
    backward: float


def measured_seconds(engine: Engine, sample: Sample) -> PassSeconds:
    """The time of one pass of a pair of images, with gradients and without."""
    way = passes(engine, sample)
    pair = way.prepared.image.expand(2, -1, -1, -1).clone()
    start = time.perf_counter()
    with torch.no_grad():
        way.outputs(pair)
    middle = time.perf_counter()
    sum(out.mean() for out in way.outputs(pair.requires_grad_(True)).values()).backward()  # type: ignore[union-attr]
    return PassSeconds((middle - start) / 2, (time.perf_counter() - middle) / 2)
