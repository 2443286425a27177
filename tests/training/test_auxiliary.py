"""Losses that an interaction adds: their weights, the labels they get, their place in the log."""

import json
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from mtlviz.errors import OptionError
from mtlviz.models.token_classes import token_classes
from mtlviz.tasks import IGNORE
from mtlviz.training import build_network, read_config, train
from mtlviz.training.balancing import Balance
from mtlviz.training.data import TrainingStream, join, training_set
from mtlviz.training.loop import Objective, training_step
from tests.training.tiny import same_after_kills, tiny_config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
STABLE = {"width": 24, "interaction": "stable_kem", "options": {"rung": "collapse", "slots": 4}}
PARTS = ("semseg", "depth", "human_parts")


def config(rooms, **changes):
    return tiny_config(rooms, **{"network": STABLE, "tasks": ("semseg", "depth"), **changes})


def batch(chosen, positions=range(4)):
    stream = TrainingStream(training_set(chosen.data), chosen)
    return join([stream[position] for position in positions])


def test_the_loss_is_logged_unweighted_and_falls(rooms, tmp_path):
    chosen = config(rooms, budget=160, auxiliary={"collapse": 0.4}, optimiser={"rate": 0.01, "warmup": 0})
    train(chosen, tmp_path)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert 2 < log[0]["collapse"] < 4  # log 17 = 2.8 before anything is learned
    assert log[-1]["collapse"] < 0.9 * log[0]["collapse"]


@pytest.mark.parametrize(("auxiliary", "weight"), [({}, 1.0), ({"collapse": 0.4}, 0.4), ({"collapse": 0.0}, 0.0)])
def test_a_step_follows_the_gradient_of_the_weighted_sum(rooms, auxiliary, weight):
    chosen = config(rooms, auxiliary=auxiliary, optimiser={"clip": None}, weights={"depth": 3.0})
    objective = Objective(build_network(chosen), chosen).train()
    images = batch(chosen)
    losses = objective(images)
    assert list(losses) == ["semseg", "depth", "collapse"]
    total = losses["semseg"] + 3 * losses["depth"] + weight * losses["collapse"]
    watched = objective.network.interaction.project.weight
    (gradient,) = torch.autograd.grad(total, watched)
    before = watched.detach().clone()
    fabric = Fabric(accelerator="cpu", devices=1)
    wrapped, optimiser = fabric.setup(objective, torch.optim.SGD(objective.parameters(), 1.0))
    training_step(wrapped, [images], optimiser, chosen, fabric, Balance(chosen), 0)
    torch.testing.assert_close(before - watched.detach(), gradient, rtol=1e-3, atol=1e-6)


def test_the_interaction_gets_the_classes_of_every_classification_task(rooms, monkeypatch):
    chosen = config(rooms, tasks=PARTS, data={"letterbox": 0})
    objective, images = Objective(build_network(chosen), chosen), batch(chosen)
    inside = torch.ones(4, 32, 64, dtype=torch.bool)
    inside[:, :, :19] = False  # a bar over the first two tokens of a row
    images = images._replace(inside=inside, valid={task: mask & inside for task, mask in images.valid.items()})
    seen = {}
    forward = objective.network.interaction.forward
    monkeypatch.setattr(
        objective.network.interaction, "forward", lambda *args, **given: seen.update(given) or forward(*args, **given)
    )
    objective(images)
    assert set(seen["labels"]) == {"semseg", "human_parts"}
    for task, count in (("semseg", 17), ("human_parts", 7)):
        expected = token_classes(images.labels[task], images.valid[task], count)
        assert torch.equal(seen["labels"][task], expected)
    assert (seen["labels"]["semseg"].view(4, 4, 8) == IGNORE).nonzero()[:, 2].unique().tolist() == [0, 1]


def test_an_interaction_without_losses_gets_no_labels(rooms, monkeypatch):
    chosen = config(rooms, network={"interaction": "stable_kem", "options": {"rung": "normalised"}})
    objective = Objective(build_network(chosen), chosen)
    seen = {}
    forward = objective.network.interaction.forward
    monkeypatch.setattr(
        objective.network.interaction, "forward", lambda *args, **given: seen.update(given) or forward(*args, **given)
    )
    assert list(objective(batch(chosen))) == ["semseg", "depth"]
    assert seen["labels"] is None


def test_images_whose_labels_are_hidden_pull_no_token(rooms):
    chosen = config(rooms)
    images = batch(chosen)
    hidden = images._replace(valid={**images.valid, "semseg": torch.zeros_like(images.valid["semseg"])})
    losses = Objective(build_network(chosen), chosen)(hidden)
    assert float(losses["collapse"].detach()) == 0


@pytest.mark.parametrize(
    ("network", "sentence"),
    [({}, "auxiliary names 'colapse', which is no loss of interaction 'kem' as configured; it has none."),
     (STABLE, "no loss of interaction 'stable_kem' as configured; it has collapse.")],
    ids=["kem", "stable_kem"],
)  # fmt: skip
def test_a_weight_of_a_loss_that_does_not_exist_is_refused(rooms, tmp_path, network, sentence):
    chosen = tiny_config(rooms, network=network, auxiliary={"colapse": 0.4})
    with pytest.raises(OptionError, match=sentence):
        train(chosen, tmp_path)


def test_a_negative_weight_is_refused(rooms):
    with pytest.raises(OptionError, match="auxiliary: the weight of 'collapse' must be at least 0; got -1"):
        tiny_config(rooms, auxiliary={"collapse": -1})


def test_a_stopped_training_goes_on_with_the_same_bits(rooms, tmp_path, killed):
    chosen = config(rooms, auxiliary={"collapse": 0.4})
    same_after_kills(chosen, tmp_path, killed)


@pytest.mark.parametrize(
    ("first", "others"),
    [("kem", ("skem", "skem-literal", "skem-normalised", "skem-learnable")), ("kem-six", ("skem-six",))],
)
def test_rungs_differ_from_kem_in_the_interaction_and_its_loss_only(first, others):
    same = {"network": {"interaction", "options"}, "title": True, "summary": True, "auxiliary": True}
    fields = read_config(CONFIGS / f"{first}.yaml").model_dump(exclude=same)
    for name in others:
        chosen = read_config(CONFIGS / f"{name}.yaml")
        assert chosen.model_dump(exclude=same) == fields
        interaction = build_network(chosen.model_copy(update={"encoder": None})).interaction
        assert set(chosen.auxiliary) == set(interaction.auxiliary)
