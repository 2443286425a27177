"""Before and after a change: identity, planted swaps, weight noise, sets and their summary."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mtlviz.analysis.stability.comparison import clean_selection, compare, compare_change
from mtlviz.analysis.stability.names import CLEAN, PAIRED, clean_measures, measure, paired_measures
from mtlviz.analysis.stability.perturbations import GRID as CHANGES
from mtlviz.analysis.stability.perturbations import IDENTITY, KINDS, Perturbation
from mtlviz.analysis.stability.record import ANOTHER, model_record
from mtlviz.analysis.stability.selection import RECORDED, has_slots
from mtlviz.analysis.stability.stored import from_plain
from mtlviz.analysis.stability.summary import stability_summary
from mtlviz.analysis.stability.windows import Window
from mtlviz.checkpoints import ModelCard
from mtlviz.cli.answers import plain
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine
from mtlviz.errors import DataError, OptionError
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS
from tests.analysis.brightest import GRID, Brightest, spotted

TASK_TUPLE = tuple(TASKS.values())


def tiny(interaction: str = "kem", **options: object) -> Engine:
    config = NetworkConfig(
        encoder=EncoderConfig(widths=(8, 8, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8), width=32,
        decoder_widths=(8, 8), interaction=interaction, options=options,
    )  # fmt: skip
    card = ModelCard(
        name=interaction, title="Tiny", summary="A tiny network.", trained="random", architecture=config,
        tasks=TASK_TUPLE, input_size=(64, 96), token_grid=(8, 12), weights_sha256=interaction[0] * 64,
    )  # fmt: skip
    torch.manual_seed(0)
    return Engine(MultiTaskNetwork(config, TASK_TUPLE).eval().requires_grad_(False), card)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return tiny()


def picture(height=64, width=96, seed=0, labelled=False) -> Sample:
    draw = np.random.default_rng(seed)
    image = draw.integers(0, 256, (height, width, 3), np.uint8)
    labels = {"semseg": draw.integers(0, 5, (height, width)).astype(np.uint8)} if labelled else {}
    return Sample(image, f"noise {seed}", labels)


@pytest.mark.parametrize("size", [(64, 96), (50, 96), (200, 123)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_nothing_changes_nothing(engine, kind, size):
    clean = clean_selection(engine, picture(*size))
    nothing = Perturbation(kind, KINDS[kind].nothing)
    other = engine.with_noise(0.0, 5) if kind == "weights" else engine
    found = compare_change(clean, other, nothing, 5)
    assert (found.overlap.tokens == 1).all()
    assert (found.overlap.classes[np.isfinite(found.overlap.classes)] == 1).all()
    for key in ("retrieved", "features", "compared"):
        np.testing.assert_allclose(vars(found.overlap)[key], 1, atol=1e-12)
    for task, change in found.changes.items():
        assert change == measure(f"change:{task}").same


def test_predictions_of_a_task_of_ones_own_have_a_measure_too():
    own = replace(TASKS["saliency"], name="shading", title="Shading")
    for key, one in paired_measures([own]).items():
        assert measure(key, [own]) == one
    with pytest.raises(KeyError):
        measure("change:shading")


def test_the_trace_of_stable_kem_is_read_too():
    clean = clean_selection(tiny("stable_kem", rung="collapse"), picture())
    found = compare_change(clean, tiny("stable_kem", rung="collapse"), IDENTITY, 0)
    assert found.numbers["tokens"] == 1
    assert np.isfinite(clean.chosen.margin).any()


def test_a_model_without_slots_is_refused():
    with pytest.raises(OptionError, match="has no memory slots"):
        clean_selection(tiny("cross_attention"), picture())
    assert [has_slots(name) for name in ("kem", "stable_kem", "none", "cross_attention")] == [True, True, False, False]


def test_a_planted_swap_inside_a_class_keeps_the_classes():
    """One of three spots moves to another token of its class."""
    labels = np.zeros(GRID, int)
    labels[:, 5:] = 1
    places = [(1, 1), (2, 2), (3, 7)]
    before = spotted({0: places, 1: places}, labels)
    clean = clean_selection(Brightest(), before)
    for moved, tokens, classes in (((6, 3), 2 / 4, 1.0), ((6, 8), 2 / 4, 2 / 4)):
        after = spotted({0: [moved, *places[1:]], 1: places})
        found = compare(clean, Brightest().run(after, capture=RECORDED), Window.whole(before.size))
        assert found.overlap.tokens.tolist() == [tokens, 1.0]
        assert found.overlap.classes.tolist() == [classes, 1.0]


def test_classes_come_from_labels_where_there_are_any(engine):
    assert clean_selection(engine, picture(labelled=True)).classes.source == "labels"
    unlabelled = clean_selection(engine, picture())
    assert unlabelled.classes.source == "prediction"
    assert unlabelled.classes.task.name == "semseg"


def test_the_contents_follow_from_the_picks(engine):
    clean = clean_selection(engine, picture())
    trace, features = clean.run.trace.interaction, clean.run.trace.features
    mixed = np.stack([w @ features.before[p] for w, p in zip(trace.weights, trace.picks, strict=True)])
    np.testing.assert_allclose(clean.chosen.contents["features"], mixed, atol=1e-5)
    np.testing.assert_array_equal(clean.chosen.contents["retrieved"], trace.memory_after)


def test_weight_noise_leaves_the_engine_alone_and_can_be_made_again(engine):
    sample = picture()
    before = engine.run(sample).outputs
    noisy, again, other = (engine.with_noise(0.1, seed) for seed in (1, 1, 2))
    runs = [one.run(sample) for one in (noisy, again, other)]
    assert all(np.array_equal(engine.run(sample).outputs[task], before[task]) for task in before)
    assert all(np.array_equal(runs[0].outputs[task], runs[1].outputs[task]) for task in before)
    assert not np.array_equal(runs[0].outputs["depth"], before["depth"])
    assert not np.array_equal(runs[0].outputs["depth"], runs[2].outputs["depth"])
    assert runs[0].provenance.weights_sha256 == runs[1].provenance.weights_sha256 != engine.card.weights_sha256
    assert "weight_noise=0.1, noise_seed=1" in runs[0].provenance.stamp()
    assert runs[0].provenance.edit["noise_on"] == engine.card.weights_sha256


def test_weight_noise_is_a_share_of_each_tensors_own_spread(engine):
    network, noisy = engine._network, engine.with_noise(0.1, 0)._network
    for (name, weight), changed in zip(network.named_parameters(), noisy.parameters(), strict=True):
        spread = float(weight.std(correction=0))
        if weight.numel() > 500 and spread > 0:
            assert float((changed - weight).std()) == pytest.approx(0.1 * spread, rel=0.1), name
        if spread == 0:
            assert torch.equal(changed, weight), name
    for buffer, same in zip(network.buffers(), noisy.buffers(), strict=True):
        assert torch.equal(buffer, same)


def test_weight_noise_below_0_is_refused(engine):
    for sigma in (-0.1, float("nan"), float("inf")):
        with pytest.raises(OptionError, match="Weight noise"):
            engine.with_noise(sigma)


@pytest.fixture(scope="module")
def record(engine):
    return model_record(engine, [picture(seed=seed, labelled=True) for seed in range(4)])


def test_a_record_holds_every_measure_of_every_image_and_change(record):
    assert record.images == 4
    assert set(record.paired) == {change.key for change in CHANGES} | {ANOTHER}
    for columns in record.paired.values():
        assert set(columns) == set(paired_measures(TASK_TUPLE))
        assert all(values.shape == (4,) for values in columns.values())
    assert set(record.clean) == set(clean_measures(TASK_TUPLE))
    assert (record.paired[IDENTITY.key]["tokens"] == 1).all()
    assert record.paired["noise_0.1"]["tokens"].mean() < 1
    assert record.source == "labels"


def test_the_control_compares_neighbours_and_leaves_out_the_first_image(record):
    assert np.isfinite(record.paired[ANOTHER]["tokens"]).tolist() == [False, True, True, True]


def test_a_record_is_made_again_bit_for_bit(engine, record):
    again = model_record(engine, (picture(seed=seed, labelled=True) for seed in range(4)))
    for change, columns in record.paired.items():
        for key, values in columns.items():
            np.testing.assert_array_equal(values, again.paired[change][key])


def test_only_tasks_with_labels_are_scored(record):
    assert np.isfinite(record.clean["score:semseg"]).all()
    assert np.isnan(record.clean["score:depth"]).all()


def test_an_empty_set_is_refused(engine):
    with pytest.raises(DataError, match="holds no image"):
        model_record(engine, [])


def test_a_summary_is_json_and_can_be_read_back(record):
    other = model_record(tiny("stable_kem", rung="normalised"), [picture(seed=s, labelled=True) for s in range(4)])
    made = stability_summary([record, other], CHANGES, 0)
    content = {**made, "data": "x", "device": "cpu", "versions": {}}
    for model in content["models"]:
        model["scores"] = {}
    stored = from_plain(json.loads(json.dumps(plain(content), allow_nan=False)))
    mine = stored.model(record.card.weights_sha256)
    assert mine.stability["noise_0.05"]["tokens"].mean == record.paired["noise_0.05"]["tokens"].mean()
    assert mine.stability[ANOTHER]["tokens"].n == 3
    assert "margin" not in mine.stability[ANOTHER]
    gap = stored.difference("stable_kem", "kem").stability["noise_0.05"]["tokens"]
    turned = stored.difference("kem", "stable_kem").stability["noise_0.05"]["tokens"]
    expected = (other.paired["noise_0.05"]["tokens"] - record.paired["noise_0.05"]["tokens"]).mean()
    assert gap.mean == pytest.approx(expected)
    assert (turned.mean, turned.low, turned.high) == (-gap.mean, -gap.high, -gap.low)
    assert sum(one.token_share for one in mine.classes) == pytest.approx(1)
    assert sum(mine.tasks.values()) == pytest.approx(1)
    assert set(made["measures"]) >= {*PAIRED, *CLEAN}


def test_what_is_not_a_result_is_refused_in_one_sentence():
    with pytest.raises(DataError, match="make it again"):
        from_plain({"images": 3})
