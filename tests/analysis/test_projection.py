"""PCA is the PCA of others and never a mirror image; UMAP comes from its seed alone; a process can be stopped."""

import time

import numpy as np
import pytest
from sklearn.decomposition import PCA

from mtlviz.analysis.neighbourhood import map_trustworthiness
from mtlviz.analysis.projection import FEWEST, UmapSettings, pca, umap_points
from mtlviz.analysis.umap_process import UmapDesk, UmapJob, end_process, started_process
from mtlviz.analysis.umap_worker import decoded_array, encoded_array, request
from mtlviz.errors import OptionError


def blobs(count: int = 200, width: int = 12, centres: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features around a few centres, and which centre each belongs to."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % centres
    features = 4 * rng.normal(size=(centres, width))[labels] + rng.normal(size=(count, width))
    return features.astype(np.float32), labels


@pytest.mark.parametrize("axes", [2, 3])
def test_pca_is_that_of_scikit_learn_with_its_signs(axes):
    features, _ = blobs()
    ours, theirs = pca(features, axes), PCA(axes, svd_solver="full").fit(features.astype(np.float64))
    np.testing.assert_allclose(ours.coordinates, theirs.transform(features), atol=1e-5)
    np.testing.assert_allclose(ours.explained, theirs.explained_variance_ratio_, rtol=1e-9)
    assert ours.shown == pytest.approx(theirs.explained_variance_ratio_.sum())


def test_pca_agrees_with_a_singular_value_decomposition():
    features, _ = blobs(count=60, width=5)
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    ours = pca(features, 3)
    np.testing.assert_allclose(np.abs(ours.coordinates), np.abs(left[:, :3] * values[:3]), atol=1e-5)
    np.testing.assert_allclose(ours.explained, values[:3] ** 2 / (values**2).sum(), rtol=1e-10)


def test_the_largest_coefficient_of_every_direction_is_positive():
    features, _ = blobs(seed=3)
    centred = features - features.mean(0)
    for signed in (features, -features, features[::-1]):
        directions = np.linalg.lstsq(signed - signed.mean(0), pca(signed, 3).coordinates, rcond=None)[0]
        assert all(column[np.abs(column).argmax()] > 0 for column in directions.T)
    np.testing.assert_allclose(pca(-features, 2).coordinates, -pca(features, 2).coordinates, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(pca(features, 12).coordinates), np.linalg.norm(centred), rtol=1e-5)


def test_features_that_are_all_alike_have_no_variance_and_no_umap():
    features = np.ones((20, 6), np.float32)
    assert pca(features, 2).explained.tolist() == [0, 0]
    assert not pca(features, 2).coordinates.any()
    with pytest.raises(OptionError, match="nothing to map"):
        umap_points(features, UmapSettings())


@pytest.mark.parametrize(
    ("features", "sentence"),
    [(np.ones((FEWEST - 1, 4)), "at least 8 tokens"), (np.full((20, 4), np.nan), "not finite")],
)
def test_features_without_a_place_are_one_sentence(features, sentence):
    with pytest.raises(OptionError, match=sentence):
        pca(features, 2)


def test_more_axes_than_features_are_refused():
    with pytest.raises(ValueError, match="3 axes asked of 2"):
        pca(np.random.default_rng(0).normal(size=(20, 2)), 3)


def test_umap_is_given_at_most_sixteen_components():
    assert umap_points(blobs(width=40)[0], UmapSettings()).shape == (200, 16)
    assert umap_points(blobs(width=5)[0], UmapSettings()).shape == (200, 5)


def test_the_name_of_a_map_changes_with_its_points_and_its_settings():
    points = umap_points(blobs()[0], UmapSettings())
    names = {
        UmapSettings().digest(points), UmapSettings(seed=1).digest(points), UmapSettings(axes=3).digest(points),
        UmapSettings().digest(points[::-1]),
    }  # fmt: skip
    assert len(names) == 4
    assert UmapSettings().digest(points.copy()) in names


def test_an_array_survives_its_way_through_json():
    array = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    assert np.array_equal(decoded_array(encoded_array(array)), array)


@pytest.mark.slow
def test_umap_with_one_seed_is_one_map_and_keeps_groups_together():
    """The first map compiles; the others follow in the same process."""
    features, labels = blobs(count=120)
    maps, process = {}, started_process()
    try:
        for name, seed in (("first", 0), ("again", 0), ("other", 1)):
            settings = UmapSettings(seed=seed, epochs=60)
            points = umap_points(features, settings)
            job = UmapJob(settings.digest(points))
            job.run_in(process, request(points, settings))
            assert not job.problem
            maps[name] = job.result
    finally:
        end_process(process)
    assert maps["first"].shape == (120, 2)
    assert np.array_equal(maps["first"], maps["again"])
    assert not np.array_equal(maps["first"], maps["other"])
    assert map_trustworthiness(features, maps["first"]) > 0.8
    distances = np.linalg.norm(maps["first"][:, None] - maps["first"][None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(1)] == labels).mean() > 0.95


def test_a_map_that_is_stopped_ends_at_once_and_leaves_nothing_behind():
    desk = UmapDesk()
    settings = UmapSettings()
    points = umap_points(blobs()[0], settings)
    job = desk.start(points, settings)
    time.sleep(0.2)
    assert job.running
    start = time.monotonic()
    job.stop()
    assert not job.running
    assert time.monotonic() - start < 1
    assert job.stopped
    assert job.result is None
    assert desk.found(job.digest) is None
    assert not desk.warm


def test_a_process_that_fails_says_so_in_one_sentence():
    process = started_process()
    try:
        job = UmapJob("none")
        job.run_in(process, request(np.zeros((20, 3), np.float32), UmapSettings(neighbours=-4)))
    finally:
        end_process(process)
    assert job.result is None
    assert "try other tokens" in job.problem


def test_a_process_that_dies_says_so_in_one_sentence():
    process = started_process()
    process.kill()
    job = UmapJob("none")
    job.run_in(process, "{}")
    end_process(process)
    assert "The process that computes UMAP" in job.problem
    assert not job.running
