"""The shipped CTAL configuration, its training and what an evaluation says of it."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mtlviz.models.multitask import parameter_counts
from mtlviz.training import build_network, read_config, train
from mtlviz.training.config import IMAGENET_MEAN, IMAGENET_STD
from mtlviz.training.data import evaluation_set
from mtlviz.training.publish import publish
from mtlviz.training.sharing import sharing_statistics
from tests.training.tiny import tiny_config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NETWORK = {"interaction": "ctal", "options": {"grid": [4, 8]}}


def test_ctal_is_trained_as_the_others_are():
    ctal, kem = (read_config(CONFIGS / f"{name}.yaml") for name in ("ctal", "kem"))
    other = {"network": {"interaction", "options"}, "title": True, "summary": True}
    assert ctal.model_dump(exclude=other) == kem.model_dump(exclude=other)


def test_the_shipped_network_is_at_most_eight_megabytes_and_computed_densely():
    config = read_config(CONFIGS / "ctal.yaml").model_copy(update={"encoder": None})
    network = build_network(config)
    assert 4 * parameter_counts(network)["total"] < 8e6
    assert network.interaction.computation(16 * 20) == "dense"
    assert network.interaction.config.grid == (16, 20)


def test_a_training_of_ctal_repeats_bit_for_bit(rooms, tmp_path):
    config = tiny_config(rooms, network=NETWORK, budget=24)
    first, again = (load_file(train(config, tmp_path / name)) for name in ("first", "again"))
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_training_moves_the_fusion_of_every_position(rooms, tmp_path, precision):
    config = tiny_config(rooms, network=NETWORK, budget=16, precision=precision)
    before = build_network(config).state_dict()
    after = load_file(train(config, tmp_path))
    moved = (after["interaction.fusion_weights"] != before["interaction.fusion_weights"]).flatten(1).any(1)
    assert moved.all()


def test_an_evaluation_states_how_much_is_diffused(rooms):
    network = build_network(tiny_config(rooms, network=NETWORK)).eval()
    found = sharing_statistics(network, evaluation_set(str(rooms / "val"), 3, (0, 0)), 3, IMAGENET_MEAN, IMAGENET_STD)
    assert found["images"] == 3
    assert found["diffusion_ratio"] > 0
    assert 0 <= found["written_variation"] <= 1
    assert "read_entropy" not in found


def test_the_card_states_which_computation_runs(rooms, tmp_path):
    cards = {}
    for name in ("ctal", "none"):
        network = NETWORK if name == "ctal" else {"interaction": "none", "options": {}}
        train(tiny_config(rooms, network=network, budget=4), tmp_path / name)
        cards[name] = publish(tmp_path / name, name, tmp_path)
    assert cards["ctal"].computation == "dense"
    assert cards["none"].computation == ""
    assert cards["ctal"].operations["interaction"] > 0
    assert cards["ctal"].operations["decoders"] > cards["none"].operations["decoders"]
