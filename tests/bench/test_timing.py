"""Turns are fair and their ratio is the median of the rounds' ratios; no real clock here."""

import pytest

from mtlviz.bench.rooms import steady_rate
from mtlviz.bench.timing import Turns, percentile, take_turns


class Clock:
    """Time passes only where a contender says so."""

    def __init__(self):
        self.now = 0.0
        self.log = []

    def __call__(self):
        return self.now

    def contender(self, name, seconds):
        def call():
            self.log.append(name)
            self.now += seconds

        return call


def test_contenders_take_turns_in_alternating_order():
    clock = Clock()
    calls = {"a": clock.contender("a", 2.0), "b": clock.contender("b", 1.0)}
    turns = take_turns(calls, seconds=8, clock=clock)
    assert clock.log == ["a", "b", "b", "a", "a", "b"]
    assert turns.seconds == {"a": (2.0,) * 3, "b": (1.0,) * 3}
    assert turns.ratio("a", "b") == 2
    assert turns.milliseconds("b") == 1000


@pytest.mark.parametrize(("one", "rounds"), [(0.1, 5), (3.0, 4), (7.0, 3), (15.0, 2), (100.0, 1)])
def test_slow_contenders_get_fewer_rounds_but_always_one(one, rounds):
    clock = Clock()
    assert take_turns({"a": clock.contender("a", one)}, seconds=10, most=5, clock=clock).rounds == rounds


def test_the_ratio_is_taken_within_a_round():
    turns = Turns({"a": (10.0, 20.0, 300.0), "b": (1.0, 2.0, 100.0)})  # the machine was busy in the third
    assert turns.ratio("a", "b") == 10


def test_percentile_is_the_smallest_value_that_covers_the_share():
    values = tuple(float(k) for k in range(20, 0, -1))
    assert percentile(values, 0.95) == 19
    assert percentile(values, 1) == 20
    assert percentile(values, 0.001) == 1
    assert percentile((5.0,), 0.95) == 5
    with pytest.raises(ValueError, match="0 values"):
        percentile((), 0.5)


def test_rate_of_rooms_leaves_out_the_start_of_the_processes():
    finished = [(0.1, 0), (5.0, 8), (5.5, 16), (6.5, 24), (9.5, 80)]
    assert steady_rate(finished, processes=2) == (80 - 16) / (9.5 - 5.5)
    with pytest.raises(ValueError, match="too few"):
        steady_rate(finished[:3], processes=2)
