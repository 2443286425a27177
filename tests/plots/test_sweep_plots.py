"""The heat map of a sweep says what its cells hold, and why a cell holds nothing."""

import numpy as np
import pytest

from mtlviz.plots.style import check_budget
from mtlviz.plots.sweep import further_fields, heat_map

SLOTS, PICKS = "network.options.slots", "network.options.picks"


def cell(slots, picks, mean, count=2, width=8):
    spread = {"mean": mean, "std": 0.25 if count > 1 else None, "low": 0.0, "high": 1.0, "count": count}
    scores = {"semseg": {"miou": spread}, "depth": {"rmse": spread, "delta1": {**spread, "mean": 0.75}}}
    return {"values": {SLOTS: slots, PICKS: picks, "network.width": width}, "seeds": [1, 2][:count], "scores": scores}


def trial(slots, picks, seed, state):
    return {"values": {SLOTS: slots, PICKS: picks, "network.width": 8, "seed": seed}, "state": state}


@pytest.fixture
def sweep():
    """Two by three cells at width 8: three with a number, one failed, one running, one not run."""
    fields = {SLOTS: [5, 10, 20], PICKS: [1, None], "network.width": [8, 16], "seed": [1, 2]}
    return {
        "fields": fields,
        "labels": {field: field.rpartition(".")[2] for field in fields},
        "tasks": {
            "semseg": {"metric": "miou", "unit": "", "lower_is_better": {"miou": False}},
            "depth": {"metric": "rmse", "unit": "m", "lower_is_better": {"rmse": True, "delta1": False}},
        },
        "cells": [cell(5, 1, 0.5), cell(10, 1, 0.6, 1), cell(20, None, 0.25), cell(5, 1, 0.9, width=16)],
        "trials": [trial(5, None, 1, "failed"), trial(20, 1, 1, "running"), trial(10, None, 1, "waiting")],
    }


def said(fig):
    return {(note.x, note.y): note.text for note in fig.layout.annotations}


def test_each_cell_shows_its_mean_and_spread_or_how_many_seeds_it_has(sweep):
    fig = check_budget(heat_map(sweep, SLOTS, PICKS, "semseg"))
    np.testing.assert_array_equal(fig.data[0].z, [[0.5, 0.6, np.nan], [np.nan, np.nan, 0.25]])
    assert fig.data[1].text == ("0.500<br>± 0.25", "0.600<br>1 of 2 seeds", "", "", "", "0.250<br>± 0.25")
    assert (fig.layout.xaxis.ticktext, fig.layout.yaxis.ticktext) == (("5", "10", "20"), ("1", "none"))
    assert fig.layout.title.text == "Segmentation: mIoU, at width 8"


def test_an_empty_cell_is_hatched_and_says_why(sweep):
    fig = heat_map(sweep, SLOTS, PICKS, "semseg")
    assert said(fig) == {(0, 1): "failed", (2, 0): "running", (1, 1): "not run"}
    assert len(fig.layout.shapes) == 3
    spots = np.array([[float(part) for part in shape.path.replace("M", "").replace("L", "").split()]
                      for shape in fig.layout.shapes]).reshape(3, -1, 2)  # fmt: skip
    centres = {tuple(np.round((spot.min(0) + spot.max(0)) / 2)) for spot in spots}
    assert centres == {(0, 1), (2, 0), (1, 1)}
    assert (np.ptp(spots, axis=1) <= 0.97).all()


def test_lighter_is_better_in_both_directions(sweep):
    scales = {metric: heat_map(sweep, SLOTS, PICKS, metric).data[0] for metric in ("semseg", "depth", "depth.delta1")}
    assert scales["semseg"].colorscale == scales["depth.delta1"].colorscale
    assert scales["depth"].colorscale[0][1] == scales["semseg"].colorscale[-1][1]
    assert scales["depth"].colorbar.title.text == "RMSE (m)<br>lighter is better"
    assert scales["depth.delta1"].colorbar.title.text == "delta1<br>lighter is better"


def test_a_further_field_is_held(sweep):
    assert further_fields(sweep, (SLOTS, PICKS)) == {"network.width": [8, 16]}
    fig = heat_map(sweep, SLOTS, PICKS, "semseg", fixed={"network.width": 16})
    assert np.nanmax(fig.data[0].z) == 0.9
    assert set(said(fig).values()) == {"not run"}
    assert fig.layout.title.text.endswith("at width 16")


def test_a_sweep_that_has_not_begun_is_drawn(sweep):
    fig = heat_map({**sweep, "cells": [], "trials": []}, SLOTS, PICKS, "depth")
    assert set(said(fig).values()) == {"not run"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((SLOTS, "seed", "semseg"), "'seed' cannot be shown"),
        ((SLOTS, SLOTS, "semseg"), "cannot be shown; give two of the fields"),
        ((SLOTS, PICKS, "edge"), "there is no task 'edge'; the sweep has semseg, depth"),
    ],
)
def test_what_is_not_in_the_sweep_is_named(sweep, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        heat_map(sweep, *arguments)
    with pytest.raises(ValueError, match=r"network\.width has no value 9; it has 8, 16"):
        heat_map(sweep, SLOTS, PICKS, "semseg", fixed={"network.width": 9})
