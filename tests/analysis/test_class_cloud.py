"""Features by class: exact means, a fair sample, pools of many images and their spread."""

from dataclasses import fields
from functools import reduce

import numpy as np
import pytest

from mtlviz.analysis.class_cloud import SAMPLE, ClassCloud, fair_sample, image_cloud, run_clouds
from mtlviz.analysis.class_pool import GROUPS, TURN, ClassPool
from mtlviz.analysis.etf_spread import FEWEST, number_spread
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import IGNORE, TASKS
from mtlviz.trace import PLACES, Capture


def cloud(rng, tokens: int = 40, classes: int = 4, width: int = 5, seed: str = ""):
    labels = rng.integers(-1, classes, tokens).astype(np.int16)
    features = rng.standard_normal((tokens, width)).astype(np.float32)
    return features, labels, image_cloud(features, labels, np.arange(classes), seed=seed)


def test_a_cloud_holds_the_mean_of_every_class(rng):
    features, labels, found = cloud(rng)
    for index, label in enumerate(found.present):
        assert found.means[index] == pytest.approx(features[labels == label].mean(0).astype(float), abs=1e-6)
        assert found.tokens[label] == (labels == label).sum()
    assert found.tokens.sum() == (labels != UNKNOWN).sum()


def test_clouds_pool_to_the_cloud_of_all_images_in_any_order(rng):
    parts = [cloud(rng, 100, seed=str(seed)) for seed in range(5)]
    clouds = [part[2] for part in parts]
    forwards, backwards = clouds[0], clouds[-1]
    for one, other in zip(clouds[1:], clouds[-2::-1], strict=True):
        forwards, backwards = forwards.merge(one), backwards.merge(other)
    features = np.concatenate([part[0] for part in parts])
    labels = np.concatenate([part[1] for part in parts])
    assert forwards.means == pytest.approx(
        np.array([features[labels == label].mean(0) for label in range(4)]).astype(float), abs=1e-6
    )
    assert forwards.images == 5
    assert np.array_equal(forwards.priorities, backwards.priorities)
    assert np.array_equal(forwards.features, backwards.features)
    assert np.bincount(forwards.classes).tolist() == [SAMPLE] * 4
    with pytest.raises(ValueError, match="cannot pool"):
        forwards.merge(cloud(rng, width=6)[2])


def test_a_sample_is_fair(rng):
    """Each of 2 SAMPLE tokens is kept half of the time."""
    labels, features = np.zeros(2 * SAMPLE, np.int16), np.arange(2 * SAMPLE, dtype=np.float32)[:, None]
    kept = np.zeros(2 * SAMPLE)
    for seed in range(200):
        found = image_cloud(features, labels, np.array([2 * SAMPLE]), seed=str(seed))
        kept[found.features[:, 0].astype(int)] += 1
    assert kept.sum() == 200 * SAMPLE
    assert np.abs(kept / 200 - 0.5).max() < 5 * 0.5 / np.sqrt(200)


def test_spread_is_0_between_equal_blocks_and_grows_with_their_differences(rng):
    features, labels, one = cloud(rng, 200)
    same = number_spread([one] * FEWEST)
    assert same.etf_error == pytest.approx(0, abs=1e-12)

    def blocks(noise: float):
        return [image_cloud(features + noise * rng.standard_normal(features.shape).astype(np.float32), labels,
                            np.arange(4), seed=str(seed)) for seed in range(8)]  # fmt: skip

    assert number_spread(blocks(0.1)).etf_error < number_spread(blocks(2.0)).etf_error
    assert number_spread([one] * (FEWEST - 1)) is None


def held_bytes(pool: ClassPool) -> int:
    """Memory of all arrays of a pool."""
    clouds = [cloud for part in (pool.whole, *pool.groups) for cloud in part.values()]
    arrays = [getattr(cloud, field.name) for cloud in clouds for field in fields(cloud)]
    return sum((array if array.base is None else array.base).nbytes for array in arrays if hasattr(array, "nbytes"))


def pooled(rng, images: int) -> tuple[ClassPool, list]:
    pool, clouds = ClassPool(), []
    for index in range(images):
        clouds.append(cloud(rng, 100, seed=str(index))[2])
        pool = pool.with_image({("semseg", "decoder"): clouds[-1]})
    return pool, clouds


def test_a_pool_of_many_images_takes_no_more_memory_than_one_of_fewer(rng):
    few, many = (pooled(rng, TURN * GROUPS * times)[0] for times in (1, 4))
    assert held_bytes(few) == held_bytes(many)
    assert many.images == 4 * few.images
    assert len(many.groups) == GROUPS


