"""Scores of single images, and which is worst."""

import numpy as np
import pytest

from mtlviz.analysis.desk import Stopped
from mtlviz.analysis.image_ranking import score_images, spread, worst_first
from mtlviz.analysis.scores import image_score
from mtlviz.data.rooms import render_room
from mtlviz.data.truth import without
from mtlviz.engine import load
from mtlviz.errors import DataError
from mtlviz.tasks import TASKS


@pytest.fixture(scope="module")
def engine():
    return load("none")


def read(position):
    if position == 2:
        raise DataError("damaged")
    room = render_room(position, size=(64, 80))
    return without(room, ["depth"]) if position == 1 else room


def test_positions_are_spread_over_the_whole_set():
    assert spread(10, 5) == [0, 2, 4, 6, 8]
    assert spread(3, 9) == [0, 1, 2]
    assert len(set(spread(1449, 50))) == 50


def test_an_image_scores_what_a_page_that_shows_it_alone_says(engine):
    scores = {}
    assert score_images(engine, read, [0, 1, 2], ["depth", "edge"], scores, lambda _: None) == 3
    alone = image_score(engine.run(read(0)).prediction("depth"), read(0)).headline
    assert scores[0]["depth"] == pytest.approx(alone)
    assert set(scores[1]) == {"edge"}
    assert scores[2] == {}


def test_what_is_scored_is_kept_when_it_is_stopped_and_not_done_again(engine):
    scores, seen = {}, []

    def tick(_):
        seen.append(1)
        if len(seen) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        score_images(engine, read, [0, 1], ["edge"], scores, tick)
    assert set(scores) == {0}
    score_images(engine, read, [0, 1], ["edge"], scores, tick)
    assert len(seen) == 3


def test_the_worst_is_lowest_where_higher_is_better_and_highest_where_lower_is():
    scores = {0: {"depth": 1.0, "semseg": 0.2}, 1: {"depth": 3.0, "semseg": np.nan}, 2: {}, 3: {"depth": 2.0}}
    assert [one.number for one in worst_first(scores, [3, 2, 1, 0], TASKS["depth"])] == [1, 3, 0]
    assert [one.number for one in worst_first(scores, [0, 1], TASKS["semseg"])] == [0]
