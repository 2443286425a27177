"""Weighted sampling: images come as often as their weights say, wherever the stream is entered."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mtlviz.data.rooms import Rooms
from mtlviz.data.sample import Sample
from mtlviz.errors import OptionError
from mtlviz.tasks import IGNORE, TASKS
from mtlviz.training import train
from mtlviz.training.data import TrainingStream, kept_labels, training_batches
from mtlviz.training.options import SamplingConfig
from mtlviz.training.sampling import WeightedOrder, image_weights, rarity, weighted_pass
from tests.training.tiny import same_after_kills, tiny_config


def test_in_every_pass_an_image_comes_as_often_as_its_weight_says_up_to_rounding(rng):
    weights = rng.uniform(0.1, 5, 50)
    expected = 50 * weights / weights.sum()
    passes = [np.bincount(weighted_pass(weights, 3, turn), minlength=50) for turn in range(400)]
    assert all(count.sum() == 50 for count in passes)
    assert all((np.abs(count - expected) < 1).all() for count in passes)
    np.testing.assert_allclose(np.mean(passes, 0), expected, atol=0.12)


def test_equal_weights_show_every_image_once():
    assert sorted(weighted_pass(np.full(30, 0.7), 0, 2)) == list(range(30))


def test_the_order_is_a_function_of_seed_and_position(rng):
    weights = rng.uniform(0.5, 2, 20)
    whole = [WeightedOrder(weights, 1).index(position) for position in range(100)]
    order = WeightedOrder(weights, 1)
    assert [order.index(position) for position in reversed(range(100))] == whole[::-1]
    assert [WeightedOrder(weights, 2).index(position) for position in range(100)] != whole
    assert whole[:20] != whole[20:40]


def test_a_class_on_a_quarter_of_the_share_makes_its_images_twice_as_frequent():
    shown = [np.array([0])] * 15 + [np.array([0, 1])]  # class 1 on one of 16 images, a share of 4 in 16 is asked for
    np.testing.assert_allclose(rarity(shown, 0.25, 0.5), [1.0] * 15 + [2.0])
    np.testing.assert_allclose(rarity(shown, 0.25, 1.0), [1.0] * 15 + [4.0])
    np.testing.assert_allclose(rarity(shown, 0.25, 0.0), np.ones(16))
    np.testing.assert_allclose(rarity([*shown, np.array([], int)], 0.25, 0.5)[-1], 1)  # unlabelled


def sample(classes, depth=True):
    label = np.array([classes], np.uint8)
    labels = {"semseg": label} | ({"depth": np.ones(label.shape, np.float32)} if depth else {})
    return Sample(np.zeros((*label.shape, 3), np.uint8), "x", labels=labels, valid={})


def test_weights_count_labels_that_are_seen_and_nothing_else():
    samples = [sample([0, 0]), sample([0, 1]), sample([IGNORE, IGNORE], depth=False), sample([1, 1])]
    tasks = [TASKS["semseg"], TASKS["depth"]]
    by_label = SamplingConfig(labelled={"semseg": 3.0, "depth": 2.0})
    np.testing.assert_allclose(image_weights(samples, tasks, by_label, {}), [6, 6, 1, 6])
    kept = {"semseg": np.array([True, True, True, False])}
    np.testing.assert_allclose(image_weights(samples, tasks, by_label, kept), [6, 6, 1, 2])
    by_class = SamplingConfig(rare="semseg", share=1.0, power=1.0)
    np.testing.assert_allclose(image_weights(samples, tasks, by_class, {}), [1.5, 1.5, 1, 1.5])
    np.testing.assert_allclose(image_weights(samples, tasks, by_class, kept), [1, 2, 1, 1])  # two are labelled
    with pytest.raises(OptionError, match=r"rare names 'depth', which has no classes"):
        image_weights(samples, tasks, SamplingConfig(rare="depth"), {})


def test_a_stream_shows_labelled_images_more_often_and_can_be_entered_late(rooms):
    data = {"keep": {"semseg": 0.2}, "sampling": {"labelled": {"semseg": 4.0}}, "letterbox": 0}
    stream = TrainingStream(Rooms(rooms / "train"), tiny_config(rooms, data=data, budget=160))
    kept = kept_labels(10, "semseg", 0.2, 0)
    share = np.mean([bool(stream[position].valid["semseg"].any()) for position in range(80)])
    assert share == pytest.approx(8 / 16, abs=0.1)  # two images of weight 4 beside eight of weight 1
    assert kept.mean() == 0.2
    late = TrainingStream(Rooms(rooms / "train"), tiny_config(rooms, data=data, budget=160))
    expected = list(training_batches(stream))[37:]
    for first, second in zip(expected, training_batches(late, start=37), strict=True):
        torch.testing.assert_close(first._asdict(), second._asdict(), rtol=0, atol=0)


def test_a_killed_training_with_weights_ends_with_the_same_bits(rooms, tmp_path, killed):
    config = tiny_config(rooms, data={"sampling": {"rare": "semseg", "share": 1.0}})
    expected = same_after_kills(config, tmp_path, killed)
    uniform = load_file(train(tiny_config(rooms), tmp_path / "uniform"))
    assert not all(torch.equal(uniform[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    ("sampling", "sentence"),
    [
        ({}, "sampling needs rare: TASK or labelled"),
        ({"labelled": {"depth": 0}}, "the factor of 'depth' must be above 0"),
        ({"rare": "saliency"}, "data.sampling names 'saliency', which is not one of the tasks"),
    ],
)
def test_what_is_wrong_with_a_sampling_is_named(rooms, sampling, sentence):
    with pytest.raises(OptionError, match=sentence.replace(".", r"\.")):
        tiny_config(rooms, tasks=["semseg", "depth"], data={"sampling": sampling})
