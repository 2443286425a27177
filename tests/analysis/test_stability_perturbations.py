"""Perturbations and the tokens that they move."""

import numpy as np
import pytest

from mtlviz.analysis.stability.comparison import clean_selection, compare_change
from mtlviz.analysis.stability.perturbations import GRID as CHANGES
from mtlviz.analysis.stability.perturbations import KINDS, Perturbation, as_seen, perturbed
from mtlviz.analysis.stability.windows import OUTSIDE, Window, pixel_map, token_map
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample
from mtlviz.errors import OptionError
from tests.analysis.brightest import GRID, SIZE, STRIDE, Brightest, spotted

IMAGES = sorted(set(KINDS) - {"weights"})


def picture(height=SIZE[0], width=SIZE[1], seed=0) -> Sample:
    return Sample(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8), "noise")


def strong(kind: str) -> Perturbation:
    about = KINDS[kind]
    return Perturbation(kind, about.low if about.nothing == about.high else about.high)


@pytest.mark.parametrize("kind", IMAGES)
def test_the_strength_that_is_nothing_leaves_every_bit(kind):
    view = perturbed(picture(), Perturbation(kind, KINDS[kind].nothing), 3, (STRIDE, STRIDE))
    assert np.array_equal(view.sample.image, picture().image)
    assert view.window == Window.whole(SIZE)


@pytest.mark.parametrize("kind", IMAGES)
def test_the_seed_fixes_the_copy(kind):
    copies = [perturbed(picture(), strong(kind), seed, (STRIDE, STRIDE)).sample.image for seed in (1, *range(1, 7))]
    assert np.array_equal(copies[0], copies[1])
    assert not np.array_equal(copies[0], picture().image)
    assert kind == "brightness" or any(not np.array_equal(copies[0], copy) for copy in copies)
    assert copies[0].shape == (*SIZE, 3)


def test_noise_has_the_standard_deviation_that_was_asked_for():
    grey = Sample(np.full((128, 160, 3), 128, np.uint8), "grey")
    noisy = perturbed(grey, Perturbation("noise", 0.05), 0).sample.image / 255
    assert noisy.std() == pytest.approx(0.05, rel=0.02)
    assert noisy.mean() == pytest.approx(128 / 255, abs=1e-3)


def test_another_strength_scales_the_same_draw():
    grey = Sample(np.full((64, 80, 3), 128, np.uint8), "grey")
    weak, twice = (perturbed(grey, Perturbation("noise", s), 0).sample.image.astype(int) - 128 for s in (0.05, 0.1))
    assert np.abs(twice - 2 * weak).max() <= 2


def test_brightness_multiplies_and_saturates():
    sample = Sample(np.array([100, 250], np.uint8).repeat(3).reshape(1, 2, 3), "two")
    assert perturbed(sample, Perturbation("brightness", 1.2), 0).sample.image[0, :, 0].tolist() == [120, 255]


@pytest.mark.parametrize(("kind", "strength"), [("fog", 0.1), ("noise", -0.1), ("noise", 3), ("crop", 0)])
def test_unknown_and_impossible_changes_are_refused(kind, strength):
    with pytest.raises(OptionError, match=r"choose one of|goes from"):
        Perturbation(kind, strength)


def test_the_grid_of_the_command_is_possible_and_begins_with_nothing():
    assert CHANGES[0].nothing
    assert len({one.key for one in CHANGES}) == len(CHANGES)


@pytest.mark.parametrize("size", [SIZE, (40, 80), (64, 40), (123, 77)])
def test_the_whole_window_maps_every_token_of_the_image_on_itself(size):
    letterbox = Letterbox(size, SIZE)
    found = token_map(Window.whole(letterbox.box[2:]), letterbox, GRID)
    covered = letterbox.inside.reshape(GRID[0], STRIDE, GRID[1], STRIDE).any((1, 3)).ravel()
    assert np.array_equal(found.common, covered)
    assert np.array_equal(found.original, np.where(covered, np.arange(len(covered)), OUTSIDE))


