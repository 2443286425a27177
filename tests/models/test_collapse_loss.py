"""Losses that pull tokens to the vertices of a simplex ETF: closed forms, loops, and where descent leads."""

import math

import pytest
import torch
from torch.nn import functional

from mtlviz.models.etf import simplex_etf
from mtlviz.models.interactions.collapse_loss import centre_loss, dot_regression_loss
from mtlviz.tasks import IGNORE

CLASSES, WIDTH = 5, 12
FRAME = simplex_etf(CLASSES, WIDTH)
LABELS = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 3, IGNORE, IGNORE, 4])
PRESENT = [0, 1, 3, 4]
LOSSES = [
    centre_loss, dot_regression_loss,
    lambda features, labels, frame: dot_regression_loss(features, labels, frame, class_lengths=True),
]  # fmt: skip


def features(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(len(LABELS), WIDTH, generator=generator, dtype=torch.float64), dim=-1)


def collapsed():
    return torch.where((LABELS == IGNORE)[:, None], 0.3, FRAME.T[LABELS.clamp(max=CLASSES - 1)])


def test_centre_loss_is_the_mean_cross_entropy_of_the_class_means():
    rows = features()
    terms = []
    for one in PRESENT:
        logits = 5 * rows[one == LABELS].mean(0) @ FRAME
        terms.append(functional.cross_entropy(logits[None], torch.tensor([one])))
    torch.testing.assert_close(centre_loss(rows, LABELS, FRAME), torch.stack(terms).mean())


def test_dot_regression_is_half_the_mean_square_of_what_is_lacking():
    rows, known = features(), LABELS != IGNORE
    own = (rows[known] * FRAME.T[LABELS[known]]).sum(1)
    torch.testing.assert_close(dot_regression_loss(rows, LABELS, FRAME), 0.5 * (own - 1).square().mean())


def test_class_lengths_follow_the_counts_of_the_batch_and_weigh_classes_alike():
    rows, known = features(), LABELS != IGNORE
    counts = torch.bincount(LABELS[known], minlength=CLASSES)
    lengths = (known.sum() / len(PRESENT) / counts).sqrt()[LABELS[known]]
    vertices = lengths[:, None] * FRAME.T[LABELS[known]]
    expected = 0.5 * ((rows[known] * vertices).sum(1) - lengths).square().mean()
    found = dot_regression_loss(rows, LABELS, FRAME, class_lengths=True)
    torch.testing.assert_close(found, expected)
    alone = [dot_regression_loss(rows[one == LABELS], LABELS[one == LABELS], FRAME) for one in PRESENT]
    torch.testing.assert_close(found, torch.stack(alone).mean())


@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_a_collapsed_batch_has_the_least_loss(scale):
    least = math.log(1 + (CLASSES - 1) * math.exp(-scale * CLASSES / (CLASSES - 1)))
    assert float(centre_loss(collapsed(), LABELS, FRAME, scale)) == pytest.approx(least)
    assert centre_loss(features(), LABELS, FRAME, scale) > least
    for lengths in (False, True):
        assert dot_regression_loss(collapsed(), LABELS, FRAME, lengths) < 1e-20


def test_a_class_that_is_spread_around_its_vertex_pays_for_it():
    side = torch.linalg.svd(FRAME).U[:, -1:].T  # orthogonal to every vertex
    spread = functional.normalize(collapsed() + torch.tensor([1.0, -1.0]).repeat(6)[:, None] * side, dim=-1)
    for loss in LOSSES:
        assert loss(spread, LABELS, FRAME) > loss(collapsed(), LABELS, FRAME) + 0.02


@pytest.mark.parametrize("loss", LOSSES)
def test_descent_brings_every_labelled_token_to_its_vertex(loss):
    free = features().requires_grad_()
    before = free.detach().clone()
    optimiser = torch.optim.Adam([free], 0.05)
    for _ in range(1000):
        optimiser.zero_grad()
        loss(functional.normalize(free, dim=-1), LABELS, FRAME).backward()
        optimiser.step()
    known = LABELS != IGNORE
    cosine = (functional.normalize(free.detach(), dim=-1)[known] * FRAME.T[LABELS[known]]).sum(1)
    assert cosine.min() > 0.98
    assert torch.equal(free.detach()[~known], before[~known])


@pytest.mark.parametrize("loss", LOSSES)
def test_without_any_label_the_loss_is_zero_with_gradient(loss):
    rows = features().requires_grad_()
    value = loss(rows, torch.full_like(LABELS, IGNORE), FRAME)
    value.backward()
    assert float(value.detach()) == 0
    assert torch.equal(rows.grad, torch.zeros_like(rows))
