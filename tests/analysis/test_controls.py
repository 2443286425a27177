"""Negative controls: what each takes away, and how much a map resembles another."""

import numpy as np
import pytest
import torch

from mtlviz.analysis.composite import composite_rows
from mtlviz.analysis.controls import (
    CONTROLS,
    THE_MODEL,
    control_edit,
    control_sample,
    likeness_of_spaces,
    map_correlation,
    offered,
    over_slots,
    slot_sources,
    stamped,
)
from mtlviz.analysis.reading import attention_rows
from mtlviz.analysis.routing import slot_routing
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.engine import load
from mtlviz.errors import OptionError
from mtlviz.plots.control_maps import map_values, panel_correlation
from mtlviz.plots.maps import Layer, Panel, cells
from mtlviz.plots.routing_maps import routing_panels
from mtlviz.trace import Capture
from tests.app.conftest import save_tiny_checkpoints

NAMES = ("kem", "skem", "cross_attention", "ctal")


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    folder = save_tiny_checkpoints(tmp_path_factory.mktemp("checkpoints"))
    return {name: load(name, folder=folder, device="cpu") for name in ("none", *NAMES)}


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Blocks of colour of several sizes, so that places differ."""
    rng = np.random.default_rng(3)
    pixels = sum(rng.integers(0, 64, (128 // size, 160 // size, 3)).repeat(size, 0).repeat(size, 1)
                 for size in (32, 16, 8, 4))  # fmt: skip
    return Sample(pixels.astype(np.uint8), "blocks")


def control_run(engine, sample, key, seed=0):
    chosen = engine.with_random_weights(seed) if key == "random weights" else engine
    made = chosen.run(control_sample(key, sample), edit=control_edit(key, engine.card, seed))
    return stamped(made, key, seed)


def inside(run) -> np.ndarray:
    """A map of what the interaction did, as one number a token and source."""
    trace = run.trace.interaction
    if hasattr(trace, "units"):
        return np.asarray(trace.units)[0] @ np.asarray(trace.units)[0].T
    return attention_rows(trace, list(range(trace.layout.tokens)))


def test_a_map_correlates_with_itself_to_one_and_with_its_mirror_image_of_values_to_minus_one(rng):
    values = rng.normal(size=(6, 8))
    assert map_correlation(values, values) == pytest.approx(1)
    assert map_correlation(values, np.exp(values)) == pytest.approx(1)  # only the order counts
    assert map_correlation(values, -values) == pytest.approx(-1)


def test_cells_that_one_map_leaves_out_do_not_count(rng):
    values, other = rng.normal(size=(2, 6, 8))
    holed = values.copy()
    holed[0] = np.nan
    assert map_correlation(holed, other) == pytest.approx(map_correlation(values[1:], other[1:]))


def test_a_map_that_is_the_same_everywhere_has_no_correlation(rng):
    assert np.isnan(map_correlation(np.ones((6, 8)), rng.normal(size=(6, 8))))


def test_a_panel_of_cells_carries_the_numbers_that_it_draws(rng):
    values = rng.normal(size=(6, 8))
    panel = Panel("x", (Layer(np.zeros((6, 8, 3), np.uint8)), cells(values, -1, 1)))
    assert map_values(panel) is values
    assert panel_correlation(panel, panel) == pytest.approx(1)
    assert panel_correlation(panel, Panel("a picture", (Layer(np.zeros((6, 8, 3), np.uint8)),))) is None


def test_slots_of_other_numbers_are_compared_all_together(rng):
    """The same winners under other numbers: unrelated slot by slot, the same map without numbers."""
    won = np.zeros((16, 20, 20))
    won[rng.integers(0, 16, 80), rng.integers(0, 20, 80), np.arange(80) % 20] = rng.random(80)
    one, other = Panel("x", values=won), Panel("x", values=np.roll(won, 7, 2))
    assert abs(panel_correlation(one, other)) < 0.1
    assert panel_correlation(one, other, numbered=False) == pytest.approx(1)
    elsewhere = Panel("x", values=won[rng.permutation(16)][:, rng.permutation(20)])
    assert abs(panel_correlation(one, elsewhere, numbered=False)) < 0.7


def test_blocks_hold_the_mean_over_their_tokens_and_leave_out_padding():
    values = np.ones((6, 8, 3))
    values[:4, :5] = 2
    values[4:, 5:] = np.nan
    values[4, :5] = np.nan
    np.testing.assert_array_equal(over_slots(values), [[6, 3], [3, np.nan]])


def test_spaces_are_alike_up_to_turns_and_differ_from_noise(rng):
    space = rng.normal(size=(300, 6))
    turned = space @ np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert likeness_of_spaces(space, 3 * turned + 1) == pytest.approx(1)
    assert abs(likeness_of_spaces(space, rng.normal(size=(300, 6)))) < 0.15
    assert np.isnan(likeness_of_spaces(space, np.ones((300, 4))))


def test_shuffled_slots_exist_for_models_with_slots_only(engines):
    assert offered(engines["kem"].card) == tuple(CONTROLS)
    for name in ("none", "cross_attention", "ctal"):
        assert offered(engines[name].card) == ("random weights", "permuted tokens", "mean image")
        with pytest.raises(OptionError, match="choose of random weights, permuted tokens, mean image"):
            control_edit("shuffled slots", engines[name].card)


@pytest.mark.parametrize("name", NAMES)
def test_random_weights_change_the_map(engines, sample, name):
    real, drawn = engines[name].run(sample), control_run(engines[name], sample, "random weights", 1)
    assert map_correlation(inside(real), inside(real)) == pytest.approx(1)
    assert abs(map_correlation(inside(drawn), inside(real))) < 0.7


def test_random_weights_come_from_their_seed_and_leave_the_model_and_torch_alone(engines, sample):
    engine = engines["kem"]
    before = engine.run(sample)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, again, other = (engine.with_random_weights(seed) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    assert first.card.weights_sha256 == again.card.weights_sha256 != other.card.weights_sha256
    assert first.card.trained == "random"
    for task, output in engine.run(sample).outputs.items():
        assert np.array_equal(output, before.outputs[task])


def test_features_of_random_weights_are_as_large_as_trained_ones_would_be(engines, sample):
    drawn = engines["kem"].with_random_weights(0).run(sample, capture=Capture(features=True))
    for place, features in drawn.trace.features.places.items():
        assert 0.05 < np.sqrt(np.square(features).mean()) < 20, place


@pytest.mark.parametrize("slots", [2, 3, 20])
def test_no_slot_keeps_its_content_when_slots_are_shuffled(slots):
    for seed in range(5):
        sources = slot_sources(slots, seed)
        assert sorted(sources) == list(range(slots))
        assert not (sources == np.arange(slots)).any()


@pytest.mark.parametrize("name", ["kem", "skem"])
def test_the_trace_of_shuffled_slots_is_what_the_network_then_did(engines, sample, name):
    """Composite rows of the control are A_w P A_r, and what is written follows from the slots as handed out."""
    real, shuffled = engines[name].run(sample), control_run(engines[name], sample, "shuffled slots", 2)
    first, second = real.trace.interaction, shuffled.trace.interaction
    sources = slot_sources(len(first.picks), 2)
    assert np.array_equal(second.picks, first.picks[sources])
    assert np.array_equal(second.write, first.write)
    contents = np.linalg.lstsq(np.asarray(first.write, float), np.asarray(first.written, float), rcond=None)[0]
    again = np.asarray(second.write, float) @ contents[sources]
    np.testing.assert_allclose(again, second.written, atol=1e-3 * np.abs(second.written).max())
    tokens = np.arange(first.layout.tokens)
    assert not np.allclose(composite_rows(first, tokens), composite_rows(second, tokens))


def test_shuffled_slots_leave_the_map_of_readers_alone_and_change_that_of_winners(engines, sample):
    runs = engines["kem"].run(sample), control_run(engines["kem"], sample, "shuffled slots")
    real, shuffled = (slot_routing(run.trace.interaction) for run in runs)
    for show, expected in (("readers", True), ("winners", False)):
        pairs = zip(routing_panels(real, show), routing_panels(shuffled, show), strict=True)
        found = [panel_correlation(*pair) for pair in pairs]
        assert all((value > 0.999) == expected for value in found if not np.isnan(value))


def test_tokens_that_change_places_take_the_map_with_them(engines, sample):
    real, permuted = engines["kem"].run(sample), control_run(engines["kem"], sample, "permuted tokens")
    first, second = (np.sort(np.asarray(run.trace.interaction.write).max(1)) for run in (real, permuted))
    np.testing.assert_allclose(first, second, atol=1e-5)  # the same values
    assert map_correlation(inside(permuted), inside(real)) < 0.7  # at other places


def test_the_mean_image_has_one_colour_and_the_labels_of_the_image(sample):
    changed = control_sample("mean image", sample)
    assert len(np.unique(changed.image.reshape(-1, 3), axis=0)) == 1
    np.testing.assert_allclose(changed.image[0, 0], sample.image.mean((0, 1)), atol=0.5)
    assert changed.labels is sample.labels
    assert control_sample(THE_MODEL, sample) is sample


def test_the_provenance_of_a_control_says_that_it_is_one(engines, sample):
    for key in offered(engines["kem"].card):
        run = control_run(engines["kem"], sample, key, 4)
        assert run.provenance.edit["control"] == key
        assert f"control={key}" in run.provenance.stamp()
        assert run.provenance.edit.get("control_seed") == (4 if CONTROLS[key].seeded else None)
    random = control_run(engines["kem"], sample, "random weights").provenance
    assert random.weights_sha256 != random.edit["in_place_of"] == engines["kem"].card.weights_sha256
    assert "control" not in stamped(engines["kem"].run(sample), THE_MODEL).provenance.edit


def test_a_control_joins_another_edit_and_refuses_one_of_the_same_thing(engines):
    card = engines["kem"].card
    both = control_edit("permuted tokens", card, 0, Edit(residual=0.5))
    assert both.used == {"residual", "permuted"}
    assert control_edit(THE_MODEL, card, 0, Edit(residual=0.5)) == Edit(residual=0.5)
    assert control_edit("mean image", card) is None
    with pytest.raises(OptionError, match="already changes 'swapped'"):
        control_edit("shuffled slots", card, 0, Edit(swapped=((0, 1),)))