@pytest.mark.parametrize(("down", "right"), [(1, 0), (0, -2), (-1, 3)])
def test_a_shift_by_whole_tokens_maps_tokens_exactly(down, right):
    letterbox = Letterbox(SIZE, SIZE)
    window = Window(down * STRIDE, right * STRIDE, *map(float, SIZE))
    found = token_map(window, letterbox, GRID)
    rows, columns = np.indices(GRID)
    inside = (rows + down >= 0) & (rows + down < GRID[0]) & (columns + right >= 0) & (columns + right < GRID[1])
    expected = np.where(inside, (rows + down) * GRID[1] + columns + right, OUTSIDE)
    assert np.array_equal(found.original, expected.ravel())
    assert set(np.flatnonzero(found.common)) == set(expected[inside])


def test_an_enlarged_window_maps_every_token_into_it():
    found = token_map(Window(16.0, 24.0, 32.0, 40.0), Letterbox(SIZE, SIZE), GRID)
    rows, columns = np.indices(GRID)
    assert np.array_equal(found.original, ((2 + rows // 2) * GRID[1] + 3 + columns // 2).ravel())
    assert np.array_equal(np.flatnonzero(found.common), np.unique(found.original))


def test_a_token_whose_centre_is_cut_off_counts_on_neither_side():
    found = token_map(Window(16.0, 29.0, 32.0, 40.0), Letterbox(SIZE, SIZE), GRID)
    columns = np.flatnonzero(found.common.reshape(GRID).any(0))
    assert columns.tolist() == [4, 5, 6, 7, 8]
    assert set(found.original) == {OUTSIDE, *np.flatnonzero(found.common)}


def test_pixels_follow_the_window():
    rows, columns = pixel_map(Window(-1.0, 2.0, 4.0, 3.0), (4, 6))
    assert rows.tolist() == [OUTSIDE, 0, 1, 2]
    assert columns.tolist() == [2, 2, 3, 3, 4, 4]


def test_a_photograph_is_brought_to_the_resolution_of_the_network():
    photograph = picture(200, 300)
    seen = as_seen(photograph, SIZE)
    letterbox, again = Letterbox((200, 300), SIZE), Letterbox(seen.size, SIZE)
    assert again.box == letterbox.box
    assert np.array_equal(again.apply(seen.image), letterbox.apply(photograph.image))
    assert as_seen(seen, SIZE) is seen


@pytest.mark.parametrize("seed", range(6))
def test_a_selection_that_moves_along_with_a_shift_keeps_all_its_tokens(seed):
    sample = spotted({0: [(3, 4), (4, 5), (2, 6)], 1: [(5, 3), (4, 4), (3, 3)]})
    clean = clean_selection(Brightest(), sample)
    found = compare_change(clean, Brightest(), Perturbation("shift", 1), seed)
    assert found.overlap.tokens.tolist() == [1.0, 1.0]
    assert np.array_equal(np.sort(found.before.picks), np.sort(found.after.picks))
    np.testing.assert_allclose(found.overlap.retrieved, 1, atol=1e-6)
    assert found.changes["semseg"] == 1.0
    assert found.changes["depth"] == 0.0


def test_tokens_that_left_the_image_count_on_neither_side():
    sample = spotted({0: [(0, 0), (0, 9), (7, 0)], 1: [(3, 3), (4, 4), (4, 6)]})
    clean = clean_selection(Brightest(), sample)
    for seed in range(8):
        found = compare_change(clean, Brightest(), Perturbation("shift", 2), seed)
        shown = set(np.flatnonzero(np.tile(found.tokens.common, 2)))
        assert set(found.before.picks[found.before.picks >= 0]) <= shown
        assert set(found.after.picks[found.after.picks >= 0]) <= shown
        assert found.overlap.tokens[1] == 1.0


def test_an_enlarged_crop_finds_the_spots_that_it_shows():
    sample = spotted({0: [(3, 4), (4, 5), (3, 6)], 1: [(5, 3), (4, 4), (3, 3)]})
    clean = clean_selection(Brightest(), sample)
    found = compare_change(clean, Brightest(), Perturbation("crop", 0.9), 1)
    assert found.overlap.tokens.min() >= 0.5
