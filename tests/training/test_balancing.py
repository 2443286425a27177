"""What makes one step of several losses: closed forms, and the plain gradient where a rule reduces to it."""

import importlib
import json
import sys

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file

from mtlviz.errors import OptionError
from mtlviz.training import build_network, stopping, train
from mtlviz.training.balancing import Aggregated, Balance, DynamicAverage, Uncertainty, build_balance
from mtlviz.training.data import TrainingStream, join, training_set
from mtlviz.training.loop import Objective, training_step
from mtlviz.training.optimiser import Motion, parameter_groups
from tests.training.tiny import tiny_config

TWO = {"tasks": ["semseg", "depth"], "weights": {"semseg": 2.0, "depth": 3.0}}


def losses(**values: float):
    return {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}


@pytest.fixture(scope="module")
def fabric():
    return Fabric(accelerator="cpu", devices=1)


def test_uncertainty_has_kendalls_value_and_gradient(rooms, fabric):
    options = {"method": "uncertainty", "scale": 0.5, "penalty": 0.5, "start": -0.5}
    balance = Uncertainty(tiny_config(rooms, balancing=options, auxiliary={"collapse": 4}, **TWO))
    given = losses(semseg=0.7, depth=1.1, initial_depth=0.3, collapse=0.2)
    weighted = {"semseg": 1.4, "depth": 3.3, "initial_depth": 0.3}
    expected = sum(value / (2 * np.exp(-0.5)) - 0.25 for value in weighted.values()) + 4 * 0.2
    assert float(balance.total(given).detach()) == pytest.approx(expected, rel=1e-6)
    balance.backward(fabric, given, 1)
    assert float(balance.s["semseg"].grad) == pytest.approx(0.5 - 1.4 * np.exp(0.5) / 2, rel=1e-6)


def test_learned_weights_settle_where_the_gradient_vanishes(rooms):
    options = {"method": "uncertainty", "scale": 10.0, "penalty": 1.0}  # MTFormer's: smallest at s = log(10 w L)
    balance = Uncertainty(tiny_config(rooms, balancing=options, **TWO))
    optimiser = torch.optim.SGD(balance.parameters(), 0.2)
    for _ in range(200):
        optimiser.zero_grad()
        balance.total({name: loss.detach() for name, loss in losses(semseg=0.5, depth=0.25).items()}).backward()
        optimiser.step()
    assert balance.s["semseg"].item() == pytest.approx(np.log(10), abs=1e-3)
    assert balance.s["depth"].item() == pytest.approx(np.log(7.5), abs=1e-3)


