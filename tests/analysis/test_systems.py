"""The table of a comparison, worked out by hand."""

import math
import statistics
from dataclasses import asdict, replace

import pytest

from mtlviz.analysis.system_record import SINGLE, Comparison, Regime, System, Training
from mtlviz.analysis.system_words import left_out_sentence, seeds_phrase, spread_sentence
from mtlviz.analysis.systems import Spread, read_comparison, table
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
    assert row.scores["depth"] == Spread(2.0, statistics.stdev([1.0, 3.0]) / math.sqrt(2), "images", 2)
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
    assert row.scores["depth"] == Spread(2.0, statistics.stdev([1.0, 3.0]), "seeds", 2)
    assert (row.gain.mean, row.gain.over) == (0.0, "seeds")
    assert row.gain.deviation == pytest.approx(statistics.stdev([25, -25]))


def test_the_gain_of_a_seed_is_over_the_networks_of_one_task_from_that_seed():
    single = [training(0.4, 1.0, 2), training(0.5, 2.0, 1)]  # in another order
    off = {"semseg": {"miou": 0.4}, "depth": {"rmse": 2.0}}
    _, row = table(comparison(single=single, kem=[training(0.6, 1.0, off=off), training(0.4, 1.0, 2, off=off)]), "r")
    gains = [100 * (0.2 + 0.5) / 2, 0.0]
    assert (row.gain.mean, row.gain.over, row.gain.count) == (pytest.approx(17.5), "seeds", 2)
    assert row.gain.deviation == pytest.approx(statistics.stdev(gains))
    assert row.gain_off == pytest.approx((100 * (-0.2 + 0) / 2 + 100 * (0 - 1) / 2) / 2)


def test_only_seeds_that_all_systems_have_are_counted():
    one, two = training(0.5, 2.0), training(0.9, 1.0, 2)
    found = comparison(single=[one, two], kem=[one, two], ctal=[one])
    rows = table(found, "r")
    assert [(row.seeds, row.scores["semseg"].mean) for row in rows] == [(1, 0.5)] * 3
    assert {row.scores["semseg"].over for row in rows} == {"images"}
    assert "seed 2 (2 of 3 systems)" in left_out_sentence(found.regimes["r"])
    assert left_out_sentence(comparison(single=[one, two], kem=[two, one]).regimes["r"]) == ""


def test_without_a_common_seed_each_row_is_of_its_own_and_nothing_is_gained():
    found = comparison(single=[training(0.5, 2.0)], kem=[training(0.6, 1.0, 2), training(0.6, 1.0, 3)])
    rows = table(found, "r")
    assert ([row.seeds for row in rows], rows[1].gain) == ([1, 2], None)
    assert seeds_phrase(rows) == "1 to 2 seeds"
    assert "no seed in common" in left_out_sentence(found.regimes["r"])
    assert "or the standard error over groups of images" in spread_sentence(rows)


def test_the_sentence_about_the_spread_says_how_many_it_is_over():
    seeds = [training(0.5, 2.0, seed) for seed in (1, 2, 3)]
    assert "deviation over 3 seeds; Δm" in spread_sentence(table(comparison(single=seeds, kem=seeds), "r"))
    assert spread_sentence(table(comparison(kem=seeds), "r")) == "± is the sample standard deviation over 3 seeds."
    assert "over 2 groups of held-out images; there is one seed" in spread_sentence(table(comparison(a=seeds[:1]), "r"))
    assert "No spread is known" in spread_sentence(table(comparison(a=[training(0.5, 2.0, groups={})]), "r"))


def test_a_metric_that_one_seed_lacks_has_no_mean():
    found = comparison(
        single=[training(0.5, 2.0), training(0.5, 2.0, 2)], kem=[training(0.6, None), training(0.6, 1.0, 2)]
    )
    _, row = table(found, "r")
    assert math.isnan(row.scores["depth"].mean)
    assert row.scores["depth"].deviation is None
    assert math.isnan(row.gain.mean)
    assert row.scores["semseg"].mean == 0.6


def test_a_baseline_of_zero_leaves_the_gain_out():
    _, row = table(comparison(single=[training(0.0, 2.0)], kem=[training(0.5, 1.0)]), "r")
    assert (row.gain, row.gain_off) == (None, None)


def test_what_is_no_comparison_is_refused():
    with pytest.raises(DataError, match="command"):
        read_comparison({"kind": "comparison", "tier": ""})


@pytest.mark.parametrize(
    "damaged",
    [
        comparison(kem=[]),
        comparison(kem=[replace(training(0.5, 2.0), metrics={"semseg": {"miou": 0.5}})]),
        comparison(single=[training(0.5, 2.0)], kem=[training(0.5, 2.0, off={})]),
        replace(comparison(kem=[training(0.5, 2.0)]), lower_is_better={}),
    ],
)
def test_systems_that_lack_what_a_table_takes_are_refused(damaged):
    with pytest.raises(DataError, match="lack scores"):
        read_comparison(asdict(damaged))


def test_the_single_system_has_no_gain_over_itself():
    assert replace(table(comparison(single=[training(0.5, 2.0)]), "r")[0], cost=None).name == SINGLE
