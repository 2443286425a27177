"""Who leads, by more than the spread or not, worked out by hand."""

import math
import statistics

import pytest

from mtlviz.analysis.system_leads import Sample, difference_error, front, gain_column, lead, relative, task_column
from mtlviz.analysis.systems import System, table
from tests.app.stored_comparison import comparison, training


def paired(mean, *parts):
    return Sample(mean, parts, True)


def seeds(*parts):
    return Sample(statistics.mean(parts), parts, False)


def test_what_makes_images_hard_is_taken_out_before_two_systems_are_told_apart():
    hard_and_easy = paired(0.5, 0.1, 0.9, 0.4)
    always_better = paired(0.6, 0.2, 1.0, 0.5)
    assert difference_error(always_better, hard_and_easy) == pytest.approx(0)
    assert lead({"a": hard_and_easy, "b": always_better}).clear


def test_the_error_of_paired_groups_is_that_of_the_mean_of_their_differences():
    first, second = paired(2, 1.0, 2.0, 3.0), paired(2, 1.5, 2.0, 2.0)
    assert difference_error(first, second) == pytest.approx(statistics.stdev([-0.5, 0, 1]) / math.sqrt(3))


def test_variances_of_seeds_add_up():
    assert difference_error(seeds(1, 3), seeds(2, 2, 5)) == pytest.approx(math.sqrt(2 / 2 + 3 / 3))


def test_a_lead_of_less_than_two_errors_is_within_the_spread():
    column = {"a": seeds(1.0, 3.0), "b": seeds(2.5, 3.5)}  # error sqrt(1 + 0.25), difference 1
    found = lead(column)
    assert (found.best, found.second, found.ahead, found.within) == ("b", "a", 1.0, ("a",))
    assert not found.clear
    assert lead({"a": seeds(1, 3), "b": seeds(9, 10)}).clear


def test_the_smallest_leads_where_lower_is_better():
    found = lead({"a": paired(2, 2, 2), "b": paired(1, 1, 1), "c": paired(math.nan, 0, 0)}, lower_is_better=True)
    assert (found.best, found.second, found.ahead) == ("b", "a", 1)


def test_without_parts_no_lead_is_clear_and_with_one_system_there_is_none():
    found = lead({"a": paired(2), "b": paired(1)})
    assert (found.known, found.clear, found.within) == (False, False, ())
    assert lead({"a": paired(2, 1, 3)}) is None
    assert difference_error(seeds(1, 2), paired(1, 1, 2)) is None


def test_columns_agree_with_the_table():
    found = comparison()
    rows = {row.name: row for row in table(found, "plentiful")}
    for task in found.headlines:
        column = task_column(found, "plentiful", task)
        assert {name: one.mean for name, one in column.items()} == {n: row.scores[task].mean for n, row in rows.items()}
    gains = gain_column(found, "plentiful")
    assert {name: one.mean for name, one in gains.items()} == pytest.approx(
        {name: row.gain.mean for name, row in rows.items() if row.gain is not None}
    )
    assert gains["kem"].parts == pytest.approx([15.0] * 4)  # every group gains 20 % and 10 %
    assert rows["ctal"].gain.deviation == pytest.approx(statistics.stdev(gains["ctal"].parts) / 2)


def test_several_seeds_take_the_place_of_groups():
    found = comparison()
    found.regimes["plentiful"].systems["kem"] = System("KEM", "", [training(0.6, 0.9), training(0.7, 0.9, seed=2)])
    column = task_column(found, "plentiful", "semseg")
    assert (column["kem"].mean, column["kem"].parts) == (pytest.approx(0.65), (0.6, 0.7))
    assert [name for name, one in column.items() if not one.paired] == ["kem"]
    assert gain_column(found, "plentiful")["kem"].parts == pytest.approx((15, 25))


def test_relative_counts_what_is_better_as_positive():
    rows = {row.name: row for row in table(comparison(), "plentiful")}
    better = relative(rows["kem"], rows["none"], {"semseg": False, "depth": True})
    assert better == pytest.approx({"semseg": 20, "depth": 10})
    assert relative(rows["none"], rows["none"], {"semseg": False, "depth": True}) == {"semseg": 0, "depth": 0}


def test_the_front_holds_those_that_nobody_beats():
    points = {"cheap": (1, 0), "bad": (2, -1), "good": (2, 3), "same": (3, 3), "best": (4, 5)}
    assert front(points) == ["cheap", "good", "best"]
