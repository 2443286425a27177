"""Labels on the token grid: a majority vote, against one that is counted cell by cell."""

import numpy as np
import pytest
import torch

from mtlviz.errors import DataError
from mtlviz.models.token_classes import majority, token_classes
from mtlviz.tasks import IGNORE

H, W, STRIDE = 24, 32, 8


def pixels(classes, seed=0):
    """Blocks of pixels, so that votes are close, with a share of pixels without a label."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.repeat(rng.integers(0, classes, (H // 2, W // 2)), 2, 0), 2, 1).astype(np.uint8)
    labels[rng.random((H, W)) < 0.3] = IGNORE
    labels[:STRIDE, :STRIDE] = IGNORE
    return labels


def counted(labels, classes, rows, columns):
    """The same vote, cell by cell."""
    found = []
    for band in np.split(labels, rows):
        for cell in np.split(band, columns, 1):
            votes = np.bincount(cell[cell < classes], minlength=classes)
            found.append(int(votes.argmax()) if votes.any() else IGNORE)
    return found


@pytest.mark.parametrize("classes", [2, 3, 17])
def test_every_token_has_the_class_with_most_votes(classes):
    for seed in range(5):
        labels = pixels(classes, seed)
        found = token_classes(torch.from_numpy(labels)[None, None], torch.from_numpy(labels != IGNORE)[None], classes)
        assert found.dtype == torch.int64
        assert found[0].tolist() == counted(labels, classes, H // STRIDE, W // STRIDE)
        assert found[0, 0] == IGNORE


@pytest.mark.parametrize("grid", [(3, 4), (6, 8), (24, 32), (1, 1)])
def test_any_grid_that_divides_the_image_has_its_own_vote(grid):
    labels = np.stack([pixels(5, seed) for seed in range(3)])
    found = majority(torch.from_numpy(labels), 4, grid)  # class 4 has no vote
    assert found.tolist() == [counted(one, 4, *grid) for one in labels]


def test_a_grid_has_to_divide_the_image():
    with pytest.raises(DataError, match="does not divide images of 16x16"):
        majority(torch.zeros(1, 16, 16, dtype=torch.uint8), 2, (3, 4))


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
