import numpy as np
import pytest
import torch

from mtlviz.data.rooms import Rooms
from mtlviz.errors import DataError
from mtlviz.models.multitask import token_mask
from mtlviz.training.data import (
    Batch,
    First,
    TrainingStream,
    evaluation_set,
    held_out,
    kept_labels,
    random_bars,
    stream_index,
    training_batches,
)
from tests.training.tiny import tiny_config


def assert_same(a: Batch, b: Batch) -> None:
    torch.testing.assert_close(a._asdict(), b._asdict(), rtol=0, atol=0)


def test_every_pass_shows_every_image_once_in_a_new_order():
    passes = [[stream_index(turn * 20 + n, 20, seed=3) for n in range(20)] for turn in range(3)]
    assert all(sorted(order) == list(range(20)) for order in passes)
    assert passes[0] != passes[1] != passes[2]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_entered_late_goes_on_as_if_it_had_run_from_the_start(rooms, workers):
    whole = TrainingStream(Rooms(rooms / "train"), tiny_config(rooms))
    late = TrainingStream(Rooms(rooms / "train"), tiny_config(rooms, data={"workers": workers}))
    expected = list(training_batches(whole))[9:]
    for first, second in zip(expected, training_batches(late, start=9), strict=True):
        assert_same(first, second)


def test_two_devices_together_see_the_batch_of_one(rooms):
    stream = TrainingStream(Rooms(rooms / "train"), tiny_config(rooms, data={"letterbox": 0}))
    whole = next(iter(training_batches(stream)))
    parts = [next(iter(training_batches(stream, rank=rank, world=2))) for rank in (0, 1)]
    joined = torch.stack([part.images for part in parts], 1).flatten(0, 1)
    torch.testing.assert_close(joined, whole.images, rtol=0, atol=0)


def test_a_share_of_the_labels_is_kept_and_a_smaller_share_is_part_of_it():
    few, more = (kept_labels(200, "semseg", share, seed=0) for share in (0.1, 0.5))
    assert (few.sum(), more.sum()) == (20, 100)
    assert not (few & ~more).any()
    assert not np.array_equal(more, kept_labels(200, "depth", 0.5, seed=0))


def test_images_without_labels_of_one_task_keep_the_others(rooms):
    config = tiny_config(rooms, data={"keep": {"semseg": 0.3}, "letterbox": 0})
    stream = TrainingStream(Rooms(rooms / "train"), config)
    items = [stream[position] for position in range(10)]  # one pass
    assert sum(bool(item.valid["semseg"].any()) for item in items) == 3
    assert all(item.valid["depth"].all() for item in items)


def test_letterboxed_batches_have_no_labels_in_their_bars(rooms):
    stream = TrainingStream(Rooms(rooms / "train"), tiny_config(rooms, data={"letterbox": 1}))
    batch = next(iter(training_batches(stream)))
    assert (~batch.inside).any()
    assert not any(mask[~batch.inside].any() for mask in batch.valid.values())
    assert token_mask(batch.inside).any(1).all()


def test_bars_leave_most_of_the_image(rng):
    shares = [random_bars((32, 64), rng).mean() for _ in range(100)]
    assert min(shares) >= 0.6
    assert max(shares) == 1


def test_a_small_training_set_is_the_first_images(rooms):
    assert [sample.name for sample in First(Rooms(rooms / "train"), 2)] == ["room 0", "room 1"]
    with pytest.raises(DataError, match="holds 10 images, 795 are wanted"):
        First(Rooms(rooms / "train"), 795)


def test_rooms_rendered_on_the_fly_are_those_on_disk(rooms):
    rendered, written = evaluation_set("rooms:val", 2, (32, 64)), Rooms(rooms / "val")
    for index in range(2):
        np.testing.assert_array_equal(rendered[index].image, written[index].image)
        np.testing.assert_array_equal(rendered[index].labels["depth"], written[index].labels["depth"])


def test_held_out_rooms_that_are_rendered_have_the_size_of_the_training_images(rooms):
    found = held_out(tiny_config(rooms, data={"val": "rooms:val"}).data, 2)
    assert [sample.name for sample in found] == [sample.name for sample in First(Rooms(rooms / "val"), 2)]
    assert found[0].size == (32, 64)
    assert len(held_out(tiny_config(rooms, data={"val": "rooms:test"}).data)) == 300


def test_an_unknown_split_is_named():
    with pytest.raises(DataError, match="'rooms:vall' with 3 rooms does not exist; the splits are train, val"):
        evaluation_set("rooms:vall", 3, (32, 64))
