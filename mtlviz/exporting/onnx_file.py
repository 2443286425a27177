"""ONNX files: written from a captured graph, run by ONNX Runtime, and with convolutions in 8 bits.

``onnx``, ``onnxscript`` and ``onnxruntime`` are optional and imported where they are used.
"""

import contextlib
import io
import logging
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtlviz.errors import ExportError
from mtlviz.exporting.agreement import Forward
from mtlviz.exporting.graph import INPUT, Captured, first_line

EXTRAS = ("onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True)
class Quantised:
    """What became 8-bit in an ONNX file.

    Attributes:
        convolutions: how many were quantised.
        left: by operator with weights or products how many stayed float32.
    """

    convolutions: int
    left: dict[str, int]


def check_extras() -> None:
    """Refuse early what needs packages that are not there.

    Raises:
        ExportError: naming them.
    """
    missing = [name for name in EXTRAS if find_spec(name) is None]
    if missing:
        raise ExportError(
            f"--format onnx needs {', '.join(EXTRAS)}, of which {', '.join(missing)} is not installed; run "
            f"'pip install {' '.join(missing)}', or choose --format torch-export, which needs nothing more."
        )


def write_onnx(captured: Captured, path: Path, tasks: Sequence[str], notes: Mapping[str, str]) -> None:
    """Write a graph as one ONNX file with its weights inside.

    Args:
        captured: the graph.
        path: of the file.
        tasks: names of the outputs, in the graph's order.
        notes: what the file says of itself, by name.

    Raises:
        ExportError: if an operation has no counterpart in ONNX.
    """
    try:
        with _quietly():
            program = torch.onnx.export(
                captured.program, (), input_names=[INPUT], output_names=list(tasks), dynamo=True, external_data=False,
                verbose=False, optimize=False, custom_translation_table={torch.ops.aten.sort.stable: _stable_sort},
            )  # fmt: skip
            if program is None:
                raise ExportError("PyTorch made no ONNX graph; choose --format torch-export.")
            model: Any = program.model_proto
    except ExportError:
        raise
    except Exception as error:
        cause = error.__cause__ or error
        raise ExportError(
            f"The graph has no counterpart in ONNX ({first_line(cause)}); choose --format torch-export."
        ) from error
    import onnx

    for part in (model.graph, *model.functions):
        for node in part.node:
            del node.metadata_props[:]  # where in PyTorch's code it came from
    onnx.helper.set_model_props(model, dict(notes))
    onnx.save(model, path)


def open_onnx(path: Path, tasks: Sequence[str]) -> Forward:
    """A function that runs an ONNX file on the CPU, with as many threads as PyTorch.

    Args:
        path: of the file.
        tasks: names of its outputs.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])

    def forward(image: Tensor) -> dict[str, Tensor]:
        outputs = session.run(list(tasks), {INPUT: np.ascontiguousarray(image.numpy())})
        return {task: torch.from_numpy(output) for task, output in zip(tasks, outputs, strict=True)}

    return forward


def quantise(path: Path, out: Path, images: Sequence[Tensor]) -> Quantised:
    """Write an ONNX file whose convolutions compute with 8-bit weights and activations.

    Ranges of activations are those of ``images``; weights have a scale an output channel. The last convolution of every
    task stays float32, because depth is its exponential, and so does all between the convolutions: the products,
    softmax, top-K and norms of the interaction.

    Args:
        path: float32 file.
        out: of the 8-bit file.
        images: ``(1, 3, H, W)`` as the network receives them.
    """
    import onnx
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest = iter(images)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self.rest, None)
            return None if image is None else {INPUT: np.ascontiguousarray(image.numpy())}

    onnxruntime.set_default_logger_severity(3)  # errors alone
    ready = out.with_name(f"{out.stem}-ready.onnx")
    with _quietly():
        quant_pre_process(str(path), str(ready), skip_symbolic_shape=True)
        model = onnx.load(ready)
        heads = _heads(model)
        quantize_static(
            str(ready), str(out), Images(), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"],
            per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=heads,
        )  # fmt: skip
    ready.unlink()
    counts = Counter(node.op_type for node in model.graph.node)
    left = {kind: counts[kind] for kind in ("MatMul", "Gemm", "ConvTranspose") if counts[kind]}
    return Quantised(counts["Conv"] - len(heads), {"Conv": len(heads), **left})


def _heads(model: Any) -> list[str]:  # noqa: ANN401
    """Names of the convolutions whose output is only rearranged into pixels."""
    rearranged = {node.input[0] for node in model.graph.node if node.op_type == "DepthToSpace"}
    return [node.name for node in model.graph.node if node.op_type == "Conv" and node.output[0] in rearranged]


def _stable_sort(values: Any, stable: bool = True, dim: int = -1, descending: bool = False) -> Any:  # noqa: ANN401
    """``torch.sort``: ONNX's TopK of all entries gives ties to the lower index, which is what stable means."""
    from onnxscript import opset20

    op: Any = opset20
    size = op.Gather(op.Shape(values), op.Constant(value_ints=[dim]), axis=0)
    return op.TopK(values, size, axis=dim, largest=int(descending), sorted=1)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what the libraries say about themselves."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
