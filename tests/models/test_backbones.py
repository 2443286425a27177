"""Backbones of libraries as encoders: their form, where their weights come from, and what is refused."""

import sys

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from mtlviz.errors import OptionError
from mtlviz.exporting.graph import possible_sizes
from mtlviz.models.backbones import PRESETS, BackboneConfig, BackboneEncoder, build_encoder
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig, parameter_counts
from mtlviz.models.operations import operation_counts
from mtlviz.tasks import TASKS
from mtlviz.trace import Capture
from tests.models.small_backbones import SWIN, TINY, WIDTHS, needs_transformers

NYUD = (TASKS["semseg"], TASKS["depth"])


def encoder(scales=(), **changes):
    torch.manual_seed(0)
    return build_encoder(BackboneConfig(**{**TINY, **changes}), scales).eval()


def image(size=(64, 96), batch=1):
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(0))


@needs_transformers
@pytest.mark.parametrize("stride", [4, 8, 16, 32])
def test_tokens_lie_at_the_stride_asked_for_and_the_skip_at_stride_four(stride):
    shared, skip = encoder(stride=stride)(image(batch=2))
    assert shared.shape == (2, 12, 64 // stride, 96 // stride)
    assert skip.shape == (2, WIDTHS[0], 16, 24)


@needs_transformers
def test_sides_that_are_no_multiples_of_32_are_padded_by_the_backbone():
    shared, skip = encoder()(image((72, 104)))
    assert shared.shape[-2:] == (9, 13)
    assert skip.shape[-2:] == (18, 26)


@needs_transformers
def test_the_stages_are_fused_as_one_convolution_of_their_concatenation():
    swin = encoder()
    with torch.inference_mode():
        fused, _ = swin(image())
        stages = swin.backbone(image())[1:]
        resized = [torch.nn.functional.interpolate(stage, (8, 12), mode="bilinear") for stage in stages]
        weight = torch.cat([lateral.weight for lateral in swin.laterals], 1)
        expected = torch.nn.functional.conv2d(torch.cat(resized, 1), weight, swin.laterals[0].bias)
    torch.testing.assert_close(fused, expected)
    assert sum(p.numel() for p in swin.laterals.parameters()) == (16 + 32 + 64) * 12 + 12


@needs_transformers
@pytest.mark.parametrize(
    ("name", "classifier", "head", "norms"),
    [  # parameters of the published classifiers, of their last layer, and of the norms behind the stages
        ("swin-tiny", 28_288_354, 768 * 1000 + 1000, 2 * (96 + 192 + 384 + 768)),
        ("swin-small", 49_606_258, 768 * 1000 + 1000, 2 * (96 + 192 + 384 + 768)),
        ("resnet-50", 25_557_032, 2048 * 1000 + 1000, 0),
    ],
)
def test_presets_are_the_published_networks_without_their_classifier(name, classifier, head, norms):
    with torch.device("meta"):
        found = BackboneEncoder(BackboneConfig(backbone=name))
    assert sum(p.numel() for p in found.backbone.parameters()) == classifier - head + norms


@needs_transformers
def test_swin_small_maps_1344_channels_to_256_at_stride_8():
    with torch.device("meta"):
        found = BackboneEncoder(BackboneConfig(backbone="swin-small"))
    assert found.skip_width == 96
    assert sum(p.numel() for p in found.laterals.parameters()) == 1344 * 256 + 256


def test_hrnet_18_has_the_branches_of_the_spec():
    pytest.importorskip("timm", reason="needs timm", exc_type=Exception)
    found = build_encoder(BackboneConfig(backbone="hrnet-18", stride=4), (4, 8, 16, 32))
    assert found.scale_widths == (18, 36, 72, 144)
    assert sum(p.numel() for p in found.parameters()) == 3_860_720


@needs_transformers
def test_every_weight_that_may_learn_gets_a_gradient():
    swin = encoder()
    shared, skip = swin(image())
    (shared.sum() + skip.sum()).backward()
    for name, parameter in swin.named_parameters():
        assert parameter.requires_grad == (parameter.grad is not None), name
    idle = {name for name, parameter in swin.named_parameters() if not parameter.requires_grad}
    assert idle == {"backbone.model.swin.layernorm.weight", "backbone.model.swin.layernorm.bias"}


def network(interaction="kem", **changes):
    torch.manual_seed(0)
    config = NetworkConfig.model_validate(
        {"encoder": TINY, "width": 8, "decoder_widths": (8, 8), "interaction": interaction, **changes}
    )
    return MultiTaskNetwork(config, NYUD).eval()


@needs_transformers
def test_a_network_with_a_backbone_predicts_records_and_is_counted_as_any_other():
    found = network()
    outputs, trace, _ = found(image(), capture=Capture(features=True))
    assert outputs["semseg"].shape == (1, NYUD[0].channels, 64, 96)
    assert trace.features.grids["encoder"] == trace.features.grids["task_encoder"] == (8, 12)
    counts, operations = parameter_counts(found), operation_counts(found, (64, 96))
    assert counts["total"] == sum(p.numel() for p in found.parameters())
    first_layer = 16 * 24 * 4 * 4 * 3 * 8  # patches of 4 x 4 pixels
    assert operations["encoder"] > first_layer
    assert operations["total"] == sum(count for part, count in operations.items() if part != "total")


@needs_transformers
def test_an_exported_backbone_keeps_the_size_that_its_windows_follow_from():
    assert [(sizes.batch, sizes.sides) for sizes in possible_sizes(network(), (64, 96))] == [
        (True, False),
        (False, False),
    ]


@needs_transformers
def test_a_card_builds_the_backbone_again_from_its_own_words():
    config = network().config
    assert NetworkConfig.model_validate_json(config.model_dump_json()) == config
    named = BackboneConfig(backbone="swin-small", settings={"drop_path_rate": 0.3}).pinned()
    assert named.settings == PRESETS["swin-small"].settings | {"drop_path_rate": 0.3}
    assert named.pinned() == named


def test_cards_from_before_backbones_still_describe_the_built_in_encoder():
    known = {"encoder": {"widths": [8] * 5, "blocks": [0] * 5, "stages": 5, "out": 8}, "width": 8}
    config = NetworkConfig.model_validate(known)
    assert isinstance(config.encoder, EncoderConfig)
    assert config.pinned() == config
    assert config.token_stride == 8
    assert NetworkConfig().encoder == EncoderConfig()


@pytest.fixture
def published(tmp_path):
    """A folder as a repository of Hugging Face holds it."""
    transformers = pytest.importorskip("transformers", reason="needs transformers")
    torch.manual_seed(7)
    config = transformers.AutoConfig.for_model(**SWIN)
    transformers.AutoBackbone.from_config(config).save_pretrained(tmp_path / "swin")
    return tmp_path / "swin"


def test_pretrained_weights_are_taken_over_when_a_training_asks_for_them(published):
    found = build_encoder(BackboneConfig(backbone=str(published), pretrained=True))
    found.load_pretrained()
    state = found.backbone.model.state_dict()
    there = load_file(published / "model.safetensors")
    shared = sum(tensor.shape in {other.shape for other in there.values()} for tensor in state.values())
    copied = sum(any(torch.equal(tensor, other) for other in there.values()) for tensor in state.values())
    assert copied == shared > 20
    again = build_encoder(BackboneConfig(backbone=str(published)))
    unchanged = {name: tensor.clone() for name, tensor in again.state_dict().items()}
    again.load_pretrained()
    assert all(torch.equal(tensor, unchanged[name]) for name, tensor in again.state_dict().items())


def test_a_pinned_repository_is_not_asked_again(published, tmp_path):
    pinned = BackboneConfig(backbone=str(published), out=12).pinned()
    published.rename(tmp_path / "gone")
    assert pinned.settings["embed_dim"] == 8
    assert build_encoder(pinned)(image())[0].shape == (1, 12, 8, 12)


def test_weights_of_another_network_are_refused(published):
    other = {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 8, 8, 8], "depths": [1, 1, 1, 1]}
    found = build_encoder(BackboneConfig(backbone=str(published), settings=other, pretrained=True))
    with pytest.raises(OptionError, match="they have nothing for"):
        found.load_pretrained()