def test_learned_weights_move_in_a_training_and_survive_a_kill(rooms, tmp_path):
    config = tiny_config(rooms, balancing={"method": "uncertainty"})
    train(config, tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert all(float(value) != 0 for value in state["balance"].values())
    expected = (tmp_path / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").unlink()
    assert train(config, tmp_path).read_bytes() == expected


def test_dynamic_averages_follow_the_change_over_two_passes(rooms, fabric):
    balance = DynamicAverage(tiny_config(rooms, balancing={"method": "dwa", "temperature": 2.0}, **TWO), steps=2)
    passes = [{"semseg": 4.0, "depth": 1.0}, {"semseg": 2.0, "depth": 1.0}]
    for means in passes:
        for step in (0.5, 1.5):  # their mean is 1
            assert balance.factors() == {"semseg": 1.0, "depth": 1.0}
            balance.observe(fabric, {name: torch.tensor(value * step) for name, value in means.items()})
    e = np.exp([0.5 / 2, 1 / 2])
    expected = dict(zip(("semseg", "depth"), 2 * e / e.sum(), strict=True))
    assert balance.factors() == pytest.approx(expected)
    total = float(balance.total(losses(semseg=1.0, depth=1.0, initial_depth=1.0)).detach())
    assert total == pytest.approx(2 * expected["semseg"] + 3 * expected["depth"] + expected["depth"])


def gradients(config, balance_of, parts=1):
    """Gradients of a step on four images, by name."""
    network = build_network(config)
    objective, optimiser = Fabric(accelerator="cpu", devices=1).setup(
        Objective(network, config), torch.optim.SGD(network.parameters(), 0.0)
    )
    stream = TrainingStream(training_set(config.data), config)
    images = [stream[position] for position in range(4)]
    size = 4 // parts
    batches = [join(images[part * size : (part + 1) * size]) for part in range(parts)]
    fabric = Fabric(accelerator="cpu", devices=1)
    training_step(objective.train(), batches, optimiser, config, fabric, balance_of(config, network), 0)
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def free(rooms, **changes):
    return tiny_config(rooms, optimiser={"clip": None}, data={"letterbox": 0}, **TWO, **changes)


def test_the_sum_of_the_tasks_gradients_is_the_gradient_of_the_sum(rooms):
    plain = gradients(free(rooms), lambda config, _: Balance(config))
    summed = gradients(free(rooms), lambda config, network: Aggregated(config, network, lambda rows: rows.sum(0)))
    assert plain.keys() <= summed.keys()
    for name, gradient in summed.items():
        torch.testing.assert_close(gradient, plain.get(name, torch.zeros_like(gradient)), rtol=1e-3, atol=1e-5)


def test_decoders_follow_their_own_task_whatever_is_found_for_the_shared_part(rooms):
    plain = gradients(free(rooms), lambda config, _: Balance(config))
    zeroed = gradients(free(rooms), lambda config, network: Aggregated(config, network, lambda rows: 0 * rows[0]))
    for name, gradient in zeroed.items():
        if name.startswith("decoders."):
            torch.testing.assert_close(gradient, plain[name], rtol=1e-3, atol=1e-5)
        else:
            assert not gradient.any()


def test_parts_of_a_step_give_the_mean_of_their_gradients(rooms):
    whole = gradients(free(rooms), lambda config, _: Balance(config), parts=2)
    network, config = build_network(free(rooms)), free(rooms)
    stream, objective = TrainingStream(training_set(config.data), config), Objective(network, config).train()
    for part in (0, 2):
        found = objective(join([stream[part], stream[part + 1]]))
        ((2 * found["semseg"] + 3 * found["depth"]) / 2).backward()
    for name, parameter in network.named_parameters():
        if name in whole:
            torch.testing.assert_close(whole[name], parameter.grad, rtol=1e-3, atol=1e-6)


def test_parts_are_the_images_of_their_step(rooms, tmp_path):
    train(tiny_config(rooms, accumulate=2), tmp_path)
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()][-1] == 12


def test_a_missing_library_is_named(rooms, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchjd", None)
    monkeypatch.setitem(sys.modules, "torchjd.aggregation", None)
    config = tiny_config(rooms, balancing={"method": "mgda"})
    with pytest.raises(OptionError, match=r"^balancing\.method 'mgda' needs a library .*pip install 'torchjd', or"):
        build_balance(config, build_network(config), 10)


NEEDED = {"upgrad": "quadprog", "dualproj": "quadprog", "cagrad": "cvxpy"}
"""Library of an aggregator besides torchjd."""


@pytest.mark.parametrize("method", ["upgrad", "pcgrad", "mgda", "imtl_g", "aligned_mtl", "dualproj"])
def test_aggregators_of_torchjd_train(rooms, tmp_path, method):
    pytest.importorskip(NEEDED.get(method, "torchjd"))
    config = tiny_config(rooms, budget=12, balancing={"method": method}, save_every=4)
    first = train(config, tmp_path / "first").read_bytes()
    (tmp_path / "first" / "weights.safetensors").unlink()
    assert train(config, tmp_path / "first").read_bytes() == first


def test_a_task_has_its_own_learning_rate(rooms, tmp_path):
    shared, own = Motion("adamw", 1.0, 0.05), Motion("adamw", 0.5, 0.05)
    found = parameter_groups(build_network(tiny_config(rooms)), shared, {"depth": own})
    groups = [group for _, some in found for group in some]
    assert [group.get("factor") for group in groups] == [None, None, 0.5, 0.5]
    assert sum(len(group["params"]) for group in groups) == len(list(build_network(tiny_config(rooms)).parameters()))
    config = tiny_config(rooms, optimiser={"warmup": 0, "rates": {"depth": 0.0}})
    before, after = build_network(config).state_dict(), load_file(train(config, tmp_path))
    learned = [name for name, p in build_network(config).named_parameters() if p.requires_grad]
    for name in learned:
        own = name.split(".")[:2] in (["task_encoders", "depth"], ["decoders", "depth"])
        assert torch.equal(before[name], after[name]) == own, name


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_other_optimisers_learn(rooms, tmp_path, kind):
    config = tiny_config(rooms, budget=8, optimiser={"kind": kind, "warmup": 0, "rate": 1e-3})
    before, after = build_network(config).state_dict(), load_file(train(config, tmp_path))
    assert not torch.equal(before["encoder.fuse.0.weight"], after["encoder.fuse.0.weight"])


def test_a_training_ends_when_held_out_images_are_told_no_better_and_keeps_its_best_weights(
    rooms, tmp_path, monkeypatch
):
    seen = []

    def scripted(network, samples, config):
        seen.append(network.state_dict()["encoder.fuse.0.weight"].clone())
        return {"semseg": [3.0, 2.0, 2.5, 2.0, 1.0, 1.0][len(seen) - 1], "depth": 0.0}

    monkeypatch.setattr(stopping, "held_out_losses", scripted)
    config = tiny_config(rooms, stop={"every": 8, "patience": 2}, **TWO)
    result = load_file(train(config, tmp_path))
    assert len(seen) == 4  # not better at the third look, nor, being equal, at the fourth
    assert torch.equal(result["encoder.fuse.0.weight"], seen[1])
    totals = [json.loads(line)["total"] for line in (tmp_path / "validation.jsonl").read_text().splitlines()]
    assert totals == [6.0, 4.0, 5.0, 4.0]


def test_an_early_stop_survives_a_kill(rooms, tmp_path):
    config = tiny_config(rooms, stop={"every": 8, "patience": 9, "images": 3}, **TWO)
    expected = load_file(train(config, tmp_path))
    log = (tmp_path / "validation.jsonl").read_text()
    (tmp_path / "weights.safetensors").unlink()
    result = load_file(train(config, tmp_path))
    assert all(torch.equal(result[name], expected[name]) for name in expected)
    assert (tmp_path / "validation.jsonl").read_text() == log


def test_tensorboard_is_optional(rooms, tmp_path, monkeypatch):
    config = tiny_config(rooms, budget=8, tensorboard=True)
    if importlib.util.find_spec("tensorboard") is None:
        with pytest.raises(OptionError, match=r"^tensorboard: true needs TensorBoard, which is not installed; .*\.$"):
            train(config, tmp_path)
        return
    train(config, tmp_path)
    assert list((tmp_path / "tensorboard").iterdir())
