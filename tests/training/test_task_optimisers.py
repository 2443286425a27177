"""Optimisers of single tasks: what a task alone has moves by its own rule, the rest as without it."""

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from mtlviz.errors import OptionError
from mtlviz.training import build_network
from mtlviz.training.balancing import Balance
from mtlviz.training.optimiser import SeveralOptimisers, build_optimiser, task_motions
from mtlviz.training.options import OptimiserConfig, TaskOptimiser
from tests.training.tiny import same_after_kills, tiny_config

OWN = {"depth": {"kind": "sgd", "rate": 0.01, "decay": 0.0}, "edge": {"rate": 0.0}}


def test_several_optimisers_move_their_weights_as_each_alone_would():
    torch.manual_seed(0)
    layers = [nn.Linear(3, 2) for _ in range(4)]
    for first, second in zip(layers[:2], layers[2:], strict=True):
        second.load_state_dict(first.state_dict())
    together = SeveralOptimisers([AdamW(layers[0].parameters(), 0.1), SGD(layers[1].parameters(), 0.1, momentum=0.9)])
    alone = AdamW(layers[2].parameters(), 0.05), SGD(layers[3].parameters(), 0.05, momentum=0.9)
    for group in together.param_groups:
        group["lr"] = 0.05
    images = torch.randn(5, 3)
    for _ in range(3):
        together.zero_grad()
        sum(layer(images).square().sum() for layer in layers[:2]).backward()
        together.step()
        for optimiser, layer in zip(alone, layers[2:], strict=True):
            optimiser.zero_grad()
            layer(images).square().sum().backward()
            optimiser.step()
    for first, second in zip(layers[:2], layers[2:], strict=True):
        assert torch.equal(first.weight, second.weight)


def test_only_the_weights_of_the_task_have_its_rule(rooms):
    config = tiny_config(rooms, optimiser={"rate": 0.1, "tasks": OWN})
    network = build_network(config)
    found = build_optimiser(network, Balance(config), config)
    assert isinstance(found, SeveralOptimisers)
    (momentum,) = (part for part in found.parts if isinstance(part, SGD))
    sgd = {id(parameter) for group in momentum.param_groups for parameter in group["params"]}
    for name, parameter in network.named_parameters():
        assert (id(parameter) in sgd) == (name.split(".")[:2] in (["task_encoders", "depth"], ["decoders", "depth"]))
    everything = [p for group in found.param_groups for p in group["params"]]
    assert len(everything) == len({id(p) for p in everything}) == len(list(network.parameters()))
    assert sorted({group.get("factor", 1.0) for group in found.param_groups}) == pytest.approx([0.0, 0.1, 1.0])


def test_a_task_keeps_what_its_entry_does_not_say():
    options = OptimiserConfig(rate=0.1, decay=0.5, rates={"edge": 0.3}, tasks={
        "depth": TaskOptimiser(rate=0.2), "edge": TaskOptimiser(kind="sgd"),
    })  # fmt: skip
    depth, edge = task_motions(options)["depth"], task_motions(options)["edge"]
    assert (depth.kind, depth.factor, depth.decay) == ("adamw", 2.0, 0.5)
    assert (edge.kind, edge.factor, edge.decay) == ("sgd", 0.3, 0.5)


def test_one_optimiser_is_left_as_it_was(rooms):
    config = tiny_config(rooms, optimiser={"tasks": {"depth": {"rate": 0.5}}})
    assert isinstance(build_optimiser(build_network(config), Balance(config), config), AdamW)


@pytest.mark.parametrize("balancing", ["fixed", "uncertainty"])
def test_a_killed_training_restores_every_optimiser_to_the_same_bits(rooms, tmp_path, killed, balancing):
    config = tiny_config(rooms, optimiser={"warmup": 8, "tasks": OWN}, balancing={"method": balancing})
    found = same_after_kills(config, tmp_path, killed)
    before = build_network(config).state_dict()
    still = [name for name, _ in build_network(config).named_parameters() if name.startswith("decoders.edge.")]
    assert still
    assert all(torch.equal(before[name], found[name]) for name in still)  # its rate is 0


@pytest.mark.parametrize(
    ("optimiser", "sentence"),
    [
        ({"tasks": {"saliency": {"rate": 1}}}, "optimiser.tasks names 'saliency'"),
        ({"tasks": {"depth": {"kind": "lion"}}}, "optimiser.tasks.depth.kind"),
        ({"tasks": {"depth": {"rate": 1}}, "rates": {"depth": 2}}, "'depth' has a rate in tasks and a factor in rates"),
    ],
)
def test_what_is_wrong_with_an_optimiser_is_named(rooms, optimiser, sentence):
    with pytest.raises(OptionError, match=sentence.replace(".", r"\.")):
        tiny_config(rooms, tasks=["semseg", "depth"], optimiser=optimiser)
