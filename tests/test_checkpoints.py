"""Checkpoints on disk: written whole, verified, refused in one sentence when anything is off."""

import json
import os
import re

import pytest
import torch
from pydantic import ValidationError

from mtlviz.checkpoints import (
    ModelCard,
    checkpoint_names,
    load_checkpoint,
    load_weights,
    read_card,
    save_checkpoint,
    verify,
)
from mtlviz.errors import CheckpointError
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS

TASK_TUPLE = (TASKS["semseg"], TASKS["depth"])
CONFIG = NetworkConfig(
    encoder=EncoderConfig(widths=(8, 8, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8),
    width=8,
    decoder_widths=(8, 8),
)


def card(name="tiny", **changes):
    fields = {
        "name": name, "title": "Tiny", "summary": "A tiny network.", "trained": "random", "architecture": CONFIG,
        "tasks": TASK_TUPLE, "input_size": (32, 32), "token_grid": (4, 4),
    }  # fmt: skip
    return ModelCard(**{**fields, **changes})


@pytest.fixture
def network():
    torch.manual_seed(0)
    return MultiTaskNetwork(CONFIG, TASK_TUPLE).eval()


@pytest.fixture
def folder(tmp_path, network):
    save_checkpoint(network.state_dict(), card(), tmp_path)
    return tmp_path


def test_what_was_saved_is_what_is_loaded(folder, network):
    loaded, read = load_checkpoint("tiny", folder)
    image = torch.randn(1, 3, 32, 32)
    for task, out in network(image)[0].items():
        torch.testing.assert_close(loaded(image)[0][task], out)
    assert read.tasks == TASK_TUPLE
    assert read.architecture == CONFIG
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not loaded.training


def test_several_checkpoints_share_a_manifest_and_encoders_stand_apart(folder, network):
    save_checkpoint(network.encoder.state_dict(), card("encoder-tiny", part="encoder"), folder)
    assert checkpoint_names(folder) == ["tiny"]
    assert checkpoint_names(folder, "encoder") == ["encoder-tiny"]
    assert set(load_weights("encoder-tiny", folder)) == set(network.encoder.state_dict())
    with pytest.raises(CheckpointError, match="is an encoder, not a network; choose one of tiny"):
        load_checkpoint("encoder-tiny", folder)
    assert [found.problem for found in verify(folder)] == ["", ""]


def spoil_weights(folder):
    path = folder / "tiny.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def edit_card(folder):
    path = folder / "tiny.json"
    path.write_text(path.read_text().replace('"random"', '"real"'))


def damage_manifest(folder):
    (folder / "manifest.json").write_text("{")


def list_a_path(folder):
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"tiny"', '"../tiny"'))


def nest_the_manifest(folder):
    (folder / "manifest.json").write_text("[" * 100_000)


def put_a_folder_for_the_weights(folder):
    (folder / "tiny.safetensors").unlink()
    (folder / "tiny.safetensors").mkdir()


def forge_card(folder, old='"interaction": "kem"', new='"interaction": "magic"'):
    """An edited card with its hash put right, as a careless hand would: the architecture is nonsense."""
    import hashlib

    path, manifest = folder / "tiny.json", folder / "manifest.json"
    path.write_text(path.read_text().replace(old, new))
    entries = json.loads(manifest.read_text())
    entries["tiny"]["card_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(entries))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spoil_weights, "tiny.safetensors .* is not the file"),
        (edit_card, "tiny.json .* is not the file"),
        (damage_manifest, "manifest.json in .* is damaged"),
        (nest_the_manifest, "manifest.json in .* is damaged"),
        (list_a_path, "manifest.json in .* is damaged"),
        (put_a_folder_for_the_weights, "lacks its file tiny.safetensors"),
        (lambda folder: (folder / "tiny.safetensors").unlink(), "lacks its file tiny.safetensors"),
        (lambda folder: (folder / "manifest.json").unlink(), "holds no manifest.json"),
    ],
)
def test_anything_off_is_one_sentence(folder, spoil, sentence):
    spoil(folder)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load_checkpoint("tiny", folder)
    assert "\n" not in str(caught.value)


def test_a_card_that_names_no_known_interaction_is_an_error_of_ours(folder):
    forge_card(folder)
    with pytest.raises(Exception, match="magic") as caught:
        load_checkpoint("tiny", folder)
    assert type(caught.value).__module__ == "mtlviz.errors"


def test_a_card_that_asks_for_more_memory_than_there_is_is_refused(folder):
    forge_card(folder, '"width": 8', '"width": 4000000000000000')
    with pytest.raises(CheckpointError, match="do not fit the architecture"):
        load_checkpoint("tiny", folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(folder):
    (folder / "tiny.json").unlink()
    os.mkfifo(folder / "tiny.json")
    assert [found.problem for found in verify(folder)] == ["Checkpoint 'tiny' lacks its file tiny.json; restore it."]


def test_weights_of_another_architecture_are_refused(folder, network):
    wide = card(architecture=CONFIG.model_copy(update={"width": 16}))
    save_checkpoint(network.state_dict(), wide, folder)
    with pytest.raises(CheckpointError, match="do not fit the architecture"):
        load_checkpoint("tiny", folder)


def test_verify_goes_on_after_a_card_it_cannot_use(folder, network):
    save_checkpoint(network.state_dict(), card("second"), folder)
    forge_card(folder)
    assert [bool(found.problem) for found in verify(folder)] == [True, False]


@pytest.mark.parametrize("name", ["../escaped", "manifest", "", "a/b", ".hidden"])
def test_a_name_that_is_no_file_name_is_no_card(name):
    with pytest.raises(ValidationError, match="name"):
        card(name)


def test_a_card_of_another_checkpoint_is_refused(folder, network):
    save_checkpoint(network.state_dict(), card("second"), folder)
    entries = json.loads((folder / "manifest.json").read_text())
    (folder / "tiny.json").write_bytes((folder / "second.json").read_bytes())
    entries["tiny"]["card_sha256"] = entries["second"]["card_sha256"]
    (folder / "manifest.json").write_text(json.dumps(entries))
    with pytest.raises(CheckpointError, match="describes another checkpoint"):
        load_checkpoint("tiny", folder)


@pytest.mark.parametrize("name", ["nope", "../tiny", "tiny.json", "", "/etc/passwd"])
def test_only_listed_names_are_looked_up(folder, name):
    with pytest.raises(CheckpointError, match=re.escape(f"{name!r} is unknown; choose one of tiny")):
        read_card(name, folder)


def test_an_interrupted_write_leaves_the_old_checkpoint(folder, network, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(network.state_dict(), card(summary="Another."), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_verify_names_the_damaged_one(folder):
    spoil_weights(folder)
    (found,) = verify(folder)
    assert "sha256" in found.problem
    assert found.megabytes > 0
