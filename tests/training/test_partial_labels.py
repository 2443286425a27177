"""A task without labels on some or all images of a step: it adds nothing, and nothing becomes NaN."""

import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file

from mtlviz.data.rooms import Rooms
from mtlviz.models.interactions import REGISTRY
from mtlviz.training import build_network, train
from mtlviz.training.balancing import build_balance
from mtlviz.training.data import Batch, TrainingStream, join
from mtlviz.training.loop import Objective
from tests.training.test_balancing import NEEDED
from tests.training.tiny import tiny_config

METHODS = ("fixed", "uncertainty", "dwa", "upgrad", "pcgrad", "cagrad", "mgda", "imtl_g", "aligned_mtl", "dualproj")
SIX = ["semseg", "depth", "normals", "edge", "saliency", "human_parts"]


def labelled(rooms, config) -> Batch:
    stream = TrainingStream(Rooms(rooms / "train"), config)
    return join([stream[position] for position in range(4)])


def without(batch: Batch, task: str, images: slice) -> Batch:
    """Without a task's labels on some images, whose values are spoiled as far as their type allows."""
    valid = {name: mask.clone() for name, mask in batch.valid.items()}
    valid[task][images] = False
    return batch._replace(valid=valid)


def gradients(rooms, batch, method="fixed", **changes):
    """The gradient of every parameter by name, and of what the balance learns."""
    config = tiny_config(rooms, data={"letterbox": 0}, balancing={"method": method}, **changes)
    network = build_network(config)
    fabric = Fabric(accelerator="cpu")
    balance = build_balance(config, network, 10)
    balance.backward(fabric, Objective(network, config)(batch), 1)
    balance.finish(fabric, 0)
    named = [*network.named_parameters(), *(("balance." + name, p) for name, p in balance.named_parameters())]
    return {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in named}


@pytest.mark.parametrize("task", SIX)
def test_a_task_without_any_label_moves_nothing_and_spoils_nothing(rooms, task):
    tasks = SIX
    batch = labelled(rooms, tiny_config(rooms, tasks=tasks, data={"letterbox": 0}))
    found = gradients(rooms, without(batch, task, slice(None)), tasks=tasks)
    assert all(gradient.isfinite().all() for gradient in found.values())
    own = {name for name in found if name.startswith(f"decoders.{task}.")}
    assert own
    assert all(not found[name].any() for name in own)
    others = gradients(rooms, batch, tasks=tasks, weights={task: 0.0})
    for name, gradient in found.items():  # as if the task had no loss
        torch.testing.assert_close(gradient, others[name], rtol=1e-4, atol=1e-7)


def test_images_without_a_label_add_nothing_to_the_loss_of_the_others(rooms):
    config = tiny_config(rooms, data={"letterbox": 0})
    batch, network = labelled(rooms, config), build_network(config).eval()  # norms of single images
    labels, valid = ({name: one[2:] for name, one in found.items()} for found in (batch.labels, batch.valid))
    half = Batch(batch.images[2:], labels, valid)
    for task in batch.labels:
        partial = Objective(network, config)(without(batch, task, slice(0, 2)))
        alone = Objective(network, config)(half)
        torch.testing.assert_close(partial[task], alone[task])


@pytest.mark.parametrize("method", METHODS)
def test_every_balance_leaves_out_a_task_without_labels(rooms, method):
    if method not in ("fixed", "uncertainty", "dwa"):
        pytest.importorskip("torchjd")
        pytest.importorskip(NEEDED.get(method, "torchjd"))
    batch = labelled(rooms, tiny_config(rooms, data={"letterbox": 0}))
    missing = gradients(rooms, without(batch, "normals", slice(None)), method)
    assert all(gradient.isfinite().all() for gradient in missing.values())
    assert all(not gradient.any() for name, gradient in missing.items() if name.startswith("decoders.normals."))
    assert any(gradient.any() for name, gradient in missing.items() if name.startswith("encoder."))
    learned = {name: gradient for name, gradient in missing.items() if name.startswith("balance.")}
    assert {name for name, gradient in learned.items() if not gradient.any()} <= {"balance.s.normals"}
    assert not learned.get("balance.s.normals", torch.zeros(1)).any()


@pytest.mark.parametrize("method", ["fixed", "uncertainty", "mgda"])
def test_a_step_without_any_label_is_survived(rooms, method):
    if method == "mgda":
        pytest.importorskip("torchjd")
    batch = labelled(rooms, tiny_config(rooms, data={"letterbox": 0}))
    for task in batch.labels:
        batch = without(batch, task, slice(None))
    assert all(not gradient.any() for gradient in gradients(rooms, batch, method).values())


@pytest.mark.parametrize("interaction", sorted(REGISTRY))
def test_training_with_a_tenth_of_the_labels_stays_finite(rooms, tmp_path, interaction):
    network = {"interaction": interaction, "options": {"grid": [4, 8]} if interaction == "ctal" else {}}
    data = {"keep": {"semseg": 0.1, "edge": 0.1}, "letterbox": 0}  # one image of ten, so none in most steps
    weights = load_file(train(tiny_config(rooms, network=network, data=data, budget=16), tmp_path))
    assert all(tensor.isfinite().all() for tensor in weights.values() if tensor.is_floating_point())
