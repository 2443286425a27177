"""Attributions of tiny networks: targets, held picks, and a network that is left as it was."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtlviz.analysis.attribution.baselines import BASELINES, baseline
from mtlviz.analysis.attribution.explain import explain, possible_features, sizes
from mtlviz.analysis.attribution.passes import held_picks, measured_seconds, passes
from mtlviz.analysis.attribution.request import (
    ABLATION,
    GRAD_CAM,
    INTEGRATED,
    METHODS,
    OCCLUSION,
    OF_METHOD,
    SALIENCY,
    SHAPLEY,
    Request,
    curve_cost,
    map_cost,
)
from mtlviz.analysis.attribution.targets import Target, predicted_classes, scalar
from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.engine import Engine
from mtlviz.errors import OptionError
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig, parameter_counts
from mtlviz.models.operations import operation_counts
from mtlviz.tasks import TASKS

NAMES = ("semseg", "depth", "normals", "edge")
INPUT, GRID = (64, 64), (8, 8)
TINY = EncoderConfig(widths=(4, 6, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8)


def engine(interaction="kem", **options):
    torch.manual_seed(0)
    config = NetworkConfig(encoder=TINY, width=8, decoder_widths=(8, 8), interaction=interaction, options=options)
    network = MultiTaskNetwork(config, [TASKS[name] for name in NAMES]).eval().requires_grad_(False)
    card = ModelCard(
        name=interaction, title=interaction, summary="tiny", trained="random", architecture=config,
        tasks=tuple(TASKS[name] for name in NAMES), input_size=INPUT, token_grid=GRID,
        parameters=parameter_counts(network), operations=operation_counts(network, INPUT),
    )  # fmt: skip
    return Engine(network, card)


@pytest.fixture
def sample():
    smooth = np.kron(np.random.default_rng(0).integers(0, 255, (6, 8, 3)), np.ones((8, 8, 1)))
    return Sample(smooth.astype(np.uint8), "blocks")  # 48 x 64: padding above and below


DEPTH = Target("depth", place=(4, 4))


def frozen(engine):
    with engine.alone() as network:
        return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize(("method", "features"), [(method, one) for method in METHODS for one in OF_METHOD[method]])
def test_an_attribution_leaves_the_network_as_it_was_and_keeps_to_its_cost(sample, method, features):
    kem = engine(slots=4)
    before, clean, counted = frozen(kem), kem.run(sample, capture=None).outputs, []
    request = Request(DEPTH, method, features, steps=32, samples=2, parts=6, window=4)
    found = explain(kem, sample, request, counted.append)
    known = sizes(kem.card, found.letterbox)
    assert 0 < sum(counted) <= map_cost(request, known).passes + curve_cost(request, known).passes
    assert np.isfinite(found.scores).all()
    with kem.alone() as network:
        assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
        assert not any(one.requires_grad or one.grad is not None for one in network.parameters())
        assert not any(one._forward_hooks or one._backward_hooks or one._forward_pre_hooks for one in network.modules())
    for name, output in kem.run(sample, capture=None).outputs.items():
        np.testing.assert_array_equal(output, clean[name])


@pytest.mark.parametrize("method", [SALIENCY, INTEGRATED, GRAD_CAM, OCCLUSION])
def test_nothing_is_left_behind_when_a_pass_is_stopped(sample, method):
    kem, left = engine(slots=4), [3]

    def stop(images):
        left[0] -= 1
        if left[0] <= 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain(kem, sample, Request(DEPTH, method), stop)
    with kem.alone() as network:
        assert not any(one._forward_hooks or one._forward_pre_hooks for one in network.modules())
    assert kem.run(sample).outputs


def test_padding_owes_nothing(sample):
    found = explain(engine(slots=4), sample, Request(DEPTH, INTEGRATED, steps=32), tested=False)
    assert not found.pixels[~found.letterbox.inside].any()
    assert (found.segments < 0)[~found.letterbox.inside].all()
    assert found.scores.sum() == pytest.approx(found.pixels.sum())


def test_held_picks_change_nothing_on_the_image_itself_and_stay_on_another(sample):
    kem = engine(slots=4)
    edit, trace = held_picks(kem, sample), kem.run(sample).trace.interaction
    np.testing.assert_array_equal(edit.held[0], trace.picks)
    for name, output in kem.run(sample, edit=edit).outputs.items():
        np.testing.assert_array_equal(output, kem.run(sample).outputs[name])
    other = replace(sample, image=255 - sample.image[::-1])
    assert not np.array_equal(kem.run(other).trace.interaction.picks, trace.picks)
    np.testing.assert_array_equal(kem.run(other, edit=edit).trace.interaction.picks, trace.picks)


def test_integrated_gradients_add_up_with_held_picks_and_the_free_gap_is_told(sample):
    kem = engine(slots=4)
    with kem.alone() as network:  # an interaction that matters, with slots that choose
        network.interaction.residual = 20.0
        network.interaction.write_value.weight.mul_(4)
    found = explain(kem, sample, Request(DEPTH, INTEGRATED, steps=256, baseline="black"), tested=False)
    assert found.path.held
    assert found.path.delta < 0.05
    assert found.path.free > found.path.delta
    assert found.total == pytest.approx(found.difference, rel=0.05)


def test_a_model_that_picks_nothing_holds_nothing(sample):
    for one in (engine("none"), engine("cross_attention"), engine("kem", picks=None), engine("kem", picks=10**4)):
        assert held_picks(one, sample) is None
    found = explain(engine("none"), sample, Request(DEPTH, INTEGRATED, steps=32), tested=False)
    assert not found.path.held
    assert found.path.free is None


def test_sparse_attention_holds_what_every_token_reads(sample):
    sparse = engine("cross_attention", picks=3)
    edit, clean = held_picks(sparse, sample), sparse.run(sample)
    assert len(edit.held) == clean.trace.interaction.layout.tokens
    assert edit.held.shape[1] >= 3
    for name, output in sparse.run(sample, edit=edit).outputs.items():
        np.testing.assert_allclose(output, clean.outputs[name], atol=1e-5)


def test_every_head_holds_its_own_picks(sample):
    heads = engine("kem", slots=4, heads=2)
    edit = held_picks(heads, sample)
    assert edit.held.shape == (2, 4, 3)
    for name, output in heads.run(sample, edit=edit).outputs.items():
        np.testing.assert_array_equal(output, heads.run(sample).outputs[name])


@pytest.mark.parametrize(
    "held", [np.zeros((3, 3), int), np.zeros((4, 0), int), np.full((4, 3), -1), np.full((4, 3), 10**6),
             np.zeros((4, 3)), np.zeros(4, int)], ids=lambda held: f"{held.shape}{held.dtype}",
)  # fmt: skip
def test_held_picks_that_are_none_are_refused(sample, held):
    with pytest.raises(OptionError, match="Held picks"):
        engine(slots=4).run(sample, edit=Edit(held=held))


@pytest.mark.parametrize("held", [np.zeros((3, 3), int), np.full((256, 3), 10**6), np.zeros((256, 3), int)])
def test_held_reading_that_is_none_is_refused(sample, held):
    with pytest.raises(OptionError, match="Held reading"):
        engine("cross_attention", picks=3).run(sample, edit=Edit(held=held))


def test_shapley_values_of_slots_and_of_tasks_add_up(sample):
    kem = engine(slots=8)
    for features in ("slots", "tasks"):
        found = explain(kem, sample, Request(DEPTH, SHAPLEY, features, samples=2), tested=False)
        assert found.total == pytest.approx(found.difference, abs=1e-4)
    assert not found.errors.any()


def test_without_any_slot_or_task_the_interaction_is_off(sample):
    kem = engine(slots=4)
    off = kem.run(sample, capture=None, edit=Edit(residual=0.0))
    for features in ("slots", "tasks"):
        found = explain(kem, sample, Request(DEPTH, ABLATION, features), tested=False)
        row, column = found.scalar.rows[0], found.scalar.columns[0]
        assert found.without == pytest.approx(float(off.outputs["depth"][0, row, column]), abs=1e-5)


def test_models_offer_what_they_have(sample):
    assert possible_features(engine("kem")) == ("pixels", "superpixels", "slots", "tasks")
    assert possible_features(engine("cross_attention")) == ("pixels", "superpixels", "tasks")
    assert possible_features(engine("none")) == ("pixels", "superpixels")
    with pytest.raises(OptionError, match="no slots"):
        explain(engine("none"), sample, Request(DEPTH, ABLATION, "slots"))


def test_a_target_is_the_mean_of_its_place(sample):
    kem = engine()
    run = kem.run(sample, capture=None)
    outputs = {name: torch.from_numpy(out)[None] for name, out in run.outputs.items()}
    whole = scalar(Target("depth", "image"), kem.card, run.outputs, run.letterbox)
    assert float(whole.of(outputs)[0]) == pytest.approx(float(run.outputs["depth"][0][run.letterbox.inside].mean()))
    label = next(iter(predicted_classes(kem.card, "semseg", run.outputs, run.letterbox)))
    region = (run.outputs["semseg"].argmax(0) == label) & run.letterbox.inside
    found = scalar(Target("semseg", "class", label=label), kem.card, run.outputs, run.letterbox)
    assert float(found.of(outputs)[0]) == pytest.approx(float(run.outputs["semseg"][label][region].mean()), rel=1e-5)
    box = scalar(Target("depth", "box", box=(0, 0, 8, 16)), kem.card, run.outputs, run.letterbox)
    assert float(box.of(outputs)[0]) == pytest.approx(float(run.outputs["depth"][0, 8:16, :16].mean()), rel=1e-5)


def test_the_lean_of_a_surface_is_90_degrees_towards_what_it_faces():
    kem, facing = engine(), torch.zeros(1, 3, *INPUT)
    facing[:, 2] = 1
    outputs = {"normals": facing.requires_grad_(True)}
    run = kem.run(Sample(np.zeros((64, 64, 3), np.uint8), "black"), capture=None)
    for axis, degrees in (("camera", 90), ("right", 0), ("up", 0)):
        target = scalar(Target("normals", "image", axis=axis), kem.card, run.outputs, run.letterbox)
        value = target.of(outputs)
        assert float(value.detach()[0]) == pytest.approx(degrees, abs=0.02)
        assert torch.isfinite(torch.autograd.grad(value.sum(), outputs["normals"])[0]).all()


@pytest.mark.parametrize(
    "target",
    [Target("taste"), Target("depth", "nowhere"), Target("depth"), Target("depth", place=(99, 0)),
     Target("depth", "box", box=(5, 5, 5, 9)), Target("depth", "class"), Target("depth", "class", label=99),
     Target("semseg", "image", channel=99), Target("normals", "image", axis="down")],
    ids=str,
)  # fmt: skip
def test_a_target_that_is_not_there_is_refused(sample, target):
    kem = engine()
    run = kem.run(sample, capture=None)
    with pytest.raises(OptionError):
        scalar(target, kem.card, run.outputs, run.letterbox)


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_leaves_the_padding_alone_and_noise_follows_its_seed(sample, name):
    kem = engine()
    way = passes(kem, sample)
    found = baseline(name, way.prepared, kem.card, 1)
    outside = torch.from_numpy(~way.prepared.letterbox.inside)
    assert torch.equal(found[..., outside], way.prepared.image[..., outside])
    assert not torch.equal(found, way.prepared.image)
    assert torch.equal(found, baseline(name, way.prepared, kem.card, 1))
    assert torch.equal(found, baseline(name, way.prepared, kem.card, 2)) == (name != "noise")


def test_an_unknown_baseline_is_refused(sample):
    kem = engine()
    with pytest.raises(OptionError, match="choose one of"):
        baseline("white", passes(kem, sample).prepared, kem.card)


def test_a_pass_has_a_measured_time(sample):
    found = measured_seconds(engine(), sample)
    assert found.forward > 0
    assert found.backward > 0
