"""The pooled overview: its blocks, its means, and nothing lost."""

import numpy as np
import pytest

from mtlviz.analysis.affinity.overview import (
    NOWHERE,
    blocks_by_position,
    blocks_by_segment,
    pooled_affinity,
    pooled_fused,
)
from mtlviz.trace import AffinityTrace, TokenLayout
from tests.analysis.affinity_traces import N, case, padded


def trace_of_grid(grid, valid=None) -> AffinityTrace:
    n = grid[0] * grid[1]
    nothing = np.zeros((1, n, 1), np.float32)
    weights, bias = np.zeros((1, n, 1, 3, 3), np.float32), np.zeros((1, n), np.float32)
    layout = TokenLayout(("a",), grid, valid)
    return AffinityTrace(layout, nothing, weights, bias, nothing, nothing, nothing, 0.05)


@pytest.mark.parametrize("options", [{}, {"similarity": "rbf"}, {"top": 5}, {"fusion": "per_task"}], ids=str)
@pytest.mark.parametrize("mask", [None, padded()], ids=["whole", "padded"])
def test_an_overview_holds_the_means_over_its_blocks(options, mask):
    made = case(mask, **options)
    inside = np.ones(N, bool) if mask is None else mask[0].numpy()
    labels = np.arange(N) // 7
    for blocks in (blocks_by_position(made.trace, 6), blocks_by_segment(made.trace, labels, 6)):
        for matrix, pooled in (
            (made.matrices[1], pooled_affinity(made.trace, 1, blocks)),
            (made.fused[-1], pooled_fused(made.trace, len(made.fused) - 1, blocks)),
        ):
            for a, b in np.ndindex(pooled.shape):
                those = matrix[np.ix_(blocks.member == a, blocks.member == b)]
                if "top" not in options or mask is None:
                    assert pooled[a, b] == pytest.approx(those.mean(), abs=1e-5)
            everything = matrix[inside][:, inside].mean()
            assert blocks.weighted_mean(pooled) == pytest.approx(everything, abs=1e-5)


def test_as_many_blocks_as_positions_are_the_matrix_itself():
    made = case()
    blocks = blocks_by_position(made.trace, N)
    assert np.array_equal(blocks.member, np.arange(N))
    np.testing.assert_allclose(pooled_affinity(made.trace, 0, blocks), made.matrices[0], atol=1e-6)


@pytest.mark.parametrize("grid", [(16, 20), (72, 96), (1, 40), (40, 1), (3, 3), (9, 11)], ids=str)
def test_blocks_by_position_are_rectangles_of_nearly_equal_size(grid):
    blocks = blocks_by_position(trace_of_grid(grid))
    sizes = blocks.sizes
    n = grid[0] * grid[1]
    assert sizes.sum() == n
    assert min(32, n) <= len(sizes) <= 64 or n < 32
    assert sizes.max() <= 4 * sizes.min()
    for block in range(len(sizes)):
        rows, columns = np.divmod(np.flatnonzero(blocks.member == block), grid[1])
        assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    firsts = [np.flatnonzero(blocks.member == block)[0] for block in range(len(sizes))]
    assert firsts == sorted(firsts)


def test_padding_belongs_to_no_block():
    valid = np.zeros((16, 20), bool)
    valid[:, 6:13] = True
    trace = trace_of_grid((16, 20), valid.ravel())
    for blocks in (blocks_by_position(trace), blocks_by_segment(trace, np.arange(320) % 3)):
        assert ((blocks.member == NOWHERE) == ~valid.ravel()).all()
        assert blocks.sizes.min() > 0
        assert blocks.sizes.sum() == valid.sum()


def test_a_block_lies_in_one_segment_and_every_segment_is_there():
    labels = np.random.default_rng(0).choice([-1, 2, 5, 9], 320, p=[0.05, 0.01, 0.64, 0.3])
    blocks = blocks_by_segment(trace_of_grid((16, 20)), labels)
    assert len(blocks.segments) == 64
    for block, segment in enumerate(blocks.segments):
        assert set(labels[blocks.member == block]) == {segment}
    assert list(dict.fromkeys(blocks.segments)) == [2, 5, 9, -1]  # in order, what has no label last
    assert (blocks.segments == 5).sum() > (blocks.segments == 9).sum() > (blocks.segments == 2).sum() >= 1


def test_more_segments_than_blocks_have_one_each():
    blocks = blocks_by_segment(trace_of_grid((4, 5)), np.arange(20), most=8)
    assert list(blocks.segments) == list(range(20))
