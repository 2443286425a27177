"""Exact frames have no error, random class means have the known one, and rotations do not matter."""

from dataclasses import astuple

import numpy as np
import pytest

from mtlviz.analysis.etf_chance import chance
from mtlviz.analysis.etf_geometry import (
    class_geometry,
    etf_numbers,
    fitted_vertices,
    frame_faults,
    frame_vertices,
    gram,
    ideal_angle,
    ideal_gram,
    simplex_vertices,
)
from mtlviz.analysis.etf_space import mean_space, vertex_space
from mtlviz.models.etf import simplex_etf

NUMBERS = ("equinorm", "equiangular", "mean_deviation", "max_deviation", "angle_gap", "etf_error")


def exact_frame(classes: int, width: int, seed: int = 0) -> np.ndarray:
    """A simplex ETF by the construction that the networks use, one vertex a row."""
    return simplex_etf(classes, width, seed).T.numpy()


def rotation(width: int, rng) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((width, width)))[0]


@pytest.mark.parametrize(("classes", "width"), [(2, 3), (3, 2), (4, 16), (17, 64), (17, 16)])
def test_an_exact_frame_has_no_error_wherever_it_lies(classes, width, rng):
    means = 3.7 * exact_frame(classes, width) + 100 * rng.standard_normal(width)
    geometry = class_geometry(means)
    for name in NUMBERS:
        assert getattr(geometry.numbers, name) == pytest.approx(0, abs=1e-6), name
    assert geometry.angles == pytest.approx(np.degrees(np.arccos(-1 / (classes - 1))), abs=1e-5)
    assert geometry.norms == pytest.approx(3.7, abs=1e-9)
    assert geometry.cosines == pytest.approx(ideal_gram(classes), abs=1e-9)


@pytest.mark.parametrize(("classes", "angle"), [(2, 180.0), (3, 120.0), (4, 109.4712206), (17, 93.5833)])
def test_the_angle_of_a_frame_is_the_known_one(classes, angle):
    assert ideal_angle(classes) == pytest.approx(angle, abs=1e-4)


def test_orthonormal_means_are_an_exact_frame_from_their_centre():
    assert etf_numbers(class_geometry(np.eye(6, 9)).centred).etf_error == pytest.approx(0, abs=1e-12)


def test_two_classes_are_always_an_exact_frame(rng):
    numbers = class_geometry(rng.standard_normal((2, 8))).numbers
    assert [getattr(numbers, name) for name in NUMBERS] == pytest.approx([0] * len(NUMBERS), abs=1e-6)


def test_a_single_class_has_no_angles(rng):
    with pytest.raises(ValueError, match="at least two classes; got 1"):
        class_geometry(rng.standard_normal((1, 8)))


def test_numbers_do_not_change_when_the_space_is_turned_scaled_and_moved(rng):
    means = rng.standard_normal((7, 12))
    moved = 5 * means @ rotation(12, rng) + rng.standard_normal(12)
    before, after = class_geometry(means).numbers, class_geometry(moved).numbers
    for name in NUMBERS:
        assert getattr(after, name) == pytest.approx(getattr(before, name), abs=1e-9)


def test_numbers_follow_their_definitions(rng):
    centred = class_geometry(rng.standard_normal((5, 9))).centred
    norms = np.sqrt((centred**2).sum(1))
    cosines = np.array([centred[i] @ centred[j] / norms[i] / norms[j] for i in range(5) for j in range(i)])
    numbers = etf_numbers(centred)
    products = centred @ centred.T
    ideal = (np.eye(5) - np.ones((5, 5)) / 5) / 2
    assert numbers.equinorm == pytest.approx(norms.std() / norms.mean())
    assert numbers.equiangular == pytest.approx(cosines.std())
    assert numbers.mean_deviation == pytest.approx(np.abs(cosines + 1 / 4).mean())
    assert numbers.max_deviation == pytest.approx(np.abs(cosines + 1 / 4).max())
    assert numbers.angle_gap == pytest.approx(np.abs(np.degrees(np.arccos(cosines)) - ideal_angle(5)).mean())
    assert numbers.etf_error == pytest.approx(np.linalg.norm(products / np.linalg.norm(products) - ideal))


