"""Differences against closed forms, and the cost in metrics of a file that is wrong in a known way."""

import math

import numpy as np
import pytest
import torch

from mtlviz.data.sample import Sample
from mtlviz.exporting.agreement import compared, mean_gain, relative_difference
from mtlviz.exporting.small_weights import LEVELS, EightBits
from mtlviz.tasks import TASKS

DEPTH = TASKS["depth"]


def of(metres: float):
    return lambda image: {"depth": torch.full((1, 1, 4, 4), metres)}


@pytest.fixture
def room():
    sample = Sample(np.zeros((4, 4, 3), np.uint8), "room", {"depth": np.full((4, 4), 2.0, np.float32)})
    return [(sample, torch.zeros(1, 3, 4, 4))]


def test_the_difference_is_relative_to_the_largest_value():
    assert relative_difference(torch.tensor([1.0, -4.0]), torch.tensor([1.5, -4.0])) == 0.125
    assert relative_difference(torch.zeros(2), torch.zeros(2)) == 0
    assert relative_difference(torch.zeros(2), torch.ones(2)) == math.inf


@pytest.mark.parametrize("broken", [torch.tensor([1.0, math.nan]), torch.ones(3)])
def test_what_is_not_finite_or_has_another_shape_never_agrees(broken):
    assert relative_difference(torch.ones(2), broken) == math.inf


def test_a_worse_file_loses_by_the_ratio_of_its_errors(room):
    found = compared(of(3.0), of(4.0), room, [DEPTH])
    assert (found["depth"].original, found["depth"].exported) == (1.0, 2.0)  # metres off
    assert found["depth"].gain == pytest.approx(-100)
    assert found["depth"].difference == pytest.approx(1 / 3)
    assert mean_gain(found) == pytest.approx(-100)


def test_a_perfect_original_has_no_relative_change(room):
    found = compared(of(2.0), of(2.0), room, [DEPTH])
    assert found["depth"].gain is None
    assert mean_gain(found) is None


def jumping(image):
    """A network that decides by a tie, which the smallest noise breaks."""
    return of(2.0 + 0.01 * float(image.mean() > 0))(image)


@pytest.mark.parametrize(
    ("original", "metres", "agrees", "jumps"),
    [
        (of(2.0), 2.0 + 1e-6, True, 0),
        (of(2.0), 2.01, False, 0),
        (jumping, 2.01, True, 1),
        (jumping, 2.1, False, 0),
    ],
)
def test_a_file_may_only_be_off_where_its_network_jumps_as_far(room, original, metres, agrees, jumps):
    found = compared(original, of(metres), room, [DEPTH])["depth"]
    assert (found.agrees, found.jumps) == (agrees, jumps)
    assert compared(original, of(metres), room, [DEPTH], exact=False)["depth"].agrees is None


@pytest.mark.parametrize("axis", [0, 1])
def test_eight_bits_are_off_by_half_a_step_of_their_channel_at_most(axis):
    weight = torch.randn(5, 6, 3, 3) * torch.logspace(-3, 1, 5)[:, None, None, None]
    weight[2] = 0
    weight[:, 4] = 0
    bits = EightBits(axis)
    steps, scale = bits.right_inverse(weight)
    assert steps.dtype == torch.int8
    assert scale.numel() == weight.shape[axis]
    largest = weight.abs().amax([other for other in range(4) if other != axis], keepdim=True)
    assert ((bits(steps, scale) - weight).abs() <= largest / LEVELS / 2 * 1.001).all()
