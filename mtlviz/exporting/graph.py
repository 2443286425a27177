"""A network as one graph from an image to the quantities of its tasks, with sizes that stay free where they can."""

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

from mtlviz.errors import ExportError
from mtlviz.models.backbones import BackboneConfig
from mtlviz.models.interactions import interaction_config
from mtlviz.models.multitask import MultiTaskNetwork

ALIGNED = 32
"""Pixels that both sides must be a multiple of, the coarsest stride of the encoder."""
FEWEST, MOST = 2, 64
"""Multiples of ``ALIGNED`` that a free side may have."""
LARGEST_BATCH = 1024
INPUT = "image"


class Deployed(nn.Module):
    """A network as others use it: image in, a tuple of predictions out; nothing is recorded or edited."""

    def __init__(self, network: MultiTaskNetwork, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self.tasks = tasks

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> tuple[Tensor, ...]:
        """By task, in order: logits, metres or unit vectors at the image's resolution."""
        outputs, _, _ = self.network(image)
        return tuple(outputs[task] for task in self.tasks)


@dataclass(frozen=True)
class Sizes:
    """Which sizes of the input an exported graph leaves free.

    Attributes:
        batch: any number of images.
        sides: any height and width that are multiples of ``ALIGNED``.
        why: one sentence on what is fixed; empty where nothing is.
    """

    batch: bool
    sides: bool
    why: str = ""

    def described(self, size: tuple[int, int]) -> dict[str, Any]:
        """Plain data: the shape with a word for every free axis, and what the words stand for."""
        shape = ["batch" if self.batch else 1, 3, *(("height", "width") if self.sides else size)]
        free: dict[str, Any] = {"batch": {"from": 1, "to": LARGEST_BATCH}} if self.batch else {}
        side = {"from": FEWEST * ALIGNED, "to": MOST * ALIGNED, "multiple_of": ALIGNED}
        free |= {"height": side, "width": side} if self.sides else {}
        return {"shape": shape, "free": free, "fixed_because": self.why}


@dataclass(frozen=True, eq=False)
class Captured:
    """A network's graph and the sizes that it leaves free."""

    program: ExportedProgram
    sizes: Sizes


def captured(network: MultiTaskNetwork, size: tuple[int, int]) -> Captured:
    """The graph of a network on the CPU, its sizes as free as the network allows.

    Args:
        network: in evaluation mode, on the CPU.
        size: (H, W) that it was trained at.

    Raises:
        ExportError: if no graph can be made of it.
    """
    tasks = tuple(network.decoders)
    deployed = Deployed(network, tasks).eval()
    problem: Exception | None = None
    for sizes in possible_sizes(network, size):
        try:
            return Captured(_graph(deployed, size, sizes), sizes)
        except Exception as error:
            problem = error
    raise ExportError(
        f"The interaction {network.config.interaction!r} cannot be made a graph ({first_line(problem)}); choose "
        "another checkpoint, or take the dependence on values out of its forward pass."
    ) from problem


def possible_sizes(network: MultiTaskNetwork, size: tuple[int, int]) -> list[Sizes]:
    """What may be left free, the most first."""
    config = interaction_config(network.config.interaction, network.config.options)
    least = [Sizes(True, False, "the graph could not be made with free sides"), Sizes(False, False, "as it was traced")]
    if not config.free_of_grid:
        why = f"the weights of {network.config.interaction!r} belong to the token grid of this size"
        return [Sizes(True, False, why), *least[1:]]
    if isinstance(network.config.encoder, BackboneConfig):
        return [
            Sizes(True, False, "the windows and paddings of a library's backbone follow from this size"),
            *least[1:],
        ]
    if any(side % ALIGNED or side < FEWEST * ALIGNED for side in size):
        why = f"the sides of the training size are not multiples of {ALIGNED} from {FEWEST * ALIGNED} up"
        return [Sizes(True, False, why), *least[1:]]
    return [Sizes(True, True), *least]


def first_line(problem: object) -> str:
    """The beginning of an error of a library, as a part of a sentence."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()] or [type(problem).__name__]
    return lines[0].rstrip(".")[:160]


def _graph(deployed: Deployed, size: tuple[int, int], sizes: Sizes) -> ExportedProgram:
    # Two images, so that a batch is not taken for the one image that broadcasts.
    example = torch.zeros(2 if sizes.batch else 1, 3, *size)
    axes: dict[int, Any] = {0: Dim("batch", min=1, max=LARGEST_BATCH)} if sizes.batch else {}
    if sizes.sides:
        axes |= {2: ALIGNED * Dim("rows", min=FEWEST, max=MOST), 3: ALIGNED * Dim("columns", min=FEWEST, max=MOST)}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about torch's own parts
        program = torch.export.export(
            deployed,
            (example,),
            dynamic_shapes={INPUT: axes or None},
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    for part in program.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, GraphModule) else ():
            node.meta.pop("stack_trace", None)  # names folders of this machine
    return program
