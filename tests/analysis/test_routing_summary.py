"""The routing over a set of images."""

import json
from functools import reduce

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mtlviz.analysis.routing import slot_routing
from mtlviz.analysis.routing_summary import (
    RoutingSummary,
    routing_summary,
    summary_of_one,
    summary_statistics,
)
from tests.analysis.slot_traces import random_trace

SET = [random_trace(seed) for seed in range(6)]


def test_identical_images_give_the_single_one_with_no_spread():
    single = slot_routing(SET[0])
    summary = routing_summary([SET[0]] * 5)
    assert summary.count == 5
    for key, value in single.numbers.items():
        assert summary.numbers[key].mean == value
        assert summary.numbers[key].spread == 0
    assert_array_equal(summary.occupancy.mean, single.occupancy)
    assert_array_equal(summary.occupancy.spread, 0)
    assert_array_equal(summary.writers.mean, single.exchange.writers)


def test_mean_and_spread_equal_those_of_the_kept_values():
    summary = routing_summary(SET)
    kept = [slot_routing(trace) for trace in SET]
    assert_allclose(summary.occupancy.mean, np.mean([one.occupancy for one in kept], 0))
    assert_allclose(summary.occupancy.spread, np.std([one.occupancy for one in kept], 0, ddof=1))
    assert_allclose(summary.numbers["gini"].spread, np.std([one.gini for one in kept], ddof=1))
    assert_allclose(summary.dead.mean, np.mean([one.dead for one in kept], 0))
    assert_allclose(summary.twins.mean, np.mean([one.likeness.twins for one in kept], 0))


def test_the_order_of_the_images_does_not_matter():
    one, other = routing_summary(SET), routing_summary(SET[::-1])
    assert_allclose(one.readers.mean, other.readers.mean)
    assert_allclose(one.readers.spread, other.readers.spread, atol=1e-12)


def test_parts_merge_to_the_whole():
    whole = routing_summary(SET)
    parts = reduce(
        RoutingSummary.merge, [routing_summary(SET[:1]), routing_summary(SET[1:4]), routing_summary(SET[4:])]
    )
    assert parts.count == whole.count == 6
    assert_allclose(parts.writers.mean, whole.writers.mean)
    assert_allclose(parts.won.spread, whole.won.spread)
    assert_allclose(parts.numbers["entropy"].spread, whole.numbers["entropy"].spread)


def test_one_image_has_no_spread_to_speak_of():
    statistics = summary_statistics(summary_of_one(slot_routing(SET[0])))
    assert statistics["numbers"]["entropy"]["spread"] is None
    json.dumps(statistics, allow_nan=False)


def test_statistics_of_a_set_are_plain_json():
    statistics = json.loads(json.dumps(summary_statistics(routing_summary(SET)), allow_nan=False))
    assert statistics["images"] == 6
    assert sum(slot["occupancy"] for slot in statistics["per_slot"]) == pytest.approx(1)


def test_an_empty_set_is_an_error():
    with pytest.raises(ValueError, match="set is empty"):
        routing_summary([])


def test_models_with_other_slots_do_not_mix():
    with pytest.raises(ValueError, match="images of one model only"):
        routing_summary([SET[0], random_trace(0, slots=5)])
