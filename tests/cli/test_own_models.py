"""``check``, ``import-checkpoint``, ``hub`` and models from several places on the command line."""

import os
from pathlib import Path

import pytest
from safetensors.torch import save_file

from mtlviz.adapters.sources import VARIABLE
from mtlviz.checkpoints import load_weights, read_card, save_checkpoint
from tests.cli.conftest import save_tiny
from tests.test_hub import LocalHub

EXAMPLE = f"{Path(__file__).resolve().parents[2] / 'examples' / 'task_exchange_adapter.py'}:TaskExchange"


def test_check_prints_one_line_a_check_and_ends_with_0(cli):
    outcome = cli("check", "tests.adapters.broken:Small", "--json")
    assert outcome.code == 0
    assert outcome.last["ok"] is True
    lines = [line for line in outcome.err.splitlines() if line.startswith(("pass", "fail", "skip"))]
    assert len(lines) == len(outcome.last["checks"])


def test_check_ends_with_1_where_a_check_fails(cli):
    outcome = cli("check", "tests.adapters.broken:LongNormals")
    assert outcome.code == 1
    assert "fail  ranges" in outcome.out
    assert "ranges failed" in outcome.out


def test_check_of_nothing_is_bad_input(cli):
    outcome = cli("check", "gone.py:Adapter", "--json")
    assert outcome.code == 2
    assert outcome.last["error"] == outcome.err.strip()


def test_an_adapter_predicts_and_is_inspected_by_its_place(cli):
    outcome = cli("predict", "photograph:china", "--checkpoint", EXAMPLE, "--out", "o", "--json")
    assert outcome.code == 0, outcome.err
    assert "task-exchange (random" in outcome.last["stamp"]
    inspected = cli("inspect", "photograph:china", "--checkpoint", EXAMPLE, "--out", "i", "--json")
    assert inspected.code == 0, inspected.err
    assert inspected.last["attention"] is not None


def test_an_adapter_of_the_environment_goes_by_its_name(cli, monkeypatch):
    assert cli("predict", "photograph:china", "--checkpoint", "small", "--out", "o").code == 2
    monkeypatch.setenv(VARIABLE, "tests.adapters.broken:Small")
    assert cli("predict", "photograph:china", "--checkpoint", "small", "--out", "o").code == 0


def test_an_adapter_is_scored_on_images_as_it_prepares_them(cli, rooms):
    words = ("evaluate", "--data", rooms / "val", "--switched-off", "--json")
    whole, half = (
        cli(*words, "--checkpoint", f"tests.adapters.broken:{name}") for name in ("Small", "HalfTheNormalisation")
    )
    assert (whole.code, half.code) == (0, 0)
    assert "small has no interaction that can be switched off." in whole.last["left_out"]
    depths = [found.last["tasks"]["depth"]["metrics"]["rmse"] for found in (whole, half)]
    assert depths[0] != depths[1]


def test_an_adapter_that_claims_it_is_scored_without_its_interaction_too(cli, rooms):
    outcome = cli("evaluate", "--checkpoint", EXAMPLE, "--data", rooms / "val", "--switched-off", "--json")
    assert outcome.code == 0, outcome.err
    off = outcome.last["interaction_off"]["depth"]["rmse"]
    assert off != outcome.last["tasks"]["depth"]["metrics"]["rmse"]


def test_commands_that_look_into_a_network_refuse_an_adapter(cli):
    for command in (("collapse",), ("export", "--format", "torch-export", "--out", "o")):
        outcome = cli(*command, "--checkpoint", "tests.adapters.broken:Small")
        assert outcome.code == 2
        assert "comes from an adapter" in outcome.err


@pytest.fixture
def two_folders(checkpoints, tmp_path):
    """The tiny checkpoints, and one of another name elsewhere."""
    card = read_card("kem", checkpoints).model_copy(update={"name": "mine"})
    save_checkpoint(load_weights("kem", checkpoints), card, tmp_path / "more")
    return checkpoints, tmp_path / "more"


