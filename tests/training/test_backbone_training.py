"""Trainings on backbones and on several scales, and the configurations that state the papers' protocols."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mtlviz.checkpoints import load_checkpoint
from mtlviz.engine import load
from mtlviz.models.backbones import BackboneConfig
from mtlviz.models.initial import INITIAL, initial_predictions
from mtlviz.models.interactions import interaction_config
from mtlviz.models.multitask import parameter_counts
from mtlviz.training import build_network, read_config, train
from mtlviz.training.data import join, normalised, to_batch, training_set
from mtlviz.training.loop import Objective
from mtlviz.training.losses import task_loss
from mtlviz.training.publish import publish
from tests.models.small_backbones import SWIN, TINY, needs_transformers
from tests.training.tiny import tiny_config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
TASKS = ("semseg", "depth", "normals", "edge")
MULTI_SCALE = {
    "task_encoders": "multi_scale", "deep_supervision": True, "interaction": "ctal", "options": {"grid": [8, 16]},
}  # fmt: skip


@needs_transformers
def test_a_training_on_a_backbone_becomes_a_checkpoint_that_needs_no_repository(rooms, tmp_path, monkeypatch):
    import huggingface_hub.constants

    config = tiny_config(rooms, budget=8, network={"encoder": TINY})
    train(config, tmp_path / "run")
    card = publish(tmp_path / "run", "small", tmp_path / "checkpoints")
    assert card.architecture.encoder.settings == SWIN
    assert card.token_grid == (4, 8)
    assert card.parameters["encoder"] > 0 < card.operations["encoder"]
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    network, read = load_checkpoint("small", tmp_path / "checkpoints")
    assert read == card
    kept = load_file(tmp_path / "run" / "weights.safetensors")
    assert all(torch.equal(tensor, kept[name]) for name, tensor in network.state_dict().items())
    run = load("small", folder=tmp_path / "checkpoints").run(training_set(config.data)[0])
    assert run.trace.interaction.layout.grid == (4, 8)


@needs_transformers
def test_a_training_starts_from_published_weights_and_keeps_what_they_were(rooms, tmp_path):
    import transformers

    published = tmp_path / "swin"
    torch.manual_seed(5)
    original = transformers.AutoBackbone.from_config(transformers.AutoConfig.for_model(**SWIN))
    original.save_pretrained(published)
    encoder = {"backbone": str(published), "pretrained": True, "out": 8}
    config = tiny_config(rooms, budget=4, network={"encoder": encoder}, optimiser={"warmup": 0, "rate": 1e-12})
    weights = load_file(train(config, tmp_path / "run"))
    patches, there = next((name, part) for name, part in original.state_dict().items() if part.ndim == 4)
    torch.testing.assert_close(weights[f"encoder.backbone.model.{patches}"], there)
    assert not torch.allclose(build_network(config).state_dict()[f"encoder.backbone.model.{patches}"], there)
    written = json.loads((tmp_path / "run" / "config.json").read_text())["network"]["encoder"]
    assert written["pretrained"]
    assert written["settings"]["embed_dim"] == SWIN["embed_dim"]


def test_the_initial_loss_is_the_mean_over_scales(rooms):
    config = tiny_config(rooms, network=MULTI_SCALE)
    samples = training_set(config.data)
    batch = join([to_batch(samples[index], TASKS) for index in range(2)])
    objective = Objective(build_network(config), config).eval()
    with torch.inference_mode():
        losses = objective(batch)
        outputs, _, _ = objective.network(normalised(batch, config.mean, config.std), initial=True)
    for task in config.task_list():
        found = [
            task_loss(task)(output, batch.labels[task.name], batch.valid[task.name])
            for output in initial_predictions(outputs, task.name)
        ]
        assert len(found) == 4
        torch.testing.assert_close(losses[INITIAL + task.name], torch.stack(found).mean())
    assert list(losses) == [*TASKS, *(INITIAL + task for task in TASKS)]


def test_several_scales_train_at_stride_four_with_padding_and_are_published(rooms, tmp_path):
    config = tiny_config(rooms, budget=16, network=MULTI_SCALE, data={"letterbox": 1.0})
    weights = load_file(train(config, tmp_path / "run"))
    before = build_network(config).state_dict()
    moved = {name.split(".")[0] for name, tensor in weights.items() if not torch.equal(tensor, before[name])}
    assert moved == {"encoder", "task_encoders", "propagation", "interaction", "decoders", "initial"}
    card = publish(tmp_path / "run", "scales", tmp_path / "checkpoints")
    assert card.token_grid == (8, 16)
    network, _ = load_checkpoint("scales", tmp_path / "checkpoints")
    assert parameter_counts(network)["total"] == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*-*ctal.yaml")), ids=lambda path: path.stem)
def test_the_affinities_of_a_configuration_lie_on_its_tokens(path):
    config = read_config(path)
    stride = config.network.token_stride
    grid = interaction_config("ctal", config.network.options).grid
    assert grid == tuple(side // stride for side in config.data.size)


@pytest.mark.parametrize(
    ("name", "backbone", "stride", "places"),
    [
        ("nyud-kem", "swin-small", 8, 4800),
        ("pascal-skem", "swin-small", 8, 4096),
        ("nyuv2-ctal", "hrnet-18", 4, 6912),
        ("nyuv2-mctal", "hrnet-18", 4, 6912),
        ("cityscapes-mctal", "hrnet-18", 4, 2048),
        ("pascal-ctal", "swin-v2-small", 32, 256),
    ],
)
def test_the_papers_configurations_have_the_papers_backbones_and_places(name, backbone, stride, places):
    config = read_config(CONFIGS / f"{name}.yaml")
    encoder = config.network.encoder
    assert isinstance(encoder, BackboneConfig)
    assert (encoder.backbone, encoder.pretrained, config.network.token_stride) == (backbone, True, stride)
    assert config.data.size[0] * config.data.size[1] == places * stride**2


def test_the_multi_scale_protocol_differs_in_the_task_encoders_and_on_cityscapes_in_restarts_only():
    for data in ("nyuv2", "cityscapes"):
        one, several = (read_config(CONFIGS / f"{data}-{name}.yaml") for name in ("ctal", "mctal"))
        other = {"title": True, "summary": True, "network": {"task_encoders", "width"}, "optimiser": {"restart"}}
        assert one.model_dump(exclude=other) == several.model_dump(exclude=other)
        assert (one.network.width, several.network.width) == (256, 18 + 36 + 72 + 144)
        assert one.optimiser.restart is None
        assert (several.optimiser.restart is not None) == (data == "cityscapes")
