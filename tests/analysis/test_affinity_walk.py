"""Random walks, what the fusion learned, and what diffusion does: closed forms and identities."""

from dataclasses import replace

import numpy as np
import pytest

from mtlviz.analysis.affinity import walk
from mtlviz.analysis.affinity.effect import diffusion_effect
from mtlviz.analysis.affinity.fusion import (
    fusion_weights,
    neighbour_correlation,
    part_shares,
    positive_share,
    size_participation,
)
from mtlviz.analysis.affinity.rows import pixel_rows
from mtlviz.analysis.affinity.walk import participation, random_walk
from mtlviz.errors import OptionError
from tests.analysis.affinity_traces import GRID, TASKS, N, case, padded


def with_units(units):
    trace = case().trace
    return replace(trace, units=np.repeat(np.asarray(units, np.float32)[None], len(TASKS), 0))


def test_a_walk_between_disconnected_blocks_stays_in_its_own():
    units = np.zeros((N, 6))
    units[:8, 0], units[8:, 1] = 1, 1  # two groups at right angles
    found = random_walk(with_units(units), 0).spread(3, 25)
    np.testing.assert_allclose(found[:8], 1 / 8, atol=1e-6)
    assert not found[8:].any()


def test_negative_affinities_are_no_steps():
    units = np.zeros((N, 6))
    units[:, 0] = np.where(np.arange(N) < 8, 1, -1)
    assert random_walk(with_units(units), 1).spread(3, 1)[:8].sum() == pytest.approx(1)


def test_a_walk_keeps_its_mass_and_comes_to_rest_by_degree():
    made = case()
    found = random_walk(made.trace, 2)
    weights = np.maximum(made.matrices[2], 0)  # the diagonal of ones is a step onto itself
    np.testing.assert_allclose(found.transition, weights / weights.sum(1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(found.rest, weights.sum(1) / weights.sum(), atol=1e-6)
    distances = []
    for steps in (0, 1, 2, 5, 60):
        spread = found.spread(4, steps)
        assert spread.sum() == pytest.approx(1, abs=1e-5)
        distances.append(found.left(spread))
    assert distances == sorted(distances, reverse=True)
    assert distances[0] == pytest.approx(1 - found.rest[4], abs=1e-6)
    assert distances[-1] < 1e-4


def test_steps_are_powers_of_the_transition_matrix():
    found = random_walk(case().trace, 0)
    np.testing.assert_allclose(found.spread(7, 4), np.linalg.matrix_power(found.transition, 4)[7], atol=1e-6)


def test_padding_is_never_visited_and_cannot_be_a_start():
    inside = padded()[0].numpy()
    found = random_walk(case(padded()).trace, 0)
    spread = found.spread(7, 3)
    assert np.array_equal(np.isfinite(spread), inside)
    assert np.nansum(spread) == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="padding"):
        found.spread(0, 1)


def test_a_place_without_features_keeps_its_walker():
    units = np.zeros((N, 6))
    units[1:, 0] = 1
    assert random_walk(with_units(units), 0).spread(0, 9)[0] == 1


def test_a_walk_over_too_many_positions_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(walk, "LARGEST", 10)
    with pytest.raises(OptionError, match="left out above 10 positions"):
        random_walk(case().trace, 0)


def test_participation_counts_even_shares():
    assert participation(np.array([0.25] * 4 + [0.0, np.nan], np.float32)) == pytest.approx(4)


def test_fusion_weights_are_sums_of_the_kernels():
    trace = case(fusion="per_task").trace
    found = fusion_weights(trace, 2)
    np.testing.assert_allclose(found.centre, trace.weights[2, :, :, 1, 1].T)
    np.testing.assert_allclose(found.total, trace.weights[2].sum((-1, -2)).T, atol=1e-6)
    np.testing.assert_allclose(found.share.sum(0), 1, atol=1e-6)
    np.testing.assert_array_equal(found.bias, trace.bias[2])


def test_the_mean_of_the_affinities_listens_to_all_tasks_alike():
    found = fusion_weights(case(fusion="mean").trace)
    np.testing.assert_allclose(found.centre, 1 / len(TASKS))
    np.testing.assert_allclose(found.share, 1 / len(TASKS))
    assert not found.bias.any()


def test_a_task_that_sees_only_itself_takes_all_from_itself():
    trace = case(fusion="per_task", own_task=True).trace
    for task in range(len(TASKS)):
        np.testing.assert_allclose(fusion_weights(trace, task).share[task], 1)
        assert part_shares(pixel_rows(trace, 7, task).parts)[task] == pytest.approx(1)


def test_shares_of_parts_are_shares_of_their_variance():
    parts = np.array([[0, 2, np.nan], [5, 4, np.nan], [1, 1, np.nan]], np.float32)
    np.testing.assert_allclose(part_shares(parts), [0.8, 0.2, 0], atol=1e-7)
    assert not part_shares(np.ones((2, 3), np.float32)).any()


def test_neighbours_correlate_as_they_are_alike(rng):
    down, right = np.indices((12, 10))
    board = (2.0 * ((down + right) % 2) - 1).reshape(1, -1)
    assert neighbour_correlation(board, (12, 10)) == pytest.approx(-1)
    assert neighbour_correlation((down + 5).reshape(1, -1).astype(float), (12, 10)) > 0.9
    assert abs(neighbour_correlation(rng.normal(size=(50, 120)), (12, 10))) < 0.05
    assert np.isnan(neighbour_correlation(np.full((2, 120), 0.3), (12, 10)))


def test_a_signed_row_is_described_by_its_sizes():
    row = np.array([3, -1, 0, 0, np.nan], np.float32)
    assert positive_share(row) == 0.75
    assert size_participation(row) == pytest.approx(16 / 10)
    assert size_participation(np.array([1.0, -1, 1, -1])) == 4
    assert positive_share(np.zeros(3)) == size_participation(np.zeros(3)) == 0


def test_change_is_that_of_the_blend_and_follows_gamma():
    trace = case().trace
    found = diffusion_effect(trace, 1)
    before, after = trace.projected[1], trace.diffused[1]
    expected = np.linalg.norm(after - before, axis=1) / np.linalg.norm(before, axis=1)
    np.testing.assert_allclose(found.change, expected, atol=1e-6)
    np.testing.assert_allclose(diffusion_effect(trace, 1, 0.5).change, expected * 10, rtol=1e-4)
    nothing = diffusion_effect(trace, 1, 0.0)
    assert not nothing.change.any()
    assert np.array_equal(nothing.before, nothing.after)


def test_colours_are_of_the_image_alone():
    found = diffusion_effect(case(padded()).trace, 0)
    inside = padded()[0].numpy()
    for colours in (found.before, found.after):
        assert np.array_equal(np.isfinite(colours).all(1), inside)
        assert colours[inside].min() >= 0
        assert colours[inside].max() <= 1
    assert 0 < found.shown <= 1
    assert GRID[0] * GRID[1] == len(found.change)
