import pytest
import torch
from torch.nn import functional

from mtlviz.tasks import IGNORE, TASKS
from mtlviz.training.losses import LOSSES, task_loss, task_losses
from mtlviz.training.options import LossOptions
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


def chosen(task: str, *batch: torch.Tensor, **options: object) -> torch.Tensor:
    return task_loss(TASKS[task], LossOptions(**options))(*batch)


@pytest.mark.parametrize(
    ("task", "options"),
    [("normals", {"form": "normal_l1_sum"}), ("normals", {"form": "normal_cosine"}), ("depth", {"cap": 2.0}),
     ("edge", {"positive": 0.8, "calibrated": False}), ("saliency", {"calibrated": False})],
)  # fmt: skip
def test_other_forms_are_zero_with_a_gradient_where_nothing_is_labelled(task, options):
    output, label, valid = example(task)
    output.requires_grad_()
    value = task_loss(TASKS[task], LossOptions(**options))(output, label, torch.zeros_like(valid))
    value.backward()
    assert value.item() == 0
    assert output.grad is not None
    assert not output.grad.any()


def test_the_sum_over_a_normals_values_is_three_times_their_mean():
    batch = example("normals")
    expected = 3 * loss("normals", *batch).item()
    assert chosen("normals", *batch, form="normal_l1_sum") == pytest.approx(expected, rel=1e-6)


def test_the_cosine_form_is_one_minus_the_mean_cosine():
    output, label, valid = example("normals")
    cosines = functional.cosine_similarity(output, label)[valid]
    lengths = output.norm(dim=1)[valid] * label.norm(dim=1)[valid]
    expected = (1 - cosines * lengths).mean().item()
    assert chosen("normals", output, label, valid, form="normal_cosine") == pytest.approx(expected, rel=1e-4)


def test_depths_at_the_cap_or_beyond_do_not_count():
    output, label, valid = example("depth")
    cap = float(label[:, 0][valid].median())
    near = valid & (label[:, 0] < cap)
    assert 0 < near.sum() < valid.sum()
    expected = (output - label).abs()[:, 0][near].mean().item()
    assert chosen("depth", output, label, valid, cap=cap) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("task", ["edge", "saliency"])
def test_without_calibration_a_weighted_loss_is_torchs(task):
    output, label, valid = example(task)
    logits, true = output[:, 0][valid], label[:, 0][valid].float()
    positive = torch.tensor(0.8) if task == "edge" else 1 - true.mean()
    weights = torch.where(true > 0, positive, 1 - positive)
    expected = functional.binary_cross_entropy_with_logits(logits, true, weights)
    options = {"positive": 0.8} if task == "edge" else {}
    found = chosen(task, output, label, valid, calibrated=False, **options)
    assert found == pytest.approx(expected.item(), rel=1e-5)
