"""Who won which slot: picks, coverage, writers and twins."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mtlviz.analysis.exchange import task_exchange
from mtlviz.analysis.picks import pick_coverage, slot_picks
from mtlviz.analysis.routing import slot_routing
from mtlviz.analysis.slot_card import slot_card
from mtlviz.analysis.twins import slot_likeness
from tests.analysis.slot_traces import GRID, TASKS, permuted_slots, random_trace, slot_trace


def test_picks_are_the_planted_winners_with_task_row_and_column():
    planted = [[("depth", 1, 2), ("semseg", 0, 0)], [("normals", 3, 4), ("normals", 0, 1)]]
    trace = slot_trace(np.zeros((2, 2)))
    layout = trace.layout
    trace = slot_trace(np.array([[layout.token(*place) for place in slot] for slot in planted]))
    found = [[(p.task, p.row, p.column) for p in slot_picks(trace, slot)] for slot in range(2)]
    assert found == planted
    assert [(p.slot, p.rank) for p in slot_picks(trace)] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_writers_of_planted_winners_are_the_planted_shares():
    per_task = GRID[0] * GRID[1]
    trace = slot_trace(
        np.array([[0, per_task, per_task + 1], [2 * per_task, 1, 2]]),
        weights=np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]], np.float32),
    )
    assert_allclose(task_exchange(trace).writers, [[0.5, 0.5, 0], [0, 0, 1]], atol=1e-6)


def test_shares_sum_to_one_for_every_slot():
    exchange = task_exchange(random_trace(0))
    assert_allclose(exchange.writers.sum(1), 1)
    assert_allclose(exchange.readers.sum(1), 1)


def test_writers_are_shares_when_retrieve_weights_do_not_sum_to_one():
    trace = slot_trace(np.array([[0, 25]]), weights=np.array([[0.03, 0.01]], np.float32))
    assert_allclose(task_exchange(trace).writers, [[0.75, 0.25, 0]], atol=1e-6)


def test_an_empty_place_is_no_pick_and_has_no_share():
    trace = slot_trace(np.array([[3, -1], [-1, -1]]), weights=np.array([[1, 0], [0, 0]], np.float32))
    assert [pick.token for pick in slot_picks(trace)] == [3]
    assert pick_coverage(trace) == pytest.approx(1 / 4)
    assert_allclose(task_exchange(trace).writers, [[1, 0, 0], [0, 0, 0]])
    assert not slot_likeness(trace).overlap[0, 1]


def test_coverage_is_one_without_repeats_and_one_place_when_all_picks_are_one_token():
    assert pick_coverage(slot_trace(np.arange(12).reshape(4, 3))) == 1
    assert pick_coverage(slot_trace(np.full((4, 3), 7))) == pytest.approx(1 / 12)


def test_two_of_three_common_picks_make_twins_and_one_does_not():
    likeness = slot_likeness(slot_trace(np.array([[0, 1, 2], [1, 2, 9], [2, 11, 12]])))
    assert_allclose(likeness.overlap[0], [1, 2 / 3, 1 / 3])
    assert_array_equal(likeness.twins, [[False, True, False], [True, False, False], [False, False, False]])
    assert likeness.groups == ((0, 1), (2,))


def test_parallel_contents_make_twins_and_a_slot_is_no_twin_of_itself():
    content = np.array([[1, 0], [2, 0], [0, 1], [-1, 0]], np.float32)
    likeness = slot_likeness(slot_trace(np.arange(4)[:, None], memory_after=content))
    assert np.argwhere(likeness.twins).tolist() == [[0, 1], [1, 0]]
    assert_allclose(likeness.cosine, [[1, 1, 0, -1], [1, 1, 0, -1], [0, 0, 1, 0], [-1, -1, 0, 1]])


def test_twins_of_twins_are_one_group():
    likeness = slot_likeness(slot_trace(np.array([[0, 1], [1, 2], [2, 3], [8, 9]])))
    assert not likeness.twins[0, 2]
    assert likeness.groups == ((0, 1, 2), (3,))


def test_a_slot_that_retrieved_nothing_is_like_no_other():
    likeness = slot_likeness(slot_trace(np.arange(2)[:, None], memory_after=np.zeros((2, 4), np.float32)))
    assert not likeness.cosine.any()
    assert likeness.groups == ((0,), (1,))


def test_the_card_of_a_slot_agrees_with_the_routing():
    trace = random_trace(3)
    routing = slot_routing(trace)
    cards = [slot_card(trace, routing, slot) for slot in range(routing.slots)]
    assert sorted(card.rank for card in cards) == list(range(1, routing.slots + 1))
    assert sum(card.occupancy for card in cards) == pytest.approx(1)
    assert sum(card.won for card in cards) == pytest.approx(1)
    assert np.mean([card.relative_norm for card in cards]) == pytest.approx(1)
    assert tuple(pick for card in cards for pick in card.picks) == routing.picks
    assert_allclose(sum(card.read_weight for card in cards), 1, rtol=1e-6)
    assert list(cards[0].writers) == list(TASKS)


def test_a_card_names_twins_most_alike_first():
    trace = slot_trace(np.array([[0, 1, 2], [1, 2, 9], [0, 1, 2]]))
    twins = slot_card(trace, slot_routing(trace), 0).twins
    assert [(twin.slot, round(twin.overlap, 2)) for twin in twins] == [(2, 1.0), (1, 0.67)]


@pytest.mark.parametrize("slot", [-1, 7])
def test_a_slot_that_does_not_exist_is_an_error(slot):
    trace = random_trace(0)
    with pytest.raises(ValueError, match="slots are 0 to 6"):
        slot_card(trace, slot_routing(trace), slot)


def test_permuting_slots_permutes_everything_that_belongs_to_a_slot():
    trace, order = random_trace(1), np.array([4, 2, 6, 0, 1, 5, 3])
    one, other = slot_routing(trace), slot_routing(permuted_slots(trace, order))
    assert_allclose(other.occupancy, one.occupancy[order])
    assert_allclose(other.won, one.won[order])
    assert_allclose(other.exchange.readers, one.exchange.readers[order])
    assert_allclose(other.exchange.writers, one.exchange.writers[order])
    assert_array_equal(other.likeness.twins, one.likeness.twins[np.ix_(order, order)])
    assert_array_equal(order[other.write.winner], one.write.winner)
    assert other.numbers == pytest.approx(one.numbers)


def test_picks_are_columns_that_give_single_picks_when_asked():
    trace = random_trace(0)
    picks = slot_picks(trace)
    assert len(picks) == trace.picks.size
    assert [pick.token for pick in picks] == picks.token.tolist() == trace.picks.ravel().tolist()
    second = picks.where(picks.slot == 1)
    assert second == slot_picks(trace, 1)
    assert [trace.layout.tasks[index] for index in picks.task] == [pick.task for pick in picks]
    assert picks[2:4][0] == picks[2]
    assert picks[-1].slot == len(trace.picks) - 1
