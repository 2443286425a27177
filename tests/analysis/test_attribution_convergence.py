"""Does Integrated Gradients add up over several images? Targets, held and free picks, and what several deltas say."""

import numpy as np
import pytest

from mtlviz.analysis.attribution.convergence import (
    GOOD,
    PLACES,
    as_plain,
    convergence,
    from_plain,
    protocol,
    spread,
)
from mtlviz.analysis.attribution.explain import explain
from mtlviz.analysis.attribution.request import INTEGRATED, Request
from mtlviz.analysis.attribution.targets import Target
from mtlviz.errors import DataError
from tests.analysis.test_attribution_explain import NAMES, engine, sample  # noqa: F401


def test_every_task_over_the_image_and_one_in_turn_at_the_middle_pixel(sample):  # noqa: F811
    done = []
    gaps = convergence(engine("kem", slots=4), [sample, sample], progress=done.append)
    assert done == [1, 2]
    whole = [(gap.image, gap.task) for gap in gaps if gap.where == "image"]
    assert whole == [(number, name) for number in (0, 1) for name in NAMES]
    assert [gap.task for gap in gaps if gap.where == "pixel"] == list(NAMES[:2])
    assert {gap.where for gap in gaps} == set(PLACES)
    assert all(gap.free is not None for gap in gaps)


def test_a_smooth_network_without_picks_adds_up_and_has_no_free_delta(sample):  # noqa: F811
    gaps = convergence(engine("cross_attention"), [sample])
    assert all(gap.free is None for gap in gaps)
    assert all(gap.delta <= GOOD for gap in gaps if gap.where == "image")


def test_what_is_missing_is_one_amount_over_two_sizes(sample):  # noqa: F811
    model = engine("kem", slots=4)
    gap = convergence(model, [sample])[0]
    whole = explain(model, sample, Request(Target(gap.task, "image"), INTEGRATED), tested=False)
    amount = gap.delta * abs(whole.path.difference)
    assert amount == pytest.approx(gap.missing * np.abs(whole.scores).sum())
    assert amount == pytest.approx(abs(whole.scores.sum() - whole.path.difference), rel=1e-3, abs=1e-6)


def test_several_deltas_are_counted_against_the_bound():
    found = spread([0.01, None, 0.2, 0.05])
    assert (found.count, found.good, found.median, found.largest) == (3, 2, 0.05, 0.2)
    assert spread([None]) is None


def test_a_result_is_read_back_as_it_was_written(sample):  # noqa: F811
    model = engine("none")
    gaps = convergence(model, [sample])
    content = {"images": 1, "data": "x", "protocol": protocol(), "device": "cpu", "versions": {},
               "models": [as_plain(model.card, gaps)]}  # fmt: skip
    assert from_plain(content).models[0].gaps == gaps
    with pytest.raises(DataError, match="not a result of 'attribution'"):
        from_plain({"images": 1})


def test_an_empty_set_is_refused():
    with pytest.raises(DataError, match="holds no image"):
        convergence(engine("none"), [])