@pytest.mark.parametrize("how", ["options", "variable"])
def test_several_folders_are_one_list(cli, two_folders, monkeypatch, how):
    words = [word for folder in two_folders for word in ("--checkpoints", folder)]
    if how == "variable":
        monkeypatch.setenv("MTLVIZ_CHECKPOINTS", os.pathsep.join(map(str, two_folders)))
        words = []
    outcome = cli("checkpoints", *words, "--json")
    assert outcome.code == 0, outcome.err
    assert [one["name"] for one in outcome.last["checkpoints"]] == ["none", "kem", "cross_attention", "mine"]
    for name in ("kem", "mine"):
        assert cli("predict", "photograph:china", "--checkpoint", name, *words, "--out", "o").code == 0


def test_a_name_in_two_folders_is_one_sentence(cli, checkpoints, tmp_path):
    again = save_tiny(tmp_path / "again")
    outcome = cli("checkpoints", "--checkpoints", checkpoints, "--checkpoints", again)
    assert outcome.code == 2
    assert "Checkpoint 'none' lies in" in outcome.err
    assert "rename one of them" in outcome.err


def test_a_training_publishes_into_one_folder(cli, two_folders):
    Path("c.yaml").write_text("data: {train: gone}\nbudget: 16\n")
    words = [word for folder in two_folders for word in ("--checkpoints", folder)]
    outcome = cli("train", "c.yaml", "--publish", "x", "--encoder-only", *words, "--out", "o")
    assert outcome.code == 2
    assert "names 2 folders here, where one is needed" in outcome.err


def test_import_writes_a_checkpoint_that_predicts(cli, checkpoints):
    card = read_card("kem", checkpoints)
    save_file({f"module.{key}": tensor for key, tensor in load_weights("kem", checkpoints).items()}, "w.safetensors")
    network = card.architecture.model_dump_json(include={"encoder", "width", "decoder_widths", "interaction"})
    Path("c.yaml").write_text(f"data: {{train: gone}}\nbudget: 16\nnetwork: {network}\n")
    words = ("w.safetensors", "--config", "c.yaml", "--name", "mine", "--out", "more", "--licence", "MIT")
    without = cli("import-checkpoint", *words)
    assert without.code == 2
    assert "--provenance" in without.err
    outcome = cli("import-checkpoint", *words, "--provenance", "a test", "--size", "64x80", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.last["prefix"] == "module."
    assert outcome.last["weights_sha256"] == read_card("mine", Path("more")).weights_sha256
    assert cli("predict", "photograph:china", "--checkpoints", "more", "--checkpoint", "mine", "--out", "o").code == 0


def test_import_refuses_a_pickle_by_its_name(cli):
    Path("c.yaml").write_text("data: {train: gone, size: [64, 96]}\nbudget: 16\n")
    outcome = cli("import-checkpoint", "w.pth", "--config", "c.yaml", "--name", "mine", "--out", "more",
                  "--licence", "MIT", "--provenance", "a test")  # fmt: skip
    assert outcome.code == 2
    assert "weights_only=True" in outcome.err
    assert not Path("more").exists()


def test_hub_pushes_and_pulls(cli, tmp_path, monkeypatch):
    hub = LocalHub(tmp_path / "hub")
    monkeypatch.setattr("mtlviz.hub.connected", lambda: hub)
    pushed = cli("hub", "push", "kem", "me/kem-rooms", "--json")
    assert pushed.code == 0, pushed.err
    pulled = cli("hub", "pull", "me/kem-rooms", "--out", "more", "--name", "theirs", "--json")
    assert pulled.code == 0, pulled.err
    assert pulled.last["provenance"].endswith(hub.newest("me/kem-rooms").name)
    assert cli("predict", "photograph:china", "--checkpoints", "more", "--checkpoint", "theirs", "--out", "o").code == 0


def test_hub_refuses_in_one_sentence(cli):
    outcome = cli("hub", "pull", "../x", "--out", "more", "--json")
    assert outcome.code == 2
    assert "names no repository" in outcome.last["error"]
