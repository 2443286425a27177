"""``checkpoints``: the list, the verdict and the exit code."""

import pytest

from tests.cli.conftest import save_tiny


def test_every_checkpoint_is_listed_with_what_it_is(cli):
    outcome = cli("checkpoints", "--json")
    assert outcome.code == 0
    assert outcome.last["ok"] is True
    assert [one["name"] for one in outcome.last["checkpoints"]] == ["none", "kem", "cross_attention"]
    kem = outcome.last["checkpoints"][1]
    assert kem["trained"] == "random"
    assert kem["tasks"] == ["semseg", "depth", "normals", "edge"]
    assert kem["parameters"] > 1000
    assert 0 < kem["megabytes"] < 1
    assert kem["problem"] == ""


def spoil_weights(folder):
    path = folder / "kem.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def edit_card(folder):
    path = folder / "kem.json"
    path.write_text(path.read_text().replace('"trained": "random"', '"trained": "real"'))


def lose_weights(folder):
    (folder / "kem.safetensors").unlink()


@pytest.mark.parametrize("spoil", [spoil_weights, edit_card, lose_weights])
def test_a_damaged_checkpoint_is_named_here_and_refused_elsewhere(cli, tmp_path, spoil):
    folder = save_tiny(tmp_path / "spoilt")
    spoil(folder)
    listed = cli("checkpoints", "--checkpoints", folder, "--json")
    assert listed.code == 2
    assert [one["name"] for one in listed.last["checkpoints"] if one["problem"]] == ["kem"]
    assert "1 of 3 have a problem" in listed.err
    used = cli("predict", "photograph:china", "--checkpoints", folder, "--checkpoint", "kem", "--out", "o")
    assert used.code == 2
    assert "kem" in used.err
    assert len(used.err.splitlines()) == 1
    assert cli("predict", "photograph:china", "--checkpoints", folder, "--checkpoint", "none", "--out", "o").code == 0
