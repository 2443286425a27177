"""Faithfulness: maps against the effects of taking their cells away, on tiny networks."""

import numpy as np
import pytest

from mtlviz.analysis.faithfulness.effects import region_ablations, region_effects
from mtlviz.analysis.faithfulness.image import RECORDED, Foretold, available_kinds, foretold
from mtlviz.analysis.faithfulness.maps import fusion_cells, map_cells, region_cells
from mtlviz.analysis.faithfulness.names import MEASURES
from mtlviz.analysis.faithfulness.record import model_record
from mtlviz.analysis.faithfulness.regions import TOGETHER, ablations, effects_by_region, regions_of
from mtlviz.analysis.faithfulness.stored import from_plain
from mtlviz.analysis.faithfulness.summary import faithfulness_summary
from mtlviz.analysis.lesions.effects import effects_of_edits
from mtlviz.analysis.noise.doses import features_of, task_features
from mtlviz.analysis.reading import attention_rows
from mtlviz.cli.answers import plain
from mtlviz.data.sample import Sample
from mtlviz.engine import load
from mtlviz.errors import DataError
from tests.app.conftest import save_tiny_checkpoints

KINDS = {
    "kem": ("slots", "retrieve", "read", "regions"),
    "cross_attention": ("read", "regions"),
    "ctal": ("fusion", "regions", "diffusion"),
    "none": (),
}


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    folder = save_tiny_checkpoints(tmp_path_factory.mktemp("checkpoints"))
    return {name: load(name, folder=folder, device="cpu") for name in KINDS}


