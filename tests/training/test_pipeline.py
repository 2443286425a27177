import numpy as np
import pytest

from mtlviz.data import geometry
from mtlviz.data.sample import Sample
from mtlviz.errors import DataError
from mtlviz.training.pipeline import PIPELINES, Pipeline, distorted, vary
from mtlviz.training.sources import fitted
from tests.data.sets.scenes import scene

SIZE = (48, 64)
STILL = {"flip": 0.0}


@pytest.fixture
def sample():
    one = scene(3, SIZE)
    labels = {"semseg": one.plane.astype(np.uint8), "depth": one.depth.astype(np.float32),
              "disparity": (1 / one.depth).astype(np.float32), "normals": one.normals.astype(np.float32),
              "edge": one.edge}  # fmt: skip
    return Sample(one.image, "scene", labels, {task: np.ones(SIZE, bool) for task in labels})


@pytest.mark.parametrize("name", PIPELINES)
def test_every_pipeline_gives_the_size_asked_for_and_depends_on_the_generator_alone(sample, name):
    for seed in range(6):
        first, again = (vary(sample, np.random.default_rng(seed), PIPELINES[name], (32, 64)) for _ in range(2))
        assert first.size == (32, 64)
        assert {label.shape[:2] for label in (*first.labels.values(), *first.valid.values())} == {(32, 64)}
        np.testing.assert_array_equal(first.image, again.image)
        np.testing.assert_allclose(np.linalg.norm(first.labels["normals"][first.valid["normals"]], axis=-1), 1, 1e-5)
        counts = first.valid["depth"]
        np.testing.assert_allclose((first.labels["depth"] * first.labels["disparity"])[counts], 1, rtol=1e-5)


def test_nothing_to_vary_leaves_every_bit(sample, rng):
    same = vary(sample, rng, Pipeline(flip=0), SIZE)
    np.testing.assert_array_equal(same.image, sample.image)
    assert all(np.array_equal(same.labels[task], label) for task, label in sample.labels.items())


def test_a_certain_flip_is_the_mirrored_scene(sample, rng):
    mirrored, expected = vary(sample, rng, Pipeline(flip=1), SIZE), geometry.flip(sample)
    assert all(np.array_equal(mirrored.labels[task], label) for task, label in expected.labels.items())


@pytest.mark.parametrize("factor", [0.5, 1.5])
@pytest.mark.parametrize("framing", ["centre", "crop"])
def test_a_factor_divides_depth(sample, rng, factor, framing):
    flat = sample.labels | {"depth": np.full(SIZE, 3, np.float32)}
    varied = vary(Sample(sample.image, "flat", flat), rng, Pipeline(factors=(factor,), framing=framing, flip=0), SIZE)
    counts = varied.valid.get("depth", np.ones(SIZE, bool))
    np.testing.assert_allclose(varied.labels["depth"][counts], 3 / factor)
    assert counts.mean() == (0.25 if factor < 1 else 1)


def test_a_centred_zoom_keeps_the_middle(sample, rng):
    zoomed = vary(sample, rng, Pipeline(factors=(2.0,), flip=0), SIZE)
    middle = sample.labels["semseg"][12:36, 16:48].repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(zoomed.labels["semseg"], middle)


def test_changes_of_colour_have_their_probability(rng):
    image = rng.integers(0, 256, (8, 8, 3), np.uint8)
    np.testing.assert_array_equal(distorted(image, rng, 0), image)
    assert all((distorted(image, rng, 1) != image).any() for _ in range(5))


def test_changes_of_colour_keep_grey_grey(rng):
    grey = np.full((4, 4, 3), 90, np.uint8)
    varied = [distorted(grey, rng, 1) for _ in range(20)]
    assert all((one == one[0, 0, 0]).all() for one in varied)
    assert len({int(one[0, 0, 0]) for one in varied}) > 10


def test_padding_to_evaluate_enters_no_score_and_what_is_too_large_is_named(sample):
    padded = fitted(sample, (64, 96), "pad")
    assert all(mask.sum() == 48 * 64 for mask in padded.valid.values())
    with pytest.raises(DataError, match=r"'scene' has 48x64 pixels and cannot be padded to 32x64; give a larger data"):
        fitted(sample, (32, 64), "pad")
