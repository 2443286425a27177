"""Ground truth on the token grid."""

import numpy as np

from mtlviz.analysis.token_labels import UNKNOWN, token_classes, token_depth_bins


def test_a_token_takes_the_majority_class_of_its_cell() -> None:
    labels = np.zeros((8, 16), np.uint8)
    labels[:, 8:] = 3
    labels[:5, 10:] = 7
    labels[0, 8:] = 255
    np.testing.assert_array_equal(token_classes(labels, (0, 0, 8, 16), (1, 2), 8), [0, 3])


def test_padding_and_unlabelled_cells_are_unknown() -> None:
    labels = np.full((8, 8), 255, np.uint8)
    np.testing.assert_array_equal(token_classes(labels, (0, 0, 8, 8), (1, 1), 8), [UNKNOWN])
    labels[:] = 2
    grid = token_classes(labels, (8, 0, 8, 8), (3, 1), 8)
    np.testing.assert_array_equal(grid, [UNKNOWN, 2, UNKNOWN])


def test_a_large_source_is_sampled_under_the_cells_it_covers() -> None:
    labels = np.repeat(np.repeat(np.arange(6, dtype=np.uint8).reshape(2, 3), 50, 0), 50, 1)  # 100 x 150
    np.testing.assert_array_equal(token_classes(labels, (0, 0, 16, 24), (2, 3), 8), np.arange(6))


def test_depths_within_a_quarter_of_each_other_can_share_a_bin_and_others_cannot() -> None:
    depth = np.repeat(np.array([0.5, 1.0, 1.01, 1.2, 1.6, 3.2], np.float32), 8)[None].repeat(8, 0)
    bins = token_depth_bins(depth, np.ones_like(depth, bool), (0, 0, 8, 48), (1, 6), 8)
    assert bins.min() == 0
    assert bins[1] == bins[2] == bins[3]
    assert len({bins[0], bins[1], bins[4], bins[5]}) == 4


def test_a_token_without_depth_has_no_bin() -> None:
    depth = np.ones((8, 16), np.float32)
    valid = np.ones((8, 16), bool)
    valid[:, 8:] = False
    np.testing.assert_array_equal(token_depth_bins(depth, valid, (0, 0, 8, 16), (1, 2), 8), [0, UNKNOWN])
