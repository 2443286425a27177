"""Who reads which slot: occupancy, entropy, the Write map, flows and padding."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mtlviz.analysis.exchange import task_exchange
from mtlviz.analysis.occupancy import dead_slots, gini, slot_occupancy
from mtlviz.analysis.routing import routing_statistics, slot_routing
from mtlviz.analysis.routing_numbers import IMAGE_NUMBERS, SLOT_NUMBERS
from mtlviz.analysis.write_map import write_map, written_variation
from tests.analysis.slot_traces import TASKS, half_padding, random_trace, slot_trace

PICKS = np.arange(12).reshape(4, 3)
TOKENS = 60


def one_hot(winner: np.ndarray) -> np.ndarray:
    return np.eye(4, dtype=np.float32)[winner]


def test_uniform_write_has_entropy_one_and_no_inequality():
    numbers = slot_routing(slot_trace(PICKS)).numbers
    assert numbers["entropy"] == pytest.approx(1)
    assert numbers["gini"] == pytest.approx(0, abs=1e-7)
    assert numbers["certainty"] == pytest.approx(1 / 4)
    assert numbers["written_variation"] == pytest.approx(0, abs=1e-7)
    assert numbers["dead"] == 0


def test_all_tokens_on_one_slot_have_entropy_zero_and_the_largest_gini():
    routing = slot_routing(slot_trace(PICKS, write=one_hot(np.full(TOKENS, 2))))
    assert_allclose(routing.occupancy, [0, 0, 1, 0])
    assert_array_equal(routing.write.winner, 2)
    assert routing.numbers["entropy"] == 0
    assert routing.numbers["certainty"] == 1
    assert routing.numbers["gini"] == pytest.approx(3 / 4)
    assert routing.numbers["dead"] == 3


def test_decided_tokens_spread_over_all_slots_have_entropy_zero_and_gini_zero():
    numbers = slot_routing(slot_trace(PICKS, write=one_hot(np.arange(TOKENS) % 4))).numbers
    assert numbers["entropy"] == 0
    assert numbers["gini"] == pytest.approx(0, abs=1e-7)


def test_one_slot_leaves_nothing_to_choose():
    assert slot_routing(slot_trace(np.array([[0, 1]]))).numbers["entropy"] == 0


def test_gini_equals_the_sum_over_pairs():
    shares = np.random.default_rng(0).random(9)
    pairs = np.abs(shares[:, None] - shares).sum() / (2 * 81 * shares.mean())
    assert gini(shares) == pytest.approx(pairs)


def test_gini_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="all 0"):
        gini(np.zeros(3))


def test_a_slot_with_zero_write_weight_is_dead():
    write = np.full((TOKENS, 4), 1 / 3, np.float32)
    write[:, 1] = 0
    routing = slot_routing(slot_trace(PICKS, write=write))
    assert routing.dead.tolist() == [False, True, False, False]
    assert_allclose(routing.exchange.readers[1], 0)


def test_the_threshold_of_a_dead_slot_is_a_tenth_of_an_equal_share():
    assert dead_slots(np.array([0.0249, 0.0251, 0.475, 0.475])).tolist() == [True, False, False, False]


def test_all_variance_is_between_tokens_when_written_features_cancel():
    trace = slot_trace(PICKS)
    opposite = np.where(np.arange(TOKENS)[:, None] % 2, 1.0, -1.0) * np.ones((1, 8))
    assert written_variation(replace(trace, written=opposite)) == pytest.approx(1)
    assert written_variation(replace(trace, written=opposite + 1)) == pytest.approx(1 / 2)
    assert written_variation(replace(trace, written=0 * opposite)) == 0


def test_what_flows_into_a_slot_flows_out_of_it():
    exchange = task_exchange(random_trace(2))
    assert_allclose(exchange.inflow.sum(0), exchange.outflow.sum(1))
    assert exchange.inflow.sum() == pytest.approx(1)
    assert_allclose(exchange.inflow.sum(0), slot_occupancy(random_trace(2)))


def test_flow_between_tasks_has_the_readers_and_writers_as_its_margins():
    exchange = task_exchange(random_trace(2))
    assert_allclose(exchange.between_tasks.sum(0), exchange.outflow.sum(0))
    assert_allclose(exchange.between_tasks.sum(1), exchange.inflow.sum(1))


def test_padding_changes_nothing():
    valid = half_padding()
    trace = random_trace(4, valid=valid)
    garbage = np.random.default_rng(9)
    everywhere = np.tile(valid, len(TASKS))
    write, written = trace.write.copy(), trace.written.copy()
    write[~everywhere] = garbage.dirichlet(np.ones(7), (~everywhere).sum())
    written[~everywhere] = garbage.normal(size=written[~everywhere].shape)
    changed = replace(trace, write=write, written=written)
    one, other = slot_routing(trace), slot_routing(changed)
    assert other.numbers == one.numbers
    assert_array_equal(other.occupancy, one.occupancy)
    assert_array_equal(other.won, one.won)
    assert_array_equal(other.exchange.outflow, one.exchange.outflow)
    assert_array_equal(other.write.winner, one.write.winner)


def test_the_write_map_is_empty_at_padding():
    trace = random_trace(4, valid=half_padding())
    found, padding = write_map(trace), ~trace.layout.valid_tokens()
    assert_array_equal(found.winner[padding], -1)
    assert np.isnan(found.weight[padding]).all()
    assert np.isnan(found.entropy[padding]).all()
    assert_array_equal(found.winner[~padding], trace.write.argmax(1)[~padding])


def test_an_image_of_padding_only_is_an_error():
    with pytest.raises(ValueError, match="all 60 tokens are padding"):
        slot_routing(slot_trace(PICKS, valid=np.zeros(20, bool)))


def test_permuting_tokens_with_their_picks_leaves_the_numbers_alone():
    trace, order = random_trace(5), np.random.default_rng(0).permutation(20)
    moved = np.concatenate([task * 20 + order for task in range(3)])
    back = np.argsort(moved)
    permuted = replace(trace, write=trace.write[moved], written=trace.written[moved], picks=back[trace.picks])
    assert slot_routing(permuted).numbers == pytest.approx(slot_routing(trace).numbers)
    assert_allclose(slot_routing(permuted).exchange.readers, slot_routing(trace).exchange.readers)


def test_statistics_are_plain_json_and_carry_every_definition():
    statistics = routing_statistics(random_trace(6, valid=half_padding()))
    again = json.loads(json.dumps(statistics, allow_nan=False))
    assert again == statistics
    assert list(again["numbers"]) == list(IMAGE_NUMBERS)
    assert all(again["numbers"][key]["definition"] == IMAGE_NUMBERS[key].definition for key in IMAGE_NUMBERS)
    assert list(again["slot_number_definitions"]) == list(SLOT_NUMBERS)
    assert again["tokens"] == 30
    assert sum(slot["occupancy"] for slot in again["per_slot"]) == pytest.approx(1)


def test_every_number_stays_in_its_range():
    for seed, sharpness in enumerate((0.0, 0.1, 3.0, 50.0)):
        numbers = slot_routing(random_trace(seed, sharpness=sharpness)).numbers
        assert all(0 <= numbers[key] <= 1 for key in ("entropy", "certainty", "written_variation", "coverage"))
        assert 0 <= numbers["gini"] <= 1 - 1 / 7
        assert 1 <= numbers["groups"] <= 7
