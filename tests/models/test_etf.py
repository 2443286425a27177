"""Simplex ETFs against their closed forms (kem.md 2.4), to 1e-6 and better."""

import math

import pytest
import torch

from mtlviz.errors import OptionError
from mtlviz.models.etf import orthogonal_etfs, orthonormal_basis, simplex_etf

EXACT = {"rtol": 0, "atol": 1e-12}
SIZES = [(2, 2), (2, 16), (7, 16), (16, 16), (17, 16), (40, 256), (256, 256), (257, 256), (2, 1)]


def gram(classes):
    eye, ones = torch.eye(classes, dtype=torch.float64), torch.ones(classes, classes, dtype=torch.float64)
    return (classes * eye - ones) / (classes - 1)


@pytest.mark.parametrize(("classes", "width"), SIZES)
def test_vertices_have_unit_length_and_meet_at_one_angle(classes, width):
    frame = simplex_etf(classes, width)
    assert frame.dtype == torch.float64
    assert frame.shape == (width, classes)
    torch.testing.assert_close(frame.T @ frame, gram(classes), **EXACT)
    torch.testing.assert_close(frame.sum(1), torch.zeros(width, dtype=torch.float64), **EXACT)
    cosines = (frame.T @ frame)[~torch.eye(classes, dtype=torch.bool)]
    expected = torch.full_like(cosines, math.acos(-1 / (classes - 1)))
    torch.testing.assert_close(cosines.clamp(-1, 1).acos(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("classes", "width"), SIZES)
def test_all_singular_values_but_the_missing_direction_are_equal(classes, width):
    values = torch.linalg.svdvals(simplex_etf(classes, width))
    expected = torch.zeros_like(values)
    expected[: classes - 1] = math.sqrt(classes / (classes - 1))
    torch.testing.assert_close(values, expected, **EXACT)


@pytest.mark.parametrize("classes", [2, 7, 16])
def test_up_to_square_the_frame_projects_orthogonally(classes):
    frame = simplex_etf(classes, 16)
    projector = frame @ frame.T * (classes - 1) / classes
    torch.testing.assert_close(projector @ projector, projector, **EXACT)
    torch.testing.assert_close(projector, projector.T, **EXACT)
    assert torch.linalg.matrix_rank(projector) == classes - 1


def test_with_one_class_more_than_dimensions_the_frame_is_tight():
    frame = simplex_etf(17, 16)
    torch.testing.assert_close(frame @ frame.T, 17 / 16 * torch.eye(16, dtype=torch.float64), **EXACT)


def test_frames_of_several_tasks_are_orthogonal_simplex_etfs():
    sizes = [17, 7, 2]
    frames = orthogonal_etfs(sizes, 26)
    joined = torch.cat(frames, 1)
    torch.testing.assert_close(joined.T @ joined, torch.block_diag(*map(gram, sizes)), **EXACT)


def test_a_single_orthogonal_frame_is_the_simplex_etf():
    assert torch.equal(orthogonal_etfs([7], 16, seed=3)[0], simplex_etf(7, 16, seed=3))


def test_the_seed_fixes_the_frame_and_leaves_random_state_alone():
    state = torch.get_rng_state()
    assert torch.equal(simplex_etf(5, 8, seed=1), simplex_etf(5, 8, seed=1))
    assert not torch.allclose(simplex_etf(5, 8, seed=1), simplex_etf(5, 8, seed=2))
    assert torch.equal(torch.get_rng_state(), state)


def test_directions_of_the_basis_are_uniform():
    first = torch.stack([orthonormal_basis(8, 3, seed)[:, 0] for seed in range(400)])
    assert first.mean(0).abs().max() < 4 / math.sqrt(8 * 400)
    torch.testing.assert_close(first.T @ first / 400, torch.eye(8, dtype=torch.float64) / 8, rtol=0, atol=0.03)


@pytest.mark.parametrize(
    ("classes", "width", "sentence"),
    [(1, 8, "at least 2 classes; got 1"), (10, 8, "10 classes needs a width of at least 9; got 8"),
     (2, 0, "width of at least 1; got 0")],
)  # fmt: skip
def test_impossible_frames_are_refused_in_one_sentence(classes, width, sentence):
    with pytest.raises(OptionError, match=sentence):
        simplex_etf(classes, width)


def test_frames_that_do_not_fit_beside_each_other_are_refused():
    with pytest.raises(OptionError, match=r"17 \+ 7 classes need a width of at least 24; got 23"):
        orthogonal_etfs([17, 7], 23)
    with pytest.raises(OptionError, match="at least 2 classes; got frames of 7, 1"):
        orthogonal_etfs([7, 1], 23)
