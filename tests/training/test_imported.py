"""Weights from elsewhere become a checkpoint whole, or not at all."""

import pytest
import torch
from safetensors.torch import save_file

from mtlviz.checkpoints import load_checkpoint
from mtlviz.errors import CheckpointError, OptionError
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.training.config import parse_config
from mtlviz.training.imported import Origin, import_checkpoint, input_size, read_tensors, without_prefix

SMALL = {"encoder": {"widths": [4, 4, 4, 4, 4], "blocks": [0] * 5, "out": 4}, "width": 4, "decoder_widths": [4, 4]}
CONFIG = parse_config({"title": "Elsewhere", "data": {"train": "gone", "size": [32, 64]}, "network": SMALL,
                       "budget": 16, "tasks": ["semseg", "depth"]})  # fmt: skip
ORIGIN = Origin("real", "CC-BY-4.0", "our run of May", data="photographs")


@pytest.fixture
def network():
    return MultiTaskNetwork(CONFIG.network, CONFIG.task_list()).eval()


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "model._orig_mod.", "module.model."])
def test_prefixes_of_wrappers_are_taken_off(network, prefix):
    wrapped = {prefix + key: tensor for key, tensor in network.state_dict().items()}
    found, taken = without_prefix(wrapped)
    assert taken == prefix
    assert list(found) == list(network.state_dict())


def test_a_prefix_of_some_keys_alone_stays():
    assert without_prefix({"module.a": torch.zeros(1), "b": torch.zeros(1)})[1] == ""


def test_what_was_imported_is_what_is_loaded(network, tmp_path):
    save_file({f"module.{key}": tensor for key, tensor in network.state_dict().items()}, tmp_path / "w.safetensors")
    tensors, _ = without_prefix(read_tensors(tmp_path / "w.safetensors"))
    card = import_checkpoint(tensors, CONFIG, (32, 64), "mine", ORIGIN, tmp_path / "out")
    loaded, read = load_checkpoint("mine", tmp_path / "out")
    assert all(torch.equal(loaded.state_dict()[key], tensor) for key, tensor in network.state_dict().items())
    assert (read.licence, read.provenance, read.trained) == ("CC-BY-4.0", "our run of May", "real")
    assert (read.token_grid, read.title, read.weights_sha256) == ((4, 8), "Elsewhere", card.weights_sha256)


def test_counters_of_norms_may_be_missing(network, tmp_path):
    kept = {key: value for key, value in network.state_dict().items() if "num_batches" not in key}
    assert len(kept) < len(network.state_dict())
    import_checkpoint(kept, CONFIG, (32, 64), "mine", ORIGIN, tmp_path)


def drop(tensors):
    return dict(list(tensors.items())[6:])


def add(tensors):
    return tensors | {"head.weight": torch.zeros(1)}


def reshape(tensors):
    key = next(iter(tensors))
    return tensors | {key: tensors[key][:1]}


def spoil(tensors):
    key = next(iter(tensors))
    return tensors | {key: tensors[key] * torch.nan}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (drop, r"5 missing \(.*, .*, .*, .* and 1 more\); give the --config"),
        (add, r"1 unexpected \(head.weight\)"),
        (reshape, r"1 of another shape \(encoder.* for \(4, 3, 3, 3\)\)"),
        (spoil, "hold NaN or infinity in encoder"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_nothing_is_written(network, tmp_path, change, sentence):
    with pytest.raises(CheckpointError, match=sentence):
        import_checkpoint(change(network.state_dict()), CONFIG, (32, 64), "mine", ORIGIN, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_taken_is_refused(network, tmp_path):
    import_checkpoint(network.state_dict(), CONFIG, (32, 64), "mine", ORIGIN, tmp_path)
    with pytest.raises(CheckpointError, match="has a checkpoint 'mine' already"):
        import_checkpoint(network.state_dict(), CONFIG, (32, 64), "mine", ORIGIN, tmp_path)


def test_a_write_that_fails_leaves_no_part(network, tmp_path, monkeypatch):
    written = []

    def fail(path, content):
        if written:
            raise OSError("disk full")
        path.write_bytes(content)
        written.append(path)

    monkeypatch.setattr("mtlviz.checkpoints.write_whole", fail)
    with pytest.raises(OSError, match="disk full"):
        import_checkpoint(network.state_dict(), CONFIG, (32, 64), "mine", ORIGIN, tmp_path)
    assert written
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin"])
def test_a_file_that_can_hold_code_is_not_opened(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"  # it is not there: the name is enough
    with pytest.raises(CheckpointError, match=r"torch\.load\('w.*', weights_only=True\), 'w.safetensors'\)"):
        read_tensors(path)


def test_what_is_no_safetensors_file_is_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"not whole")
    with pytest.raises(CheckpointError, match="no whole safetensors file"):
        read_tensors(tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="There is no file"):
        read_tensors(tmp_path / "gone.safetensors")
    with pytest.raises(CheckpointError, match=r"is not a .safetensors file"):
        read_tensors(tmp_path / "w.npz")


def test_the_size_is_asked_for_where_the_configuration_has_none():
    bare = CONFIG.model_copy(update={"data": CONFIG.data.model_copy(update={"size": None})})
    assert input_size(CONFIG, None) == (32, 64)
    assert input_size(bare, (64, 64)) == (64, 64)
    with pytest.raises(OptionError, match="give --size HEIGHTxWIDTH"):
        input_size(bare, None)
    with pytest.raises(OptionError, match="multiples of 8"):
        input_size(bare, (60, 64))
