import pytest
import torch
from torch.nn import functional

from mtlviz.tasks import IGNORE, TASKS
from mtlviz.training.losses import LOSSES, task_losses
from tests.metrics.label_batches import example


def loss(task: str, *batch: torch.Tensor) -> torch.Tensor:
    return LOSSES[TASKS[task].loss](*batch)


@pytest.mark.parametrize("task", TASKS)
def test_without_labels_a_loss_is_zero_and_has_a_gradient(task):
    output, label, valid = example(task)
    output.requires_grad_()
    value = loss(task, output, label, torch.zeros_like(valid))
    value.backward()
    assert value.item() == 0
    assert output.grad is not None
    assert not output.grad.any()


@pytest.mark.parametrize("task", TASKS)
def test_invalid_pixels_have_no_gradient_and_others_have(task):
    output, label, valid = example(task)
    if TASKS[task].kind == "classes":
        valid &= label[:, 0] != IGNORE
    output.requires_grad_()
    loss(task, output, label, valid).backward()
    touched = output.grad.abs().amax(1) > 0
    assert not touched[~valid].any()
    assert touched[valid].float().mean() > 0.99


@pytest.mark.parametrize("task", TASKS)
def test_a_loss_is_a_mean_over_pixels(task):
    output, label, valid = example(task)
    twice = [torch.cat([tensor, tensor]) for tensor in (output, label, valid)]
    assert loss(task, *twice) == pytest.approx(loss(task, output, label, valid).item(), rel=1e-5)


def test_cross_entropy_equals_torch_on_the_labelled_pixels():
    output, label, valid = example("semseg")
    counts = valid & (label[:, 0] != IGNORE)
    expected = functional.cross_entropy(output.movedim(1, -1)[counts], label[:, 0][counts].long())
    assert loss("semseg", output, label, valid) == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("task", ["depth", "normals"])
def test_l1_averages_over_channels_too(task):
    output, label, valid = example(task)
    expected = functional.l1_loss(output.movedim(1, -1)[valid], label.movedim(1, -1)[valid])
    assert loss(task, output, label, valid) == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("task", ["edge", "saliency"])
def test_binary_losses_weigh_their_classes(task):
    output, label, valid = example(task)
    logits, true = output[:, 0][valid].double(), label[:, 0][valid].double()
    positive = torch.tensor(0.95) if task == "edge" else 1 - true.mean()
    logits = logits + torch.log(positive / (1 - positive))
    terms = -positive * true * functional.logsigmoid(logits)
    terms = terms - (1 - positive) * (1 - true) * functional.logsigmoid(-logits)
    assert loss(task, output, label, valid) == pytest.approx(terms.mean().item(), rel=1e-5)


@pytest.mark.parametrize("task", ["edge", "saliency"])
def test_weighted_losses_are_smallest_at_the_true_probability(task):
    label = (torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    valid = torch.ones(1, 64, 64, dtype=torch.bool)
    prior = label.mean().logit()
    at = [loss(task, torch.full_like(label, float(prior + step)), label, valid) for step in (-0.3, 0.0, 0.3)]
    assert at[1] < min(at[0], at[2])


def test_every_task_has_its_loss():
    batches = {task: example(task) for task in TASKS}
    losses = task_losses(*({t: b[i] for t, b in batches.items()} for i in range(3)), list(TASKS.values()))
    assert list(losses) == list(TASKS)
    assert all(torch.isfinite(value) for value in losses.values())