def blocks(seed: int = 3, height: int = 128) -> Sample:
    """Blocks of colour of several sizes, so that places differ."""
    rng = np.random.default_rng(seed)
    pixels = sum(rng.integers(0, 64, (height // size, 160 // size, 3)).repeat(size, 0).repeat(size, 1)
                 for size in (32, 16, 8, 4))  # fmt: skip
    return Sample(pixels.astype(np.uint8), f"blocks {seed}")


@pytest.fixture(scope="module")
def runs(engines):
    return {name: engine.run(blocks(), capture=RECORDED) for name, engine in engines.items()}


def of_cells(weights, effects, random=None) -> Foretold:
    weights, effects = np.atleast_2d(weights).astype(float), np.atleast_2d(effects).astype(float)
    return Foretold("slots", ("a", "b"), weights, effects, effects if random is None else np.atleast_2d(random))


def test_a_map_in_the_order_of_its_effects_has_rank_correlation_one(rng):
    weights = rng.random((2, 20))
    found = of_cells(weights, weights**3, -weights).numbers
    assert found["faithful"] == pytest.approx(1)
    assert found["random"] == pytest.approx(-1)
    assert found["gain"] == pytest.approx(2)
    assert found["alike"] == pytest.approx(-1)
    assert set(found) == set(MEASURES)


def test_shuffled_cells_know_nothing_on_average_and_keep_the_values(rng):
    weights = rng.random((400, 12))
    weights[:, 3] = np.nan
    found = of_cells(weights, weights)
    assert abs(found.numbers["shuffled"]) < 4 / np.sqrt(400 * 10)
    np.testing.assert_array_equal(np.sort(found.shuffled, 1), np.sort(weights, 1))
    assert np.isnan(found.shuffled[:, 3]).all()


def test_a_map_that_is_the_same_everywhere_foretells_nothing():
    assert np.isnan(of_cells(np.ones((2, 8)), np.arange(16.0).reshape(2, 8)).numbers["faithful"])


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_map_of_a_model_has_its_effects(engines, runs, name):
    engine, run = engines[name], runs[name]
    assert available_kinds(run) == KINDS[name]
    found = foretold(engine, engine.with_random_weights(0), run, KINDS[name])
    assert tuple(found) == KINDS[name]
    for one in found.values():
        assert one.weights.shape == one.effects.shape == one.random.shape
        known = np.isfinite(one.weights)
        assert np.array_equal(known, np.isfinite(one.random))
        assert (np.isfinite(one.effects) <= known).all()  # a share of no effect at all does not exist


def test_rows_of_a_region_map_hold_what_rows_of_the_map_hold(engines, runs):
    """Weights into the other tasks' regions are the mass that the rows of the attention have there."""
    run = runs["cross_attention"]
    trace, regions = run.trace.interaction, regions_of(run, run.trace.interaction.layout)
    cells = region_cells(trace, regions)
    np.testing.assert_allclose(np.nansum(cells, 1), 1, atol=1e-5)  # it never reads its own task
    row = attention_rows(trace, np.flatnonzero(regions.of_token == 2)).mean(0)
    own = np.nansum(cells[2].reshape(4, -1)[1, 5])
    per_task = trace.layout.tokens_per_task
    assert own == pytest.approx(row[per_task : 2 * per_task][regions.of_token == 5].sum(), rel=1e-4)


def test_regions_cover_the_tokens_of_the_image_once_and_its_pixels(engines):
    run = engines["kem"].run(blocks(height=64))  # bars above and below
    layout = run.trace.interaction.layout
    regions = regions_of(run, layout)
    valid = layout.valid_tokens()[: layout.tokens_per_task]
    assert np.array_equal(regions.of_token >= 0, valid)
    assert regions.members.sum() == valid.sum()
    assert set(np.unique(regions.of_pixel)) == set(range(len(regions)))
    ones = regions.pooled_pixels(np.ones(run.sample.size))
    np.testing.assert_allclose(ones, 1)


def test_the_mean_effect_over_regions_is_the_effect_of_the_edit(engines, runs):
    """The same definition as everywhere: regions of one size average to the effect over the image."""
    engine, run = engines["kem"], runs["kem"]
    regions = regions_of(run, run.trace.interaction.layout)
    edits = ablations(task_features(features_of(run)), regions)[:3]
    by_region = effects_by_region(engine, regions, edits)
    whole = effects_of_edits(engine, run.sample, edits)
    np.testing.assert_allclose(by_region.mean(1), whole.T, rtol=1e-4, atol=1e-7)


def test_taking_a_region_out_changes_its_features_to_the_mean_of_the_task_and_no_others(engines, runs):
    run = runs["ctal"]
    features, regions = task_features(features_of(run)), regions_of(run, run.trace.interaction.layout)
    edit = ablations(features, regions)[len(regions) + 3]
    (task,) = edit.features
    there = (regions.of_token == 3).reshape(16, 20)
    changed, own = edit.features[task], features[task]
    assert task == run.card.tasks[1].name
    np.testing.assert_array_equal(changed[:, ~there], own[:, ~there])
    np.testing.assert_allclose(changed[:, there], np.repeat(own.mean((1, 2))[:, None], there.sum(), 1), rtol=1e-4)


def test_without_interaction_no_other_task_feels_a_missing_region(engines, runs):
    engine, run = engines["none"], runs["none"]
    regions = regions_of(run, run.trace.features.layout)
    found = region_effects(effects_by_region(engine, regions, region_ablations(run, regions)), regions)["regions"]
    assert np.nanmax(found) == 0


def test_effects_measured_part_by_part_are_those_measured_at_once(engines, runs):
    """What the page measures with a bar and a stop is what the command measures."""
    engine, run = engines["ctal"], runs["ctal"]
    regions = regions_of(run, run.trace.interaction.layout)
    edits, unlearned = region_ablations(run, regions), engine.with_random_weights(0)
    parts = [effects_by_region(engine, regions, edits[start : start + TOGETHER])
             for start in range(0, len(edits), TOGETHER)]  # fmt: skip
    whole = foretold(engine, unlearned, run, ("regions",))
    again = foretold(engine, unlearned, run, ("regions",), by_region=np.concatenate(parts, 2))
    np.testing.assert_allclose(again["regions"].effects, whole["regions"].effects, rtol=1e-5, atol=1e-7)


def test_the_fusion_shares_of_a_target_sum_to_one_with_its_own(runs):
    found = fusion_cells(runs["ctal"].trace.interaction).reshape(4, 4)
    assert np.isnan(np.diag(found)).all()
    assert (np.nansum(found, 1) < 1).all()
    assert (np.nansum(found, 1) > 0).all()


def test_a_map_that_a_model_does_not_have_is_refused(engines, runs):
    run = runs["ctal"]
    with pytest.raises(ValueError, match="no map of kind 'slots'"):
        map_cells(engines["ctal"], run, regions_of(run, run.trace.interaction.layout), "slots")


def test_a_record_is_summed_up_and_read_back(engines):
    samples = [blocks(1), blocks(2)]
    records = [model_record(engines[name], samples) for name in ("kem", "none")]
    content = plain({**faithfulness_summary(records, 0), "data": "blocks", "device": "cpu", "versions": {}})
    found = from_plain(content)
    assert found.images == 2
    assert tuple(found.models[0].kinds) == KINDS["kem"]
    assert not found.models[1].kinds
    for kind in found.models[0].kinds.values():
        values = [value for value in kind.single["faithful"] if value is not None]
        assert kind.numbers["faithful"].mean == pytest.approx(np.mean(values), abs=1e-4)
    assert set(found.models[0].kinds["slots"].by_task) == {"semseg", "depth", "normals", "edge"}
    with pytest.raises(DataError, match="not a result of 'faithfulness'"):
        from_plain({"models": 3})


def test_a_record_of_no_image_is_refused(engines):
    with pytest.raises(DataError, match="holds no image"):
        model_record(engines["kem"], [])
