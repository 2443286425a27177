"""A file predicts what its network predicts, whatever the interaction and for all sizes that it leaves free."""

from importlib.util import find_spec

import jaxtyping
import pytest
import torch

from mtlviz.errors import ExportError
from mtlviz.exporting.agreement import TOLERANCE, relative_difference
from mtlviz.exporting.files import open_file, original_forward, write_float, write_small_onnx, write_small_weights
from mtlviz.exporting.graph import captured, possible_sizes
from mtlviz.exporting.onnx_file import EXTRAS, check_extras
from tests.exporting.small_networks import SHIPPED, SIZE, small_network

needs_onnx = pytest.mark.skipif(any(find_spec(name) is None for name in EXTRAS), reason="needs " + ", ".join(EXTRAS))


@pytest.fixture(autouse=True)
def _symbols_are_no_numbers():
    """While a graph is made, sizes are symbols, which a check of shapes would fix to numbers."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def agrees(network, path, kind, sizes) -> None:
    forward, original = open_file(path, kind, tuple(network.decoders)), original_forward(network)
    shapes = [(1, *SIZE), (3, *SIZE)] + ([(1, 96, 64)] if sizes.sides else [])
    flat = torch.zeros(1, 3, *SIZE)  # where tokens are alike, top-K has ties
    for image in (*(torch.randn(batch, 3, height, width) for batch, height, width in shapes), flat):
        ours, theirs = original(image), forward(image)
        assert {task: out.shape for task, out in ours.items()} == {task: out.shape for task, out in theirs.items()}
        for task, output in ours.items():
            assert relative_difference(output, theirs[task]) <= TOLERANCE, (task, image.shape)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_graph_of_torch_agrees_at_all_free_sizes(name, tmp_path):
    network = small_network(name)
    sizes = write_float(network, SIZE, "torch-export", tmp_path / "network.pt2")
    assert sizes.batch
    assert sizes.sides == (name != "ctal")
    assert bool(sizes.why) == (name == "ctal")
    agrees(network, tmp_path / "network.pt2", "torch-export", sizes)
    assert b"/exporting/" not in (tmp_path / "network.pt2").read_bytes()  # no folders of this machine


@needs_onnx
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SHIPPED)
def test_an_onnx_file_agrees_to_its_tolerance_at_all_free_sizes(name, tmp_path):
    network = small_network(name, tasks=("semseg", "depth"))
    sizes = write_float(network, SIZE, "onnx", tmp_path / "network.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]  # its weights are inside
    assert sizes.sides == (name != "ctal")
    agrees(network, tmp_path / "network.onnx", "onnx", sizes)


def test_eight_bit_weights_shrink_the_file_and_change_little(tmp_path):
    network = small_network("kem")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    sizes, said = write_small_weights(network, SIZE, tmp_path / "network.pt2")
    assert sizes.sides
    assert "of parameters" in said["left_float32"]
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    image = torch.randn(1, 3, *SIZE)
    ours = original_forward(network)(image)
    theirs = open_file(tmp_path / "network.pt2", "torch-export", tuple(ours))(image)
    for task, output in ours.items():
        assert 0 < relative_difference(output, theirs[task]) < 0.2


@needs_onnx
@pytest.mark.timeout(600)
def test_eight_bit_convolutions_of_onnx_change_little_and_spare_the_heads(tmp_path):
    import onnx

    network = small_network("none", tasks=("semseg", "depth"))
    write_float(network, SIZE, "onnx", tmp_path / "whole.onnx")
    images = [torch.randn(1, 3, *SIZE) for _ in range(4)]
    said = write_small_onnx(tmp_path / "whole.onnx", tmp_path / "small.onnx", images)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.onnx", "whole.onnx"]
    assert "2 Conv" in said["left_float32"]
    kinds = {node.op_type for node in onnx.load(tmp_path / "small.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    ours = original_forward(network)(images[0])
    theirs = open_file(tmp_path / "small.onnx", "onnx", tuple(ours))(images[0])
    assert all(0 < relative_difference(output, theirs[task]) < 0.3 for task, output in ours.items())


@pytest.mark.parametrize(("size", "free"), [((128, 160), True), ((64, 80), False), ((32, 64), False)])
def test_sides_are_free_where_every_stride_divides_them(size, free):
    first = possible_sizes(small_network("none"), size)[0]
    assert first.sides == free
    assert first.described(size)["shape"] == ["batch", 3, *(("height", "width") if free else size)]


def test_a_network_that_looks_at_values_is_refused_in_one_sentence():
    network = small_network("none")
    forward = network.interaction.forward
    network.interaction.forward = lambda features, **more: (
        forward(features, **more) if float(features["depth"].sum()) > 0 else (features, None, {})
    )
    with pytest.raises(ExportError, match="cannot be made a graph") as refused:
        captured(network, SIZE)
    assert "\n" not in str(refused.value)


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr("mtlviz.exporting.onnx_file.find_spec", lambda name: None if name == "onnxruntime" else object)
    with pytest.raises(ExportError, match="'pip install onnxruntime'"):
        check_extras()
