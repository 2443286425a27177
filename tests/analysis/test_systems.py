"""The table of a comparison, worked out by hand."""

import math
import statistics
from dataclasses import replace

import pytest

from mtlviz.analysis.systems import SINGLE, Comparison, Regime, Spread, System, Training, read_comparison, table
from mtlviz.errors import DataError

GROUPS = {"semseg": [0.4, 0.6], "depth": [1.0, 3.0]}


def training(miou, rmse, seed=1, off=None, groups=None):
    metrics = {"semseg": {"miou": miou}, "depth": {"rmse": rmse}}
    return Training(seed, {"": "0"}, metrics, off, GROUPS if groups is None else groups, {})


def comparison(**systems):
    regime = Regime("", 1, 1, {}, {name: System(name, "", trainings) for name, trainings in systems.items()})
    headlines, lower = {"semseg": "miou", "depth": "rmse"}, {"semseg": False, "depth": True}
    return Comparison("", "", headlines, lower, {"r": regime}, {})


def test_the_gain_is_the_mean_relative_gain_over_each_task_alone():
    off = {"semseg": {"miou": 0.5}, "depth": {"rmse": 1.0}}
    single, kem = table(comparison(single=[training(0.5, 2.0)], kem=[training(0.6, 1.0, off=off)]), "r")
    assert (single.gain, single.gain_off, single.off) == (None, None, {})
    assert kem.gain.mean == pytest.approx(100 * (0.2 + 0.5) / 2)
    assert kem.gain_off == pytest.approx(100 * (0.0 + 0.5) / 2)
    assert kem.off == {"semseg": 0.5, "depth": 1.0}


def test_with_one_seed_the_spread_is_the_standard_error_over_groups_of_images():
    (row,) = table(comparison(kem=[training(0.5, 2.0)]), "r")
    assert row.scores["depth"] == Spread(2.0, statistics.stdev([1.0, 3.0]) / math.sqrt(2), "images")
    assert row.gain is None


def test_the_gain_is_paired_by_group_so_that_hard_images_do_not_widen_it():
    better = {"semseg": [0.44, 0.66], "depth": [0.9, 2.7]}
    _, row = table(comparison(single=[training(0.5, 2.0)], kem=[training(0.55, 1.8, groups=better)]), "r")
    assert row.gain.mean == pytest.approx(10)
    assert row.gain.deviation == pytest.approx(0, abs=1e-9)


def test_a_group_without_a_label_does_not_count():
    holes = {"semseg": [None, 0.6], "depth": [1.0, 3.0]}
    _, row = table(comparison(single=[training(0.5, 2.0)], kem=[training(0.5, 2.0, groups=holes)]), "r")
    assert row.gain == Spread(0.0)
    assert row.scores["semseg"] == Spread(0.5)


def test_with_seeds_the_spread_is_their_standard_deviation():
    single = [training(0.5, 2.0), training(0.5, 2.0, 2)]
    _, row = table(comparison(single=single, kem=[training(0.5, 1.0), training(0.5, 3.0, 2)]), "r")
    assert row.scores["depth"] == Spread(2.0, statistics.stdev([1.0, 3.0]), "seeds")
    assert (row.gain.mean, row.gain.over) == (0.0, "seeds")
    assert row.gain.deviation == pytest.approx(statistics.stdev([25, -25]))


def test_a_baseline_of_zero_leaves_the_gain_out():
    _, row = table(comparison(single=[training(0.0, 2.0)], kem=[training(0.5, 1.0)]), "r")
    assert (row.gain, row.gain_off) == (None, None)


def test_what_is_no_comparison_is_refused():
    with pytest.raises(DataError, match="command"):
        read_comparison({"kind": "comparison", "tier": ""})


def test_the_single_system_has_no_gain_over_itself():
    assert replace(table(comparison(single=[training(0.5, 2.0)]), "r")[0], cost=None).name == SINGLE
