"""The two formats: a network becomes a file, and the file becomes something that predicts."""

import hashlib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from mtlviz.exporting.agreement import Forward
from mtlviz.exporting.graph import Sizes, captured
from mtlviz.exporting.onnx_file import open_onnx, quantise, write_onnx
from mtlviz.exporting.small_weights import quantised_share, with_small_weights
from mtlviz.models.multitask import MultiTaskNetwork

Format = Literal["torch-export", "onnx"]
SUFFIXES: dict[Format, str] = {"torch-export": ".pt2", "onnx": ".onnx"}


About = Callable[[Sizes], str]
"""What a file says of itself, from the sizes that it leaves free."""
NOTE = "mtlviz.json"
"""Name of that in a file: an extra file of ``torch.export``, an entry of ONNX's ``metadata_props``."""


def write_float(
    network: MultiTaskNetwork, size: tuple[int, int], kind: Format, path: Path, about: About = lambda _: ""
) -> Sizes:
    """Write a network as it is.

    Args:
        network: in evaluation mode, on the CPU.
        size: (H, W) that it was trained at.
        kind: of file.
        path: of the file.
        about: what the file shall say of itself.

    Returns:
        Which sizes of the input are free.

    Raises:
        ExportError: if the network cannot be written so.
    """
    graph = captured(network, size)
    if kind == "onnx":
        write_onnx(graph, path, tuple(network.decoders), {NOTE: about(graph.sizes)})
    else:
        graph.program.example_inputs = None  # whole images, which nobody needs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about weights that are views of one another
            torch.export.save(graph.program, path, extra_files={NOTE: about(graph.sizes)})
    return graph.sizes


def write_small_weights(
    network: MultiTaskNetwork, size: tuple[int, int], path: Path, about: About = lambda _: ""
) -> tuple[Sizes, dict[str, Any]]:
    """Write a network for ``torch.export`` with weights in 8 bits.

    Returns:
        Which sizes are free, and what was quantised.
    """
    sizes = write_float(with_small_weights(network), size, "torch-export", path, about)
    share = quantised_share(network)
    return sizes, {
        "how": "weights of convolutions and linear maps in 8 bits with a scale an output channel, multiplied out in "
        "float32: the file shrinks, the arithmetic does not get faster",
        "left_float32": f"activations, biases, norms, memory slots and fusion weights: {1 - share:.1%} of parameters",
    }


def write_small_onnx(path: Path, out: Path, images: Sequence[Tensor]) -> dict[str, Any]:
    """Write an ONNX file with 8-bit convolutions from a float32 one, and say what was quantised; see ``quantise``."""
    counts = quantise(path, out, images)
    left = ", ".join(f"{count} {kind}" for kind, count in counts.left.items())
    return {
        "how": f"{counts.convolutions} convolutions compute with 8-bit weights, a scale an output channel, and 8-bit "
        f"activations, whose ranges are those of {len(images)} images",
        "left_float32": f"the last convolution of every task and all between the convolutions: {left}, softmax, top-K, "
        "norms, resizing",
    }


def open_file(path: Path, kind: Format, tasks: Sequence[str]) -> Forward:
    """What a written file predicts, on the CPU.

    Args:
        path: of the file.
        kind: of file.
        tasks: names of its outputs, in order.
    """
    if kind == "onnx":
        return open_onnx(path, tasks)
    module = torch.export.load(path).module()

    def forward(image: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            return dict(zip(tasks, module(image), strict=True))

    return forward


def original_forward(network: MultiTaskNetwork) -> Forward:
    """What the network itself predicts, without recording anything."""

    def forward(image: Tensor) -> dict[str, Tensor]:
        with torch.inference_mode():
            outputs, _, _ = network(image)
            return dict(outputs)

    return forward


def sha256_of(path: Path) -> str:
    """Hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
