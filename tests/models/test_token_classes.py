"""Labels on the token grid: the same majority vote in torch as in numpy."""

import numpy as np
import pytest
import torch

from mtlviz.analysis import token_labels
from mtlviz.models.token_classes import token_classes
from mtlviz.tasks import IGNORE

H, W, STRIDE = 24, 32, 8


def pixels(classes, seed=0):
    """Blocks of pixels, so that votes are close, with a share of pixels without a label."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.repeat(rng.integers(0, classes, (H // 2, W // 2)), 2, 0), 2, 1).astype(np.uint8)
    labels[rng.random((H, W)) < 0.3] = IGNORE
    labels[:STRIDE, :STRIDE] = IGNORE
    return labels


@pytest.mark.parametrize("classes", [2, 3, 17])
def test_agrees_with_the_vote_that_statistics_use(classes):
    for seed in range(5):
        labels = pixels(classes, seed)
        found = token_classes(torch.from_numpy(labels)[None, None], torch.from_numpy(labels != IGNORE)[None], classes)
        expected = token_labels.token_classes(labels, (0, 0, H, W), (H // STRIDE, W // STRIDE), STRIDE).astype(int)
        expected[expected == token_labels.UNKNOWN] = IGNORE
        assert found.dtype == torch.int64
        assert found[0].tolist() == expected.tolist()
        assert found[0, 0] == IGNORE


def test_a_tie_goes_to_the_lower_class():
    labels = torch.full((1, 1, 8, 8), 5)
    labels[..., :4] = 2
    assert token_classes(labels, torch.ones(1, 8, 8, dtype=torch.bool), 17).tolist() == [[2]]


def test_pixels_that_do_not_count_have_no_vote():
    labels = torch.zeros(2, 1, 8, 16, dtype=torch.uint8)
    labels[:, :, 0, 0] = 3
    valid = torch.zeros(2, 8, 16, dtype=torch.bool)
    valid[0, 0, 0] = True
    assert token_classes(labels, valid, 7).tolist() == [[3, IGNORE], [IGNORE, IGNORE]]
