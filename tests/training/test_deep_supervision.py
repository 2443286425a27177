"""Predictions from before the interaction: learned with the same weight, never made in use."""

import json

import pytest
import torch
from safetensors.torch import load_file

from mtlviz.models.initial import INITIAL
from mtlviz.models.multitask import parameter_counts
from mtlviz.training import build_network, train
from mtlviz.training.data import join, to_batch, training_set
from mtlviz.training.loop import Objective
from tests.training.tiny import tiny_config

TASKS = ("semseg", "depth", "normals", "edge")


def supervised(rooms, **changes):
    network = {"deep_supervision": True, **changes.pop("network", {})}
    return tiny_config(rooms, network=network, **changes)


def image():
    return torch.randn(2, 3, 32, 64, generator=torch.Generator().manual_seed(0))


def test_every_task_has_an_initial_loss_of_the_same_weight(rooms):
    config = supervised(rooms, weights={"depth": 3})
    samples = training_set(config.data)
    losses = Objective(build_network(config), config)(join([to_batch(samples[index], TASKS) for index in range(2)]))
    assert list(losses) == [*TASKS, *(INITIAL + task for task in TASKS)]
    weights = config.loss_weights()
    assert all(weights[INITIAL + task] == weights[task] for task in TASKS)
    assert weights["initial_depth"] == 3
    assert set(tiny_config(rooms).loss_weights()) == set(TASKS)


def test_an_initial_loss_teaches_the_encoders_and_its_own_head(rooms):
    network = build_network(supervised(rooms))
    outputs, _, _ = network(image(), initial=True)
    outputs["initial_depth"].sum().backward()
    touched = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    parts = {name.split(".")[0] for name in touched}
    assert parts == {"encoder", "task_encoders", "initial"}
    assert {name.split(".")[1] for name in touched if not name.startswith("encoder.")} == {"depth"}


def test_initial_predictions_are_in_the_quantity_of_their_task(rooms):
    with torch.inference_mode():
        outputs, _, _ = build_network(supervised(rooms)).eval()(image(), initial=True)
    assert all(outputs[INITIAL + task].shape == outputs[task].shape for task in TASKS)
    assert (outputs["initial_depth"] > 0).all()
    torch.testing.assert_close(outputs["initial_normals"].norm(dim=1), torch.ones(2, 32, 64))


def test_in_use_nothing_initial_is_computed(rooms):
    network, calls = build_network(supervised(rooms)).eval(), []
    for head in network.initial.values():
        head.register_forward_hook(lambda *_: calls.append(1))
    with torch.inference_mode():
        plain, _, _ = network(image())
        asked, _, _ = network(image(), initial=True)
    assert set(plain) == set(TASKS)
    assert len(calls) == len(TASKS)
    assert all(torch.equal(plain[task], asked[task]) for task in TASKS)


def test_a_network_without_it_has_nothing_initial(rooms):
    network = build_network(tiny_config(rooms)).eval()
    with torch.inference_mode():
        assert set(network(image(), initial=True)[0]) == set(TASKS)
    assert "initial" not in parameter_counts(network)
    assert not [name for name in network.state_dict() if name.startswith("initial")]


@pytest.mark.parametrize("interaction", ["none", "ctal"])
def test_the_rest_starts_alike_with_and_without_it(rooms, interaction):
    options = {"grid": [4, 8]} if interaction == "ctal" else {}
    network = {"interaction": interaction, "options": options}
    reference = build_network(tiny_config(rooms)).state_dict()
    started = build_network(supervised(rooms, network=network))
    for name, value in started.state_dict().items():
        if not name.startswith(("interaction.", "initial.")):
            assert torch.equal(value, reference[name]), name
    counts = parameter_counts(started)
    assert counts["initial"] == sum(9 * head.out_channels for head in started.initial.values())
    assert counts["total"] == sum(parameter.numel() for parameter in started.parameters())


def test_it_trains_and_the_log_tells_both_losses(rooms, tmp_path):
    network = {"interaction": "ctal", "options": {"grid": [4, 8]}}
    weights = load_file(train(supervised(rooms, network=network, budget=16), tmp_path))
    entry = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert {*TASKS, *(INITIAL + task for task in TASKS)} <= set(entry)
    assert "initial.depth.weight" in weights
    assert weights["interaction.fusion_weights"].shape == (32, 4, 3, 3)
