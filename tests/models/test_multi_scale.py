"""Task encoders that start from the encoder's scales: their arithmetic, their size and what reaches whom."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from mtlviz.models.encoders import EncoderConfig, packed, unpacked
from mtlviz.models.initial import INITIAL, initial_predictions
from mtlviz.models.multi_scale import FeaturePropagation, SqueezeExcite
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig, parameter_counts
from mtlviz.models.operations import operation_counts
from mtlviz.tasks import TASKS
from mtlviz.trace import Capture
from tests.models.small_backbones import TINY as TINY_BACKBONE
from tests.models.small_backbones import needs_transformers

NAMES = ("semseg", "depth", "normals")
ENCODER = EncoderConfig(widths=(4, 6, 8, 10, 12), blocks=(0, 0, 0, 0, 0), out=8)
HRNET = EncoderConfig(widths=(8, 18, 36, 72, 144), blocks=(0, 0, 0, 0, 0), out=8)
"""Any encoder with the widths of HRNet-18."""
RELEASED = 3_860_720, {"NYU": 11_149_783, "Cityscapes": 8_474_086}
"""Parameters of the backbone, and of the whole multi-scale CTAL, in the released code (ctal.md 2.1, 6.1)."""


def network(interaction="none", names=NAMES, tasks=None, **changes):
    torch.manual_seed(0)
    values = {
        "encoder": ENCODER, "width": 9, "decoder_widths": (8, 8), "interaction": interaction,
        "task_encoders": "multi_scale", **changes,
    }  # fmt: skip
    return MultiTaskNetwork(NetworkConfig.model_validate(values), tasks or [TASKS[name] for name in names]).eval()


def image(size=(64, 96), batch=1):
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(0))


def classes(count):
    task = TASKS["semseg"]
    names, colours = tuple(map(str, range(count))), ((0, 0, 0),) * count
    return replace(task, channels=count, class_names=names, palette=colours)


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_packed_scales_come_back_as_they_were():
    grids = [(9, 13), (5, 7), (3, 4), (2, 2)]  # halves, rounded up
    scales = [torch.randn(2, width, *grid) for width, grid in zip((3, 1, 4, 2), grids, strict=True)]
    together = packed(scales)
    assert together.shape == (2, 10, 9, 13)
    assert all(torch.equal(one, other) for one, other in zip(unpacked(together, (3, 1, 4, 2)), scales, strict=True))


@pytest.mark.parametrize(
    ("size", "tasks", "grid"),
    [("NYU", (classes(13), TASKS["depth"], TASKS["normals"]), (72, 96)),
     ("Cityscapes", (classes(19), TASKS["depth"]), (32, 64))],
    ids=["NYU", "Cityscapes"],
)  # fmt: skip
def test_parameters_are_those_of_the_released_multi_scale_network(size, tasks, grid):
    options = {"grid": grid, "channels": 128}
    with torch.device("meta"):
        found = network("ctal", tasks=tasks, encoder=HRNET, width=270, options=options, deep_supervision=True)
    count, outputs, n = len(tasks), sum(task.channels for task in tasks), grid[0] * grid[1]
    ctal = count * (270 * 128 + 128 + 9 * 128**2 + 128 + 13 * 128**2 + 4 * 128) + (9 * count + 1) * n  # ctal.md 1.7
    bottleneck = 128 * 32 + 2 * 32 + 9 * 32**2 + 2 * 32 + 32 * 128 + 2 * 128
    heads = count * 2 * bottleneck + 128 * outputs + outputs
    backbone, whole = RELEASED[0], RELEASED[1][size]
    counts = parameter_counts(found)
    assert counts["interaction"] == ctal
    assert counts["initial"] == outputs * (18 + 36 + 72 + 144 + 4)
    assert counts["task_encoders"] + counts["initial"] == whole - backbone - ctal - heads


@pytest.mark.parametrize("width", [36, 8])
def test_a_propagation_is_counted_as_by_hand(width):
    total = 3 * width
    inner, hidden = total // 4, max(1, width // 16)
    into = 9 * total * inner + 9 * inner**2 + total * inner + 3 * 2 * inner  # two convolutions, shortcut, three norms
    within = 2 * 9 * inner**2 + 2 * 2 * inner
    gates = into + within + inner * total + total
    reduce = 9 * total * width + 9 * width**2 + total * width + 3 * 2 * width
    excite = 3 * (2 * width * hidden + hidden + width)
    assert parameters(FeaturePropagation(NAMES, width)) == gates + reduce + excite


def test_gates_are_shares_of_the_tasks_and_equal_where_nothing_tells_them_apart():
    propagation = FeaturePropagation(NAMES, 8).eval()
    nn.init.zeros_(propagation.gates[-1].weight)
    nn.init.zeros_(propagation.gates[-1].bias)
    features = {name: torch.randn(2, 8, 4, 6) for name in NAMES}
    handed_on = propagation(features)
    shared = propagation.reduce(torch.cat([features[name] / 3 for name in NAMES], 1))
    for name in NAMES:
        torch.testing.assert_close(handed_on[name], features[name] + propagation.excite[name](shared))


def test_squeeze_and_excite_scales_channels_by_what_their_means_say():
    block, x = SqueezeExcite(32), torch.randn(2, 32, 4, 6)
    ratio = block(x) / x
    assert torch.all((ratio > 0) & (ratio < 1))
    torch.testing.assert_close(ratio, ratio[..., :1, :1].expand_as(ratio))
    torch.testing.assert_close(block(x.flip(2, 3)), block(x).flip(2, 3))


def test_the_way_from_the_coarsest_scale_to_the_finest_is_that_of_the_spec():
    found = network()
    with torch.inference_mode():
        shared, _ = found.encoder(image())
        scales = unpacked(shared, found.encoder.scale_widths)
        before, kept = found.encoded(shared)
        here, handed_on = {}, None
        for level in (3, 2, 1, 0):
            for name in NAMES:
                given = scales[level]
                if handed_on is not None:
                    up = functional.interpolate(handed_on[name], scale_factor=2, mode="bilinear")
                    given = torch.cat([given, up], 1)
                here[name] = found.task_encoders[name].blocks[level](given)
                torch.testing.assert_close(kept[name][level], here[name])
            handed_on = found.propagation[level - 1](here) if level else None
        for name in NAMES:
            parts = [
                functional.interpolate(scale, scale_factor=2**level, mode="bilinear") if level else scale
                for level, scale in enumerate(kept[name])
            ]
            torch.testing.assert_close(before[name], found.task_encoders[name].fuse(torch.cat(parts, 1)))


def test_tasks_share_on_the_way_down_but_not_at_the_coarsest_scale():
    found = network()
    shared, _ = found.encoder(image())
    _, scales = found.encoded(shared)
    other = list(found.task_encoders["depth"].blocks[3].parameters())
    for level, shares in ((3, False), (2, True), (0, True)):
        gradients = torch.autograd.grad(
            scales["semseg"][level].square().sum(), other, allow_unused=True, retain_graph=True
        )
        assert any(gradient is not None for gradient in gradients) == shares


@pytest.mark.parametrize(("scales", "grid"), [((4, 8, 16, 32), (16, 24)), ((8, 16), (8, 12)), ((16,), (4, 6))])
@pytest.mark.parametrize("interaction", ["kem", "ctal"])
def test_tokens_lie_on_the_finest_of_the_scales(scales, grid, interaction):
    found = network(interaction, scales=scales, options={"grid": grid} if interaction == "ctal" else {})
    outputs, trace, _ = found(image(), capture=Capture(features=True))
    assert found.config.token_stride == scales[0]
    assert trace.interaction.layout.grid == trace.features.grids["encoder"] == grid
    assert outputs["semseg"].shape[-2:] == (64, 96)


def test_the_shared_features_carry_all_that_predictions_depend_on_but_the_skip():
    found = network("kem")
    seen = []
    found.encoder.register_forward_hook(lambda _module, _given, result: seen.append(result))
    outputs, _, _ = found(image().requires_grad_(True))
    gradient, _ = torch.autograd.grad(outputs["depth"].sum(), seen[0])
    by_scale = gradient.split(found.encoder.scale_widths, 1)
    assert all(part.abs().sum() > 0 for part in by_scale)


def test_every_scale_predicts_under_deep_supervision():
    found = network("none", deep_supervision=True)
    with torch.inference_mode():
        outputs, _, _ = found(image(batch=2), initial=True)
    for name in NAMES:
        predictions = initial_predictions(outputs, name)
        assert len(predictions) == 4
        assert all(prediction.shape == outputs[name].shape for prediction in predictions)
    assert sum(name.startswith(INITIAL) for name in outputs) == 12


@needs_transformers
def test_scales_may_be_those_of_a_backbone():
    found = network("kem", encoder=TINY_BACKBONE)
    outputs, _, _ = found(image((60, 100)))  # grids of 15 x 25, 8 x 13, 4 x 7 and 2 x 4
    assert outputs["depth"].shape == (1, 1, 60, 100)
    assert not any("laterals" in name for name in found.state_dict())


def test_what_runs_is_what_is_counted():
    found = network("none")
    counts, operations = parameter_counts(found), operation_counts(found, (64, 96))
    assert counts["total"] == parameters(found)
    assert not list(found.interaction.parameters())
    widths, fine = (6, 8, 10, 12), 16 * 24
    blocks = [
        9 * width * (width + coarser) + 3 * 9 * width**2 + (width * (width + coarser) if coarser else 0)
        for width, coarser in zip(widths, (*widths[1:], 0), strict=True)
    ]
    way = sum(3 * block * fine // 4**level for level, block in enumerate(blocks)) + 3 * sum(widths) * 9 * fine
    for level, width in enumerate(widths[1:], 1):
        total = 3 * width
        inner = total // 4
        gates = 9 * total * inner + 3 * 9 * inner**2 + total * inner + inner * total
        reduce = 9 * total * width + 9 * width**2 + total * width
        way += (gates + reduce) * fine // 4**level + 3 * 2 * width * max(1, width // 16)
    assert operations["task_encoders"] == way


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"scales": (4, 16)}, "neighbouring strides of the encoder, finest first, of 4, 8, 16, 32; got 4, 16"),
        ({"scales": (8, 4)}, "got 8, 4"),
        ({"scales": ()}, "got none"),
        ({"scales": (16, 32), "encoder": {"stages": 4}}, "of 4, 8, 16; got 16, 32"),
        ({"encoder": {**TINY_BACKBONE, "stride": 16}}, "stride 16 is for task_encoders single_scale"),
    ],
    ids=str,
)
def test_scales_that_the_encoder_does_not_have_are_refused(changes, sentence):
    with pytest.raises(ValidationError, match=sentence):
        NetworkConfig.model_validate({"task_encoders": "multi_scale", **changes})
