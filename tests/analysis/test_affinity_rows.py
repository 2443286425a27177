"""A row made on demand is the row of the whole matrix, and planted likenesses show in it."""

import numpy as np
import pytest
import torch

from mtlviz.analysis.affinity.rows import (
    affinity_rows,
    disagreement,
    fused_parts,
    fused_rows,
    group_of,
    pixel_rows,
    position_blocks,
)
from mtlviz.edits import Edit
from mtlviz.trace import INTERACTION, to_arrays
from tests.analysis.affinity_traces import GRID, TASKS, N, case, features, module, padded, same_projections

VARIANTS = [
    {},
    {"fusion": "per_task"},
    {"fusion": "per_task", "own_task": True},
    {"fusion": "mean"},
    {"tied": True},
    {"interleaved": False},
    {"input_norm": True},
    {"similarity": "learned"},
    {"similarity": "rbf", "bandwidth": 0.7},
    {"top": 4},
    {"softmax": True},
]
ALL = np.arange(N)


@pytest.mark.parametrize("mask", [None, padded()], ids=["whole", "padded"])
@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_rows_on_demand_are_rows_of_the_matrices_that_the_module_builds(options, mask):
    made = case(mask, **options)
    some = np.array([7, 12, 5])
    if "top" not in options or mask is None:  # among padding, all alike, any may be kept
        np.testing.assert_allclose(affinity_rows(made.trace, some), made.matrices[:, some], atol=1e-6)
    for group, fused in enumerate(made.fused):
        np.testing.assert_allclose(fused_rows(made.trace, some, group), fused[some], atol=2e-6)
        parts = fused_parts(made.trace, some, group)
        if "softmax" not in options:
            bias = made.trace.bias[group, some][:, None]
            np.testing.assert_allclose(parts.sum(0) + bias, fused[some], atol=2e-6)


@pytest.mark.parametrize("options", [{}, {"fusion": "per_task"}], ids=str)
def test_what_a_task_receives_is_the_row_of_g_over_its_own_values(options):
    """The trace's own Y, which the module computes without ever looking at a row."""
    trace = case(**options).trace
    for index, task in enumerate(TASKS):
        rows = fused_rows(trace, ALL, group_of(trace, task))
        np.testing.assert_allclose(rows @ trace.values[index], trace.attended[index], atol=1e-5)


def test_everything_about_one_position_comes_in_one_record():
    made = case()
    found = pixel_rows(made.trace, 8)
    np.testing.assert_allclose(found.tasks, made.matrices[:, 8], atol=1e-6)
    np.testing.assert_allclose(found.fused, made.fused[0, 8], atol=2e-6)
    np.testing.assert_allclose(found.parts.sum(0) + found.bias, found.fused, atol=2e-6)
    np.testing.assert_allclose(found.disagreement, made.matrices[:, 8].std(0), atol=1e-6)
    assert found.tasks[:, 8] == pytest.approx(1, abs=1e-6)  # everyone is like itself


def test_padding_is_nan_in_the_record_and_in_no_block():
    made = case(padded())
    inside = padded()[0].numpy()
    found = pixel_rows(made.trace, 8)
    for row in (*found.tasks, *found.parts, found.fused, found.disagreement):
        assert np.array_equal(np.isfinite(row), inside)
    blocks = list(position_blocks(made.trace, entries=3 * N * 4))
    assert len(blocks) > 1
    assert np.array_equal(np.concatenate(blocks), np.flatnonzero(inside))


def test_a_silenced_source_adds_nothing():
    interaction, given = module(), features()
    trace = to_arrays(interaction(given, capture=INTERACTION, edit=Edit(silenced=("depth",)))[1])
    parts = fused_parts(trace, np.array([3]))
    assert not parts[1].any()
    assert parts[[0, 2]].any()


def test_two_tasks_with_the_same_features_have_the_same_rows_and_a_third_has_them_moved():
    """The planted case: identical, identical, permuted."""
    moved = torch.randperm(N, generator=torch.Generator().manual_seed(3))
    first = features()["semseg"]
    given = {"semseg": first, "depth": first, "normals": first.flatten(2)[..., moved].reshape(first.shape)}
    made = case(given=given, interaction=same_projections(module()))
    for position in (0, 6, 13):
        found = pixel_rows(made.trace, position)
        np.testing.assert_allclose(found.tasks[0], found.tasks[1], atol=1e-6)
        there = int(moved[position])
        np.testing.assert_allclose(found.tasks[2], affinity_rows(made.trace, np.array([there]))[0, 0][moved], atol=1e-6)
        two = found.tasks[[0, 2]]  # of three values x, x, y the deviation is |x - y| sqrt(2) / 3
        np.testing.assert_allclose(found.disagreement, np.abs(two[0] - two[1]) * 2**0.5 / 3, atol=1e-6)


def test_a_permuted_image_gives_permuted_matrices():
    order = torch.randperm(N, generator=torch.Generator().manual_seed(5))
    plain = features()
    shuffled = {task: one.flatten(2)[..., order].reshape(one.shape) for task, one in plain.items()}
    interaction = module()
    before, after = (
        affinity_rows(case(given=given, interaction=interaction).trace, ALL) for given in (plain, shuffled)
    )
    np.testing.assert_allclose(after, before[:, order][:, :, order], atol=1e-6)


def test_tasks_that_say_the_same_do_not_disagree():
    row = np.random.default_rng(0).normal(size=(1, N))
    assert not disagreement(np.repeat(row, 4, 0)).any()
    opposite = np.concatenate([np.ones((2, N)), -np.ones((2, N))])
    assert disagreement(opposite) == pytest.approx(1)  # the most that cosines allow


def test_the_grid_is_what_the_kernels_run_over():
    """A kernel that looks one to the right gives the row moved one to the left, with nothing at the border."""
    interaction = module(fusion="shared")
    interaction.fusion_weights.zero_()
    interaction.fusion_bias.zero_()
    interaction.fusion_weights[:, 0, 1, 2] = 1
    made = case(interaction=interaction)
    rows = fused_rows(made.trace, ALL).reshape(N, *GRID)
    own = made.matrices[0].reshape(N, *GRID)
    np.testing.assert_allclose(rows[:, :, :-1], own[:, :, 1:], atol=1e-6)
    assert not rows[:, :, -1].any()