def test_a_pool_is_the_cloud_of_all_its_images_and_of_its_groups(rng):
    pool, clouds = pooled(rng, TURN * GROUPS + 2)  # the last two join the first group
    whole, groups = pool.at("semseg", "decoder")
    expected = reduce(ClassCloud.merge, clouds)
    assert np.array_equal(whole.features, expected.features)
    assert whole.sums == pytest.approx(expected.sums)
    assert groups[0].sums == pytest.approx(sum(one.sums for one in [*clouds[:TURN], *clouds[-2:]]))
    assert groups[1].tokens.tolist() == sum(one.tokens for one in clouds[TURN : 2 * TURN]).tolist()
    assert sum(group.images for group in groups) == whole.images == len(clouds)


def test_every_class_has_its_turn_where_not_all_tokens_are_drawn(rng):
    """30 classes of 64 kept tokens each, and room for 10 a class; the last class has 3."""
    labels = np.repeat(np.arange(30), [SAMPLE + 20] * 29 + [3]).astype(np.int16)
    features = rng.standard_normal((len(labels), 2)).astype(np.float32)
    found = image_cloud(features, labels, np.arange(31))
    drawn = fair_sample(found, np.arange(30), 293)
    assert np.bincount(found.classes[drawn]).tolist() == [10] * 29 + [3]
    assert (np.diff(drawn) > 0).all()
    some = fair_sample(found, np.array([3, 29]), 1500)
    assert np.bincount(found.classes[some])[[3, 29]].tolist() == [SAMPLE, 3]
    smallest = np.sort(found.priorities[found.classes == 7])[:10]
    assert np.array_equal(np.sort(found.priorities[drawn][found.classes[drawn] == 7]), smallest)


@pytest.fixture(scope="module")
def engine():
    tasks = tuple(TASKS[name] for name in ("semseg", "depth", "human_parts"))
    encoder = EncoderConfig(widths=(4, 6, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8)
    config = NetworkConfig(encoder=encoder, width=8, decoder_widths=(8, 8))
    card = ModelCard(name="tiny", title="Tiny", summary="", trained="random", architecture=config, tasks=tasks,
                     input_size=(64, 96), token_grid=(8, 12))  # fmt: skip
    return Engine(MultiTaskNetwork(config, tasks), card)


def test_one_run_gives_the_classes_of_every_task_at_every_place(engine, rng):
    image = rng.integers(0, 255, (64, 96, 3), np.uint8)
    semseg = np.zeros((64, 96), np.uint8)
    semseg[:, 48:], semseg[:8] = 5, IGNORE
    run = engine.run(Sample(image, "halves", {"semseg": semseg}), capture=Capture(features=True))
    clouds = run_clouds(run)
    assert set(clouds) == {(task, place) for task in ("semseg", "human_parts") for place in PLACES}
    known = clouds["semseg", "task_encoder"]
    assert known.present.tolist() == [0, 5]
    assert known.tokens[[0, 5]].tolist() == [42, 42]
    assert known.pixels[[0, 5]].tolist() == [56 * 48, 56 * 48]
    features = run.trace.features.places["task_encoder"][0].reshape(8, 12, -1)
    assert known.means[0] == pytest.approx(features[1:, :6].mean((0, 1)).astype(float), abs=1e-5)
    assert clouds["semseg", "decoder"].tokens.sum() == 4 * 84
    assert (known.labelled, clouds["human_parts", "encoder"].labelled) == (1, 0)
    predicted = np.unique(run.prediction("human_parts").values)
    assert set(clouds["human_parts", "decoder"].present) <= set(predicted.tolist())


def test_pixels_that_do_not_count_are_in_no_class(engine, rng):
    labels = {"human_parts": np.zeros((64, 96), np.uint8)}
    valid = {"human_parts": np.zeros((64, 96), bool)}
    sample = Sample(rng.integers(0, 255, (64, 96, 3), np.uint8), "nobody", labels, valid)
    found = run_clouds(engine.run(sample, capture=Capture(features=True)))["human_parts", "encoder"]
    assert found.present.size == found.pixels.sum() == len(found.features) == 0


def test_a_run_without_features_is_refused(engine, rng):
    sample = Sample(rng.integers(0, 255, (64, 96, 3), np.uint8), "x")
    with pytest.raises(ValueError, match="recorded no features"):
        run_clouds(engine.run(sample))
