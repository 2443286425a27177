"""Decoders: depth as the exponential of what the last layer says, between ends that the task's unit gives."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from mtlviz.checkpoints import checkpoint_names, load_checkpoint, read_card
from mtlviz.data.sets.class_names import disparity
from mtlviz.models.decoders import Decoder, InitialDecoder, log_range
from mtlviz.tasks import TASKS, Task

WIDTH, SKIP = 6, 5


def decoder(task: Task) -> Decoder:
    return Decoder(task, WIDTH, SKIP, (8, 8)).eval()


def said(task: Task, bias: float) -> float:
    """What a decoder predicts whose last layer says ``bias`` everywhere."""
    made = decoder(task)
    torch.nn.init.zeros_(made.head.weight)
    torch.nn.init.constant_(made.head.bias, bias)
    with torch.inference_mode():
        found = made(torch.randn(1, WIDTH, 4, 4), torch.randn(1, SKIP, 8, 8), (32, 32))
    assert found.min() == found.max()
    return float(found.min())


def test_metres_are_what_they_always_were():
    assert log_range("m") == (-3, 5, math.log(3))
    made = decoder(TASKS["depth"])
    assert torch.equal(made.head.bias, torch.full((4,), math.log(3.0)))
    torch.nn.init.normal_(made.head.weight, std=9)
    tokens, skip = torch.randn(2, WIDTH, 4, 4), torch.randn(2, SKIP, 8, 8)
    with torch.inference_mode():
        features = made.features(tokens, skip)
        logs = functional.interpolate(functional.pixel_shuffle(made.head(features), 2), (32, 32), mode="bilinear")
        assert torch.equal(made(tokens, skip, (32, 32)), logs.clamp(-3, 5).exp())


@pytest.mark.parametrize("name", checkpoint_names())
def test_depth_of_a_shipped_checkpoint_is_in_metres_and_has_not_changed_a_bit(name):
    assert [log_range(task.unit) for task in read_card(name).tasks if task.kind == "depth"] == [(-3, 5, math.log(3))]
    network, _ = load_checkpoint(name)
    made = network.decoder("depth")
    features = torch.randn(1, made.head.in_channels, 8, 8, generator=torch.Generator().manual_seed(0)) * 3
    with torch.inference_mode():
        logs = functional.interpolate(functional.pixel_shuffle(made.head(features), 2), (32, 32), mode="bilinear")
        assert torch.equal(made.predict(features, (32, 32)), logs.clamp(-3, 5).exp())


@pytest.mark.parametrize(
    ("task", "low", "high"),
    [
        (TASKS["depth"], math.exp(-3), math.exp(5)),
        (replace(TASKS["depth"], unit="mm"), 1000 * math.exp(-3), 1000 * math.exp(5)),
        (disparity("1/m"), math.exp(-5), math.exp(3)),
        (disparity("px"), 1 / 256, 256),
        (disparity("inverse depth"), 1e-4, 1),
        (disparity("anything"), 1e-5, 1e5),
    ],
    ids=lambda value: value.unit if isinstance(value, Task) else "",
)
def test_a_decoder_reaches_what_its_unit_needs(task, low, high):
    assert said(task, -99) <= low * (1 + 1e-5)
    assert said(task, 99) >= high * (1 - 1e-5)
    start = math.exp(log_range(task.unit).start)
    assert low <= start <= high
    assert float(decoder(task).head.bias[0].detach().exp()) == pytest.approx(start)
    assert float(InitialDecoder(task, WIDTH).bias.detach().exp()) == pytest.approx(start)


def test_the_inverse_of_metres_is_the_range_of_inverse_metres():
    metres, inverse = log_range("m"), log_range("1/m")
    assert (inverse.low, inverse.high, inverse.start) == (-metres.high, -metres.low, -metres.start)


def test_a_small_disparity_has_a_gradient():
    made = InitialDecoder(disparity("inverse depth"), WIDTH)
    torch.nn.init.constant_(made.bias, math.log(0.001))
    torch.nn.init.zeros_(made.weight)
    made.predict(torch.randn(1, WIDTH, 2, 2), (8, 8)).sum().backward()
    assert (made.bias.grad > 0).all()
