import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from skimage.morphology import thin

from mtlviz.metrics.boundaries import Matcher, boundary_counts, matched_pixels
from mtlviz.metrics.matching import maximum_matching
from mtlviz.metrics.thinning import ridges, thinned


def test_as_many_pairs_as_scipy_finds_and_none_shares_an_end(rng):
    for _ in range(100):
        left, right = rng.integers(1, 40, 2).tolist()
        graph = rng.random((left, right)) < rng.uniform(0.01, 0.15)
        ends = np.nonzero(graph)
        partner = maximum_matching(*ends, rng.random(len(ends[0])), (left, right))
        matched = np.flatnonzero(partner >= 0)
        assert graph[matched, partner[matched]].all()
        assert len(set(partner[matched])) == len(matched)
        assert len(matched) == (maximum_bipartite_matching(csr_array(graph), perm_type="column") >= 0).sum()


def test_a_chain_on_which_the_nearest_choice_is_wrong_is_still_matched_fully():
    count = 200  # left i reaches right i and i + 1; the nearer one is i + 1, which would leave 0 and the last alone
    left = np.repeat(np.arange(count), 2)[:-1]
    right = left + np.tile([0, 1], count)[:-1]
    length = np.where(right > left, 1.0, 2.0)
    assert (maximum_matching(left, right, length, (count, count)) >= 0).all()


def test_thinning_equals_scikit_image(rng):
    for smooth in (0.5, 1, 2, 4):
        field = gaussian_filter(rng.standard_normal((40, 50)), smooth)
        for share in (0.2, 0.5, 0.8):
            mask = field > np.quantile(field, share)
            np.testing.assert_array_equal(thinned(mask), thin(mask))
    full = np.ones((30, 40), bool)
    np.testing.assert_array_equal(thinned(full), thin(full))


@pytest.mark.parametrize("degrees", [0, 30, 45, 75, 90, 140])
def test_the_ridge_of_a_blurred_line_is_the_line(degrees):
    rows, columns = np.indices((64, 64)) - 31.5
    turn = np.radians(degrees)
    distance = rows * np.cos(turn) - columns * np.sin(turn)
    kept = ridges(np.exp(-(distance**2) / 18)) > 0.05
    kept[:4], kept[-4:], kept[:, :4], kept[:, -4:] = False, False, False, False
    assert np.abs(distance[kept]).max() <= 1
    inner = np.zeros_like(kept)
    inner[4:-4, 4:-4] = True
    assert kept.sum() >= (np.abs(distance[inner]) < 0.5).sum() * 0.7


def test_counts_at_a_threshold_are_those_of_its_mask_alone(rng):
    probability, true = gaussian_filter(rng.random((40, 40)), 1), thinned(rng.random((40, 40)) > 0.7)
    steps = np.array([0.4, 0.45, 0.4501, 0.5, 0.55, 0.99])
    matched, drawn = boundary_counts(probability, true, 2.0, steps)
    for step, count, pixels in zip(steps, matched, drawn, strict=True):
        lines = thin(probability >= step)
        assert pixels == lines.sum()
        assert count == matched_pixels(lines, true, 2.0)
    assert matched[-1] == drawn[-1] == 0


def test_a_search_that_begins_with_other_pairs_finds_as_many(rng):
    true = thinned(gaussian_filter(rng.random((60, 60)), 1.5) > 0.5)
    matcher = Matcher(true, 3.0)
    field = gaussian_filter(rng.random((60, 60)), 1.5)
    for share in (0.3, 0.32, 0.6, 0.5, 1.0, 0.4):  # near one another, far apart, empty, back again
        given = thinned(field >= np.quantile(field, share)) & (share < 1)
        assert matcher.count(given) == matched_pixels(given, true, 3.0)
    assert Matcher(np.zeros_like(true), 3.0).count(true) == 0


def test_the_radius_is_inclusive():
    one, two = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    one[1, 1] = two[4, 5] = True  # 5 pixels apart
    assert matched_pixels(one, two, 5.0) == 1
    assert matched_pixels(one, two, 4.999) == 0