@pytest.mark.parametrize(("classes", "width"), [(10, 64), (17, 256)])
def test_random_class_means_give_the_known_expectation(classes, width):
    """One cosine is a correlation of E normal pairs that are correlated by -1/(K-1)."""
    found, correlation = chance(classes, width, draws=300), -1 / (classes - 1)
    expected = np.sqrt(2 / (np.pi * width)) * (1 - correlation**2)
    assert found.numbers.mean_deviation == pytest.approx(expected, rel=0.05)
    assert found.numbers.equiangular == pytest.approx((1 - correlation**2) / np.sqrt(width), rel=0.1)
    low, high = found.angles
    assert low < ideal_angle(classes) < high
    assert (high - low) / 2 == pytest.approx(np.degrees(1.645 / np.sqrt(width)), rel=0.1)


def test_chance_is_the_same_every_time_and_small_in_many_dimensions():
    assert chance(5, 12, draws=20) == chance(5, 12, draws=20)
    assert chance(5, 1000, draws=20).vertex_angle < chance(5, 8, draws=20).vertex_angle / 3


def test_a_simplex_in_its_own_coordinates_is_exact():
    for classes in (2, 3, 4, 17):
        vertices = simplex_vertices(classes)
        assert vertices.shape == (classes, classes - 1)
        assert vertices @ vertices.T == pytest.approx(ideal_gram(classes), abs=1e-12)


def test_a_rotated_or_mirrored_frame_has_distance_0_to_its_vertices(rng):
    for turn in (rotation(16, rng), np.diag([-1.0] + [1.0] * 15)):
        lengths = rng.uniform(0.5, 2, (6, 1))  # directions decide alone
        centred = lengths * exact_frame(6, 16) @ turn
        vertices = fitted_vertices(centred)
        assert vertices.fit == "rotation"
        assert vertices.angles(centred) == pytest.approx(0, abs=1e-5)


def test_fitted_vertices_are_an_exact_frame_and_no_rotation_is_nearer(rng):
    centred = class_geometry(rng.standard_normal((6, 16))).centred
    vertices = fitted_vertices(centred)
    assert gram(vertices.directions) == pytest.approx(ideal_gram(6), abs=1e-9)
    directions = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    best = (directions * vertices.directions).sum()
    for _ in range(50):
        other = exact_frame(6, 16) @ rotation(16, rng)
        assert (directions * other).sum() < best


def test_means_on_one_line_are_as_near_to_a_frame_as_two_groups_can_be():
    """Four means with directions s = (-, -, +, +): the best frame leans along s, cos = sqrt(4/3) |s_c| / |s|."""
    centred = np.outer([-3.0, -1.0, 1.0, 3.0], np.eye(8)[2])
    vertices = fitted_vertices(centred)
    assert gram(vertices.directions) == pytest.approx(ideal_gram(4), abs=1e-9), "exact where the rank is 1, not 3"
    assert vertices.angles(centred) == pytest.approx(np.degrees(np.arccos(1 / np.sqrt(3))))


@pytest.mark.parametrize("rank", [2, 3])
def test_directions_that_no_mean_reaches_do_not_touch_the_angles(rank, rng):
    classes, width = 6, 12
    centred = class_geometry(rng.standard_normal((classes, rank)) @ np.eye(rank, width)).centred
    angles = fitted_vertices(centred).angles(centred)
    turned = centred @ rotation(width, rng)
    assert fitted_vertices(turned).angles(turned) == pytest.approx(angles, abs=1e-6)
    nearly = centred + 1e-7 * class_geometry(rng.standard_normal((classes, width))).centred  # of full rank
    assert fitted_vertices(nearly).angles(nearly) == pytest.approx(angles, abs=1e-3)
    directions = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    best = np.linalg.svd(simplex_vertices(classes).T @ directions, compute_uv=False).sum()
    assert np.cos(np.radians(angles)).sum() == pytest.approx(best), "the nuclear norm, which no rotation exceeds"


def test_equal_angles_that_do_not_fit_have_no_vertices(rng):
    assert fitted_vertices(rng.standard_normal((6, 4))) is None
    assert fitted_vertices(rng.standard_normal((6, 5))) is not None


def test_part_of_a_models_frame_is_a_frame_of_fewer_classes():
    present = np.array([0, 3, 5, 6, 9])
    vertices = frame_vertices(exact_frame(17, 64).T, present)
    assert gram(vertices.directions) == pytest.approx(ideal_gram(5), abs=1e-9)


