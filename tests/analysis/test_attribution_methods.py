"""Attribution methods against closed forms: linear functions, completeness, Shapley's axioms, known curves."""

import numpy as np
import pytest
import torch

from mtlviz.analysis.attribution import methods
from mtlviz.analysis.attribution.curves import curves, leading
from mtlviz.analysis.attribution.games import Game, superpixels, token_segments
from mtlviz.analysis.attribution.path import along, refined
from mtlviz.analysis.attribution.request import (
    METHODS,
    MOST_EXACT,
    NODES,
    OF_METHOD,
    Request,
    Sizes,
    curve_cost,
    map_cost,
)
from mtlviz.analysis.attribution.targets import Target
from mtlviz.data.letterbox import Letterbox
from mtlviz.errors import OptionError

WEIGHTS = torch.randn(1, 3, 6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IMAGE = torch.randn(1, 3, 6, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
BASE = torch.randn(1, 3, 6, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def linear(images):
    return (images * WEIGHTS).sum((1, 2, 3))


def bent(images):
    """Not linear, with a kink on the path."""
    return linear(images).abs() + linear(images).square()


def additive(worth, pairs=None):
    """A game whose value is the sum of what is there, and of pairs that are there together."""
    worth = np.asarray(worth, float)

    def values(coalitions):
        extra = sum(gain * (coalitions[:, i] & coalitions[:, j]) for (i, j), gain in (pairs or {}).items())
        return coalitions @ worth + extra

    return Game(tuple(f"part {index}" for index in range(len(worth))), values)


def test_integrated_gradients_of_a_linear_function_are_weight_times_distance():
    found = refined(linear, IMAGE, BASE, 32)
    torch.testing.assert_close(found.map, (IMAGE - BASE) * WEIGHTS, rtol=1e-5, atol=1e-6)
    assert abs(found.delta) < 1e-5


def test_integrated_gradients_are_complete_and_refine_where_the_function_bends():
    found = refined(bent, IMAGE, BASE, 256)
    assert abs(found.delta) <= 0.01 * abs(found.difference)
    edges = [edge for segment in found.segments for edge in segment]
    assert edges[0] == 0
    assert edges[-1] == 1
    assert edges[1:-1:2] == edges[2::2]
    assert found.steps == NODES * len(found.segments) <= 256


def test_a_jump_on_the_path_leaves_a_gap_that_no_number_of_steps_closes():
    def jumping(images):
        return linear(images) + 50 * (linear(images) > float((linear(IMAGE) + linear(BASE)) / 2))

    gap = 50 * np.sign(float(linear(IMAGE) - linear(BASE)))
    for steps in (32, 256):
        assert refined(jumping, IMAGE, BASE, steps).delta == pytest.approx(-gap, abs=1e-6)


def test_the_same_segments_give_the_same_integral():
    found = refined(bent, IMAGE, BASE, 64)
    again = along(bent, IMAGE, BASE, found.segments)
    torch.testing.assert_close(found.map, again.map)


def test_saliency_of_a_linear_function_is_its_weights_by_brightness():
    deviation = (0.5, 0.25, 2.0)
    expected = (WEIGHTS[0] / torch.tensor(deviation, dtype=torch.float64)[:, None, None]).sum(0)
    np.testing.assert_allclose(methods.saliency(linear, IMAGE, deviation), expected.numpy())


def test_occlusion_of_single_pixels_in_a_linear_function_is_weight_times_distance():
    found = methods.occlusion(linear, IMAGE, BASE, 1, 1)
    np.testing.assert_allclose(found, ((IMAGE - BASE) * WEIGHTS)[0].sum(0).numpy(), atol=1e-6)


def test_ablation_of_an_additive_game_is_what_each_part_is_worth():
    np.testing.assert_allclose(methods.ablation(additive([3, -1, 0.5, 2])), [3, -1, 0.5, 2], atol=1e-6)


@pytest.mark.parametrize("count", [4, MOST_EXACT + 3])
def test_shapley_values_of_an_additive_game_are_what_each_part_is_worth_whatever_the_orders(count):
    worth = np.linspace(-2, 3, count)
    found, errors = methods.shapley(additive(worth), 4, 0)
    np.testing.assert_allclose(found, worth, atol=1e-5)
    np.testing.assert_allclose(errors, 0, atol=1e-5)


@pytest.mark.parametrize("count", [4, MOST_EXACT + 3])
def test_shapley_values_are_efficient(count):
    game = additive(np.arange(count), {(0, 1): 5.0, (1, 3): -2.0})
    found, _ = methods.shapley(game, 6, 3)
    everything, nothing = game.ends()
    assert found.sum() == pytest.approx(everything - nothing, abs=1e-4)


def test_shapley_values_are_symmetric_split_a_pair_in_half_and_give_a_dummy_nothing():
    found, errors = methods.shapley(additive([1, 1, 0, 4], {(0, 1): 6.0}), 2, 0)
    np.testing.assert_allclose(found, [4, 4, 0, 4], atol=1e-5)
    assert not errors.any()


def test_an_order_and_its_reverse_share_a_pair_in_half_exactly():
    worth, count = np.zeros(MOST_EXACT + 2), MOST_EXACT + 2
    found, errors = methods.shapley(additive(worth, {(0, count - 1): 8.0}), 4, 0)
    np.testing.assert_allclose(found[[0, -1]], [4, 4], atol=1e-5)
    np.testing.assert_allclose(errors, 0, atol=1e-5)


def test_random_orders_leave_the_global_seed_alone():
    state = torch.random.get_rng_state()
    methods.shapley(additive(np.arange(9.0)), 4, 0)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_game_asks_only_once_for_a_coalition():
    asked = []
    game = Game(("a", "b"), lambda coalitions: asked.extend(map(tuple, coalitions)) or coalitions.sum(1))
    rows = np.array([[True, False], [True, False], [True, True]])
    assert game(rows).tolist() == [1, 1, 2]
    assert game(rows[:1]).tolist() == [1]
    assert asked == [(True, False), (True, True)]


def test_curves_of_an_additive_game_follow_its_sorted_worth():
    worth = np.array([1.0, 4.0, 2.0, 3.0])
    found = curves(additive(worth), worth)
    np.testing.assert_allclose(found.deletion, [10, 6, 3, 1, 0])
    np.testing.assert_allclose(found.insertion, [0, 4, 7, 9, 10])
    np.testing.assert_allclose(found.shares, [0, 0.25, 0.5, 0.75, 1])
    area = np.trapezoid([0, 0.4, 0.7, 0.9, 1], dx=0.25)
    assert found.score == pytest.approx(2 * area - 1)


def test_a_map_of_equal_parts_scores_zero_and_the_best_order_beats_random_ones():
    assert curves(additive(np.ones(8)), np.zeros(8)).score == pytest.approx(0)
    worth = 2.0 ** np.arange(8)
    best, worst = curves(additive(worth), worth), curves(additive(worth), -worth)
    assert best.score > best.random_scores.max() >= best.random_scores.min() > worst.score


def test_curves_without_a_difference_have_no_score():
    assert np.isnan(curves(additive([0.0, 0.0]), np.array([1.0, 2.0])).score)


def test_tokens_and_superpixels_part_the_image_and_leave_the_padding_out():
    letterbox = Letterbox((48, 96), (64, 64))
    picture = np.random.default_rng(0).random((64, 64, 3))
    for segments in (token_segments(letterbox, 8), superpixels(picture, letterbox, 12)):
        assert ((segments >= 0) == letterbox.inside).all()
        assert set(np.unique(segments[letterbox.inside])) == set(range(segments.max() + 1))


@pytest.mark.parametrize(
    "wrong",
    [{"method": "magic"}, {"method": "saliency", "features": "slots"}, {"baseline": "white"}, {"steps": 8},
     {"samples": 1}, {"parts": 10**6}, {"window": 0}, {"seed": -1}, {"layer": "decoder"}],
    ids=str,
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused_in_one_sentence(wrong):
    with pytest.raises(OptionError, match="Attribution"):
        Request(Target("depth"), **wrong)


def test_the_name_of_an_answer_changes_with_everything_that_changes_it():
    one = Request(Target("depth", place=(1, 2)))
    names = {one.digest("w"), one.digest("v"), Request(Target("depth", place=(1, 3))).digest("w"),
             Request(Target("depth", place=(1, 2)), seed=1).digest("w")}  # fmt: skip
    assert len(names) == 4
    assert one.digest("w") == Request(Target("depth", place=(1, 2))).digest("w")


@pytest.mark.parametrize(("method", "features"), [(method, one) for method in METHODS for one in OF_METHOD[method]])
def test_every_request_has_a_cost(method, features):
    sizes = Sizes((16, 20), 20, 4, True)
    request = Request(Target("depth"), method, features)
    assert 0 < map_cost(request, sizes).passes < 1000
    assert 0 < curve_cost(request, sizes).passes < 120


def test_what_lowers_a_number_that_everything_lowers_counts_as_important():
    worth = np.array([-4.0, 1.0, -2.0, 0.5])
    game = additive(worth)
    found = curves(game, worth * leading(-4.5))
    assert found.score > 0
    assert found.gap == pytest.approx(found.score * abs(found.difference))
    assert found.gap > found.random_gaps.max()
