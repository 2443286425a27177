"""The byte counter against cases counted by hand, and counting on shapes against counting for real."""

from functools import partial

import pytest
import torch

from mtlviz.bench.contenders import TITLES, build, features, step
from mtlviz.bench.dense import DenseAttention
from mtlviz.bench.live_bytes import LiveBytes, peak_bytes

KILO = 1000  # floats of the inputs below: 4 kB


@pytest.fixture
def numbers():
    return torch.ones(KILO)


def test_inputs_do_not_count(numbers):
    with LiveBytes() as live:
        numbers.view(10, 100).transpose(0, 1)
    assert (live.now, live.peak) == (0, 0)


def test_a_result_counts_from_its_birth_to_its_death(numbers):
    with LiveBytes() as live:
        one = numbers + 1
        assert live.now == 4 * KILO
        two = numbers.double()
        assert live.now == 12 * KILO
        del one
        assert live.now == 8 * KILO
        del two
    assert (live.now, live.peak) == (0, 12 * KILO)


def test_a_chain_holds_two_links_at_a_time(numbers):
    with LiveBytes() as live:
        result = ((numbers + 1) * 2).exp()
    assert live.peak == 8 * KILO
    assert live.now == 4 * KILO == result.nbytes


def test_views_and_in_place_results_share_what_is_counted_once(numbers):
    with LiveBytes() as live:
        result = numbers + 1
        result.mul_(3).view(10, 100)[2:5].relu_()
        kept = result[:10]
        del result
        assert live.now == 4 * KILO  # the view keeps the whole storage alive
        del kept
    assert (live.now, live.peak) == (0, 4 * KILO)


def test_a_composite_operation_is_counted_by_its_parts_in_inference_mode():
    left, right = torch.ones(2, 1, 3, 5), torch.ones(1, 4, 5, 6)
    with torch.inference_mode(), LiveBytes() as live:
        result = left @ right  # both sides are copied to 8 matrices first
    copies = 8 * (3 * 5 + 5 * 6)
    assert live.peak == 4 * (copies + 8 * 3 * 6)
    assert live.now == result.nbytes


def test_what_backward_needs_stays_alive(numbers):
    numbers.requires_grad_()
    with LiveBytes() as live:
        result = (numbers + 1).exp().sum()  # exp keeps its result; the sum is one number
        assert live.now == 4 * KILO + 4
        result.backward()
        del result
    assert live.now == 4 * KILO  # the gradient


@pytest.mark.parametrize(("tokens", "width"), [(160, 8), (320, 16)])
def test_dense_attention_holds_its_tokens_projections_logits_and_weights(tokens, width):
    module = DenseAttention(width).requires_grad_(False)
    peak = peak_bytes(module, partial(features, "dense", tokens, training=False, width=width), step, False)
    assert peak == 4 * (4 * tokens * width + 2 * tokens**2)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", TITLES)
def test_counting_on_shapes_equals_counting_on_numbers(name, training):
    module = build(name, 16)
    inputs = features(name, 320, training=training, width=16)
    with LiveBytes() as live:
        step(module, list(module.parameters()), inputs, training)
    counted = peak_bytes(module, partial(features, name, 320, training=training, width=16), step, training)
    assert counted == live.peak > 0


def test_counting_does_not_touch_the_module():
    module = build("kem", 16)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    peak_bytes(module, partial(features, "kem", 160, training=True, width=16), step, True)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(type(parameter) is torch.nn.Parameter for parameter in module.parameters())
