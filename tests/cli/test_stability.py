"""``stability``: one table for several models, as text, JSON and file."""

from pathlib import Path

import pytest
import torch

from mtlviz.analysis.stability.perturbations import GRID
from mtlviz.analysis.stability.record import ANOTHER
from mtlviz.analysis.stability.stored import from_plain
from mtlviz.analysis.stability.summary import KIND
from mtlviz.checkpoints import read_card, save_checkpoint
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.results import read_result
from tests.cli.conftest import save_tiny
from tests.cli.test_own_models import EXAMPLE


@pytest.fixture(scope="session")
def two_kems(tmp_path_factory) -> Path:
    """The tiny checkpoints with a second model with slots, ``skem``."""
    folder = save_tiny(tmp_path_factory.mktemp("two"))
    card = read_card("kem", folder)
    options = {"rung": "normalised", "slots": 5}
    architecture = card.architecture.model_copy(update={"interaction": "stable_kem", "options": options})
    torch.manual_seed(1)
    network = MultiTaskNetwork(architecture, card.tasks)
    card = card.model_copy(update={"name": "skem", "title": "sKEM", "architecture": architecture})
    save_checkpoint(network.state_dict(), card, folder)
    return folder


@pytest.fixture
def measured(cli, two_kems, rooms, monkeypatch):
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(two_kems))

    def run(*words):
        return cli("stability", "--data", rooms / "val", *words)

    return run


def test_two_models_are_compared_in_one_table_and_one_file(measured):
    outcome = measured("--checkpoints", "kem", "skem", "--limit", 2, "--out", "found/stability.json", "--json")
    assert outcome.code == 0
    found = outcome.last
    stored = from_plain(read_result(Path("found/stability.json"), KIND))
    assert [model.name for model in stored.models] == ["kem", "skem"]
    assert (stored.images, found["images"]) == (2, 2)
    assert found["models"][0]["stability"][GRID[0].key]["tokens"]["mean"] == 1
    for change in (*(one.key for one in GRID), ANOTHER):
        assert {"mean", "low", "high", "n"} == set(found["models"][1]["stability"][change]["tokens"])
    assert (stored.differences[0].model, stored.differences[0].minus) == ("skem", "kem")
    assert set(stored.models[0].scores) == {"semseg", "depth", "normals", "edge"}
    assert stored.models[0].scores["depth"].metrics["rmse"] > 0
    for words in ("skem − kem", "token overlap", "another image", "rare-class recall", "picked in, skem"):
        assert words in outcome.err
    assert not [path for path in Path("found").iterdir() if path.suffix == ".tmp"]


def test_names_may_also_be_given_one_by_one(measured):
    outcome = measured("--checkpoints", "skem", "--checkpoints", "skem", "--limit", 1, "--json")
    assert [model["name"] for model in outcome.last["models"]] == ["skem"]
    assert outcome.last["models"][0]["stability"]["noise_0.1"]["tokens"]["low"] is None
    assert outcome.last["differences"] == []


def test_a_model_without_slots_is_refused_with_those_that_have_some(measured):
    outcome = measured("--checkpoints", "kem", "none")
    assert outcome.code == 2
    assert "'none' has no memory slots; choose from those that have (kem, skem)" in outcome.err


def test_a_network_of_others_is_refused_since_its_slots_are_not_known(measured):
    outcome = measured("--checkpoints", EXAMPLE)
    assert outcome.code == 2
    assert "comes from an adapter, whose parts are not known here; this command needs a checkpoint." in outcome.err
