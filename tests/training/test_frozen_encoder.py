"""A frozen encoder keeps weights, statistics and features, and gives what it would have given anyway."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtlviz.errors import OptionError
from mtlviz.models.encoders import Encoder, EncoderConfig
from mtlviz.models.frozen_encoder import freeze
from mtlviz.training import train
from mtlviz.training.data import TrainingStream
from mtlviz.training.loop import build_network
from mtlviz.training.sources import training_set
from tests.training.tiny import same_after_kills, tiny_config


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return Encoder(EncoderConfig(widths=(8,) * 5, blocks=(0,) * 5, out=8)).eval()


@pytest.fixture
def start(rooms, tmp_path):
    """Weights that an encoder can start from."""
    network = build_network(tiny_config(rooms, seed=7))
    path = tmp_path / "start.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return path


def test_what_is_remembered_is_what_each_image_alone_gives(encoder):
    images = torch.randn(3, 3, 32, 64)
    plain = [encoder(image[None]) for image in images]
    calls = []
    encoder.stages[0].register_forward_hook(lambda *_: calls.append(1))
    freeze(encoder)
    for order in ([0, 1, 2], [2, 0, 1, 1]):
        for found, of_each in zip(encoder(images[order]), zip(*plain, strict=True), strict=True):
            torch.testing.assert_close(found, torch.cat([of_each[k] for k in order]), rtol=0, atol=0)
    assert len(calls) == 3


def test_no_mode_and_no_gradient_reaches_it(encoder):
    freeze(encoder)
    network = torch.nn.ModuleDict({"encoder": encoder, "head": torch.nn.Conv2d(8, 1, 1)})
    network.train()
    network["head"](encoder(torch.randn(2, 3, 32, 32))[0]).sum().backward()
    assert not any(module.training for module in encoder.modules())
    assert all(parameter.grad is None for parameter in encoder.parameters())
    assert network["head"].weight.grad is not None


def test_a_frozen_training_moves_everything_but_the_encoder(rooms, start, tmp_path):
    config = tiny_config(rooms, encoder=str(start), frozen=True)
    before, after = load_file(start), load_file(train(config, tmp_path / "run"))
    changed = {name.split(".")[0] for name in after if not torch.equal(before[name], after[name])}
    assert changed == {"task_encoders", "interaction", "decoders"}


def test_images_are_not_varied(rooms, start):
    config = tiny_config(rooms, encoder=str(start), frozen=True, data={"letterbox": 1.0})
    samples = training_set(config.data)
    batch = TrainingStream(samples, config)[0]
    assert batch.inside is None
    assert any(torch.equal(batch.images[0], torch.from_numpy(samples[k].image)) for k in range(len(samples)))


def test_a_killed_frozen_training_ends_with_the_same_bits(rooms, start, tmp_path, killed):
    same_after_kills(tiny_config(rooms, encoder=str(start), frozen=True), tmp_path, killed)


def test_frozen_without_an_encoder_is_refused(rooms):
    with pytest.raises(OptionError, match=r"frozen keeps the encoder as it starts; give the encoder"):
        tiny_config(rooms, frozen=True)
