"""How often classes occur: a natural long tail, and a knob for it."""

import numpy as np
import pytest

from mtlviz.data.rooms import RoomOptions, class_frequencies, render_room
from mtlviz.data.rooms.frequencies import NATURAL, object_counts
from mtlviz.errors import DataError
from mtlviz.tasks import ROOM_CLASSES

FAST = RoomOptions(supersample=1, window_rays=1, ambient_rays=1)


@pytest.fixture(scope="module")
def natural() -> dict[str, float]:
    shares = class_frequencies(render_room(seed, (36, 48), FAST) for seed in range(150))
    return dict(zip(ROOM_CLASSES, shares, strict=True))


def test_frequencies_sum_to_one(natural: dict[str, float]) -> None:
    assert sum(natural.values()) == pytest.approx(1.0)


def test_walls_are_nearly_half_of_all_pixels(natural: dict[str, float]) -> None:
    assert 0.35 < natural["wall"] < 0.55
    assert max(natural, key=natural.__getitem__) == "wall"


def test_small_things_are_rare_but_present(natural: dict[str, float]) -> None:
    assert natural["lamp"] < 0.01
    assert natural["box"] < 0.015
    assert natural["plant"] < 0.015
    assert min(natural.values()) > 0.003


def _mean_counts(tail: float) -> dict[str, float]:
    drawn = [object_counts(np.random.default_rng(seed), tail) for seed in range(3000)]
    return {label: float(np.mean([counts[label] for counts in drawn])) for label in NATURAL}


def test_tail_zero_gives_every_class_the_same_frequency() -> None:
    counts = _mean_counts(0.0)
    assert max(counts.values()) / min(counts.values()) < 1.2


def test_tail_one_gives_the_natural_frequencies() -> None:
    counts = _mean_counts(1.0)
    for label, expected in NATURAL.items():
        assert counts[label] == pytest.approx(expected, rel=0.12)


def test_a_larger_tail_makes_the_frequent_more_and_the_rare_less_frequent() -> None:
    rare, frequent = min(NATURAL, key=NATURAL.__getitem__), max(NATURAL, key=NATURAL.__getitem__)
    series = [_mean_counts(tail) for tail in (0.0, 1.0, 2.0)]
    assert series[0][rare] > series[1][rare] > series[2][rare]
    assert series[0][frequent] < series[1][frequent] < series[2][frequent]


def test_tail_moves_the_pixels_too(natural: dict[str, float]) -> None:
    balanced = RoomOptions(tail=0.0, supersample=1, window_rays=1, ambient_rays=1)
    shares = class_frequencies(render_room(seed, (36, 48), balanced) for seed in range(150))
    even = dict(zip(ROOM_CLASSES, shares, strict=True))
    assert even["bed"] > 1.2 * natural["bed"]
    assert even["chair"] < natural["chair"]


def test_no_samples_is_an_error() -> None:
    with pytest.raises(DataError, match="no labelled pixel"):
        class_frequencies([])