def test_pickled_weights_are_refused(published):
    (published / "model.safetensors").unlink()
    torch.save({}, published / "pytorch_model.bin")
    found = build_encoder(BackboneConfig(backbone=str(published), pretrained=True))
    with pytest.raises(OptionError, match=r"cannot be had as safetensors \(.*set pretrained: false"):
        found.load_pretrained()


@needs_transformers
def test_what_cannot_be_downloaded_is_said_in_one_sentence(monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OptionError, match="configuration of backbone 'nobody/nothing' cannot be had") as raised:
        build_encoder(BackboneConfig(backbone="nobody/nothing"))
    assert "\n" not in str(raised.value)
    offline = encoder(backbone="nobody/nothing", pretrained=True)
    with pytest.raises(OptionError, match="weights of 'nobody/nothing' cannot be had") as raised:
        offline.load_pretrained()
    assert "\n" not in str(raised.value)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(OptionError, match=r"run pip install transformers, or choose the built-in encoder"):
        encoder()
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(OptionError, match=r"needs the library timm.* and pip install timm"):
        encoder(backbone="hrnet-18", settings={})


@needs_transformers
def test_a_library_that_is_broken_is_named_rather_than_the_settings(monkeypatch):
    import transformers

    def broken(*_, **__):
        raise ModuleNotFoundError("no SwinBackbone. Are its requirements there?") from RuntimeError("no operator nms")

    monkeypatch.setattr(transformers.AutoBackbone, "from_config", broken)
    with pytest.raises(OptionError, match=r"^The library transformers cannot be imported \(no operator nms\); install"):
        encoder()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"backbone": "swin-huge", "settings": {}}, "unknown; choose one of swin-tiny, swin-small"),
        ({"pretrained": True}, "pretrained needs published weights"),
        ({"stride": 2}, "4, 8, 16 or 32"),
        ({"widths": [1]}, "Extra inputs"),
    ],
    ids=str,
)
def test_a_configuration_that_means_nothing_is_refused(changes, sentence):
    with pytest.raises(ValidationError, match=sentence) as raised:
        NetworkConfig.model_validate({"encoder": {**TINY, **changes}})
    assert len(raised.value.errors()) == 1


@needs_transformers
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({**SWIN, "drop_path": 0.3}, "type 'swin' has no setting 'drop_path'"),
        ({**SWIN, "embed_dim": "wide"}, "cannot make a backbone of type 'swin' from these settings"),
        ({"model_type": "nothing"}, "knows no model_type 'nothing'"),
        ({"model_type": "bert"}, "cannot make a backbone of type 'bert'"),
        ({"model_type": "dinov2", "hidden_size": 12, "num_hidden_layers": 4, "num_attention_heads": 1, "image_size": 64,
          "patch_size": 16}, "does not halve its grid from stage to stage"),
    ],
    ids=["unknown field", "wrong type", "unknown type", "no backbone", "no stages"],
)  # fmt: skip
def test_settings_that_make_no_encoder_are_refused_in_one_sentence(settings, sentence):
    with pytest.raises(OptionError, match=sentence) as raised:
        encoder(settings=settings)
    assert "\n" not in str(raised.value)


@needs_transformers
def test_an_image_that_does_not_fit_the_grid_is_refused_with_a_size_that_does():
    with pytest.raises(OptionError, match=r"100 x 133 pixels .* multiples of 8, such as 96 x 136"):
        encoder()(image((100, 133)))