def test_means_on_the_own_frame_are_at_its_vertices_and_swapped_ones_far_away():
    frame, present = exact_frame(7, 32), np.array([1, 2, 4, 6])
    vertices = frame_vertices(frame.T, present)
    centred = class_geometry(2 * frame[present] + 5).centred
    assert vertices.angles(centred) == pytest.approx(0, abs=1e-5)
    assert vertices.angles(centred[[1, 0, 3, 2]]) == pytest.approx(ideal_angle(4), abs=1e-5)


def test_a_frame_has_no_faults_only_if_angles_lengths_and_centre_are_right():
    frame = 7 * exact_frame(5, 8)
    assert astuple(frame_faults(frame)) == pytest.approx((0, 0, 0), abs=1e-6)
    longer = frame_faults(frame * [[1], [1], [1], [1], [1.5]])
    assert longer.lengths == pytest.approx(1.5 / 1.1 - 1), "the mean length is 1.1 times as long"
    assert longer.centre == pytest.approx(0.5 / 5 / 1.1)
    moved = frame_faults(frame + 7 * np.eye(8)[7])
    assert moved.cosines == pytest.approx(0, abs=1e-6), "angles from the centre say nothing of where it is"
    assert moved.centre > 0.5
    assert frame_faults(frame[[1, 1, 2, 3, 4]]).cosines > 1


def test_a_mean_on_the_centre_is_at_right_angles_to_its_vertex():
    vertices = fitted_vertices(exact_frame(3, 4))
    assert vertices.angles(np.zeros((3, 4))) == pytest.approx(90)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_up_to_four_vertices_are_drawn_exactly_and_always_turned_alike(classes, rng):
    frame = exact_frame(9, 20) @ rotation(20, rng)
    centre, tokens = rng.standard_normal(20), rng.standard_normal((30, 20))
    space = vertex_space(frame[:classes], centre + 4 * frame[:classes], centre, tokens)
    drawn = space.place_vertices(frame[:classes])
    assert drawn[:, : classes - 1] == pytest.approx(simplex_vertices(classes), abs=1e-9)
    assert drawn[:, classes - 1 :] == pytest.approx(0, abs=1e-9)
    assert space.place(centre + 4 * frame[:classes]) == pytest.approx(drawn, abs=1e-9)  # means on their vertices
    assert space.share == pytest.approx(1)
    assert space.basis @ space.basis.T == pytest.approx(np.eye(3), abs=1e-9)
    assert (space.exact, space.spanned) == (True, classes - 1)


def test_free_axes_show_where_the_tokens_vary_most(rng):
    frame = np.eye(8)[:2]
    tokens = 0.01 * rng.standard_normal((200, 8))
    tokens[:, 5] += 3 * rng.standard_normal(200)
    space = vertex_space(frame, frame, frame.mean(0), tokens)
    assert abs(space.basis[1, 5]) == pytest.approx(1, abs=1e-3)


def test_what_the_view_keeps_counts_its_free_axes_too(rng):
    frame, means = np.eye(8)[:2], np.zeros((2, 8))
    means[1, :2], means[1, 5] = (-3, 3), 3  # as far along the frame as along the axis that the tokens vary on
    tokens = np.outer(rng.standard_normal(200), np.eye(8)[5])
    assert vertex_space(frame, means, means.mean(0), tokens).share == pytest.approx(1)


def test_a_view_without_tokens_or_room_has_fewer_axes():
    frame = exact_frame(3, 2)
    space = vertex_space(frame, frame, frame.mean(0), np.zeros((0, 2)))
    assert space.place_vertices(frame).shape == (3, 3)
    assert space.place_vertices(frame)[:, 2] == pytest.approx(0)
    with pytest.raises(ValueError, match="2 to 4"):
        vertex_space(exact_frame(5, 9), exact_frame(5, 9), np.zeros(9), np.zeros((0, 9)))


def test_many_classes_are_seen_along_their_principal_directions(rng):
    means = rng.standard_normal((8, 12)) @ np.diag([9, 7, 5, *[0.5] * 9])
    space = mean_space(means, means.mean(0))
    values = np.linalg.svd(means - means.mean(0), compute_uv=False) ** 2
    assert space.share == pytest.approx(values[:3].sum() / values.sum())
    assert not space.exact
    assert space.place(means).mean(0) == pytest.approx(0, abs=1e-9)
