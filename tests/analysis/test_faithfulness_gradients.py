"""Maps of gradients by region against blurred regions: the attributions of the Attribution page, and a null effect."""

import numpy as np
import pytest

from mtlviz.analysis.attribution.explain import explain
from mtlviz.analysis.attribution.request import INTEGRATED as FULL
from mtlviz.analysis.attribution.request import NODES, START, Request
from mtlviz.analysis.attribution.request import SALIENCY as SLOPES
from mtlviz.analysis.attribution.targets import Target
from mtlviz.analysis.faithfulness.gradients import (
    BY_PIXEL,
    INTEGRATED,
    SALIENCY,
    blurred_effects,
    gradient_kinds,
    gradient_rows,
)
from mtlviz.analysis.faithfulness.image import RECORDED, foretold, layout_of
from mtlviz.analysis.faithfulness.names import KINDS
from mtlviz.analysis.faithfulness.record import model_record
from mtlviz.analysis.faithfulness.regions import regions_of
from mtlviz.data.sample import Sample
from mtlviz.engine import load
from tests.analysis.test_faithfulness import blocks
from tests.app.conftest import save_tiny_checkpoints


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    folder = save_tiny_checkpoints(tmp_path_factory.mktemp("checkpoints"))
    return {name: load(name, folder=folder, device="cpu") for name in ("kem", "none")}


def recorded(engine, sample):
    run = engine.run(sample, capture=RECORDED)
    return run, regions_of(run, layout_of(run))


@pytest.mark.parametrize("height", [128, 64])
def test_a_row_of_saliency_is_the_attribution_pages_map_summed_by_region(engines, height):
    engine, sample = engines["kem"], blocks(height=height)  # the lower one has bars above and below
    run, regions = recorded(engine, sample)
    rows = gradient_rows(engine, sample, regions, SALIENCY)
    for row, task in zip(rows, run.card.tasks, strict=True):
        pixels = explain(engine, sample, Request(Target(task.name, "image"), SLOPES), tested=False).pixels
        sums = [np.abs(pixels)[regions.of_input == region].sum() for region in range(len(regions))]
        np.testing.assert_allclose(row, sums, rtol=1e-5)
    assert np.array_equal(regions.of_input >= 0, run.letterbox.inside)


def test_integrated_gradients_of_few_steps_are_close_to_those_of_the_page(engines):
    engine, sample = engines["none"], blocks()
    _, regions = recorded(engine, sample)
    (row,) = gradient_rows(engine, sample, regions, INTEGRATED, ["depth"])
    pixels = explain(engine, sample, Request(Target("depth", "image"), FULL, steps=NODES * START), tested=False).pixels
    sums = [abs(pixels[regions.of_input == region].sum()) for region in range(len(regions))]
    assert np.corrcoef(row, sums)[0, 1] > 0.99


def test_blurring_what_is_blurred_already_has_exactly_no_effect(engines):
    flat = Sample(np.full((128, 160, 3), 90, np.uint8), "flat")
    run, regions = recorded(engines["kem"], flat)
    assert not blurred_effects(engines["kem"], run, regions).any()


def test_a_network_without_interaction_has_maps_of_gradients_too(engines):
    engine = engines["none"]
    run, _ = recorded(engine, blocks())
    found = foretold(engine, engine.with_random_weights(0), run, gradient_kinds(engine.card))
    assert tuple(found) == BY_PIXEL
    assert found[SALIENCY].weights.shape == found[SALIENCY].effects.shape == found[SALIENCY].random.shape
    assert set(found[SALIENCY].by_task) == {"semseg", "depth", "normals", "edge"}
    assert set(BY_PIXEL) < set(KINDS)


def test_rows_that_are_known_are_not_computed_again(engines):
    engine = engines["none"]
    run, regions = recorded(engine, blocks())
    known = tuple(gradient_rows(one, run.sample, regions, SALIENCY) for one in (engine, engine.with_random_weights(0)))
    again = foretold(engine, engine.with_random_weights(0), run, (SALIENCY,), gradients={SALIENCY: known})[SALIENCY]
    assert again.weights is known[0]
    whole = foretold(engine, engine.with_random_weights(0), run, (SALIENCY,))[SALIENCY]
    np.testing.assert_allclose(again.random, whole.random, rtol=1e-5)


def test_maps_of_gradients_are_recorded_where_they_are_asked_for(engines):
    own = model_record(engines["none"], [blocks()])
    more = model_record(engines["none"], [blocks()], gradients=(SALIENCY,))
    assert not own.numbers
    assert set(more.numbers) == {SALIENCY}
