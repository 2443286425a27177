"""The sentences of the routing page are true and grammatical at the edges too."""

import numpy as np
import pytest

from mtlviz.analysis.composite import token_provenance
from mtlviz.analysis.picks import slot_picks
from mtlviz.analysis.routing import slot_routing
from mtlviz.analysis.routing_summary import routing_summary
from mtlviz.analysis.slot_card import slot_card
from mtlviz.ui.slots import words as slots_words
from tests.analysis.slot_traces import random_trace, slot_trace


@pytest.mark.parametrize(
    ("picks", "words"),
    [
        ([0], "1 Segmentation token"),
        ([0, 1], "2 Segmentation tokens"),
        ([20, 21, 0], "2 Depth tokens and 1 Segmentation token"),
        ([0, 20, 40], "1 Segmentation token, 1 Depth token and 1 Normals token"),
        ([-1], "no token"),
    ],
)
def test_winners_are_counted_by_task(picks, words):
    assert slots_words.winners(list(slot_picks(slot_trace(np.array([picks])), 0))) == words


def test_the_answer_is_about_the_slot_that_is_read_most():
    write = np.tile(np.array([0.1, 0.7, 0.2, 0.0], np.float32), (60, 1))
    said = slots_words.answer(slot_routing(slot_trace(np.arange(4)[:, None], write=write)))
    assert said.startswith(
        "**Slot 1** is read most (**70%** of all reading, where an equal share is 25%): **1 Segmentation token** won it"
    )
    assert said.endswith("Counting twins as one, **4 of 4** slots differ; **1** is dead.")


def test_a_slot_that_takes_in_every_token_is_not_said_to_be_won():
    said = slots_words.answer(slot_routing(slot_trace(np.tile(np.arange(60), (4, 1)))))
    assert "**every token** enters it" in said
    assert "won it" not in said


@pytest.mark.parametrize(("entropy", "word"), [(0.97, "hardly"), (0.8, "many"), (0.5, "few"), (0.1, "one slot")])
def test_words_for_entropy_follow_the_number(entropy, word):
    assert word in slots_words.decision(entropy)


def test_shares_of_a_token_are_shares_under_any_competition():
    trace = random_trace(0)
    half = slot_trace(trace.picks, write=trace.write, weights=trace.weights / 2)
    assert slots_words.shares(token_provenance(half, 3)) == slots_words.shares(token_provenance(trace, 3))


def test_a_slot_without_a_twin_is_said_to_have_none():
    trace = slot_trace(np.arange(4)[:, None])
    assert slots_words.slot(slot_card(trace, slot_routing(trace), 0), 4).endswith("It has no twin.")


def test_a_set_says_how_many_images_it_holds():
    assert slots_words.pooled(routing_summary([random_trace(0)])).startswith("Over **n = 1** image,")
    assert slots_words.pooled(routing_summary([random_trace(0)] * 3)).startswith("Over **n = 3** images,")


def test_a_mean_without_spread_stands_alone():
    assert slots_words.spread(0.5, None, 2) == "0.50"
    assert slots_words.spread(3, 0.25, 0) == "3 ± 0.2"
