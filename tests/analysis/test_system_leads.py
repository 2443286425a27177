"""Who leads, by more than chance or not, against independent computations."""

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mtlviz.analysis.system_leads import LEVEL, Column, front, gain_column, lead, margin, task_column
from mtlviz.analysis.system_record import System
from mtlviz.analysis.systems import relative, table
from tests.app.stored_comparison import comparison, several, training


def column(over, **parts):
    return Column({name: statistics.fmean(values) for name, values in parts.items()}, parts, over)


def images(**parts):
    return column("images", **parts)


def seeds(**parts):
    return column("seeds", **parts)


def test_what_makes_images_hard_is_taken_out_before_two_systems_are_told_apart():
    found = images(hard=(0.1, 0.9, 0.4), better=(0.2, 1.0, 0.5))
    assert margin(found, "better", "hard", 0.05) == pytest.approx(0)
    assert lead(found).clear


def test_over_images_the_margin_is_that_of_a_paired_t_test():
    rng = np.random.default_rng(1)
    first, second = rng.normal(1, 1, 10), rng.normal(0, 1, 10)
    p = stats.ttest_rel(first, second, alternative="greater").pvalue
    found = images(first=tuple(first), second=tuple(second))
    assert margin(found, "first", "second", p) == pytest.approx(first.mean() - second.mean())


def test_over_seeds_the_margin_takes_what_a_model_of_systems_and_seeds_leaves():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(4, 3)) + 10 * rng.normal(size=3)  # a seed moves all systems
    system, seed = np.indices(values.shape).reshape(2, -1)
    model = np.column_stack([system == k for k in range(4)] + [seed == k for k in (1, 2)]).astype(float)
    (_, (rest,), rank, _) = np.linalg.lstsq(model, values.ravel(), rcond=None)
    freedom = values.size - rank
    expected = stats.t.ppf(0.99, freedom) * math.sqrt(rest / freedom * 2 / 3)
    assert margin(seeds(**dict(zip("abcd", map(tuple, values), strict=True))), "a", "b", 0.01) == pytest.approx(
        expected
    )


@pytest.mark.parametrize(("over", "parts"), [("seeds", 2), ("seeds", 3), ("images", 10)])
def test_systems_that_are_alike_have_a_leader_no_oftener_than_the_level_says(over, parts):
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(600, 11, parts)) + 5 * rng.normal(size=(600, 1, parts))
    names = [f"s{k}" for k in range(11)]
    clear = [lead(column(over, **dict(zip(names, map(tuple, one), strict=True)))).clear for one in draws]
    assert np.mean(clear) <= LEVEL + 0.01


def test_the_best_of_all_is_among_those_that_are_not_told_from_the_leader():
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(400):
        values = rng.normal(size=(6, 3)) + np.arange(6)[:, None] / 4
        found = lead(seeds(**{f"s{k}": tuple(one) for k, one in enumerate(values)}))
        missed += "s5" not in (found.best, *found.within)
    assert missed / 400 <= LEVEL


def test_a_system_that_is_ahead_of_each_other_leads():
    found = lead(seeds(a=(1.0, 1.1, 0.9), b=(1.0, 1.1, 0.95), c=(2.0, 2.1, 1.9)))
    assert (found.best, found.second, found.within) == ("c", "b", ())
    assert found.clear


def test_the_smallest_leads_where_lower_is_better():
    found = lead(images(a=(2, 2), b=(1, 1), c=(math.nan, 0)), lower_is_better=True)
    assert (found.best, found.second, found.ahead) == ("b", "a", 1)


def test_without_parts_no_lead_is_clear_and_with_one_system_there_is_none():
    found = lead(Column({"a": 2, "b": 1}, {"a": (), "b": ()}, ""))
    assert (found.known, found.clear, found.within) == (False, False, ())
    assert lead(images(a=(2, 1, 3))) is None


def test_columns_agree_with_the_table():
    for found in (comparison(), several()):
        rows = {row.name: row for row in table(found, "plentiful")}
        for task in found.headlines:
            one = task_column(found, "plentiful", task)
            assert one.means == {name: row.scores[task].mean for name, row in rows.items()}
        gains = gain_column(found, "plentiful")
        held = {name: row.gain for name, row in rows.items() if row.gain is not None}
        assert gains.means == {name: gain.mean for name, gain in held.items()}
        for name, gain in held.items():
            error = statistics.stdev(gains.parts[name])
            assert gain.deviation == pytest.approx(error / (2 if gains.over == "images" else 1))
    assert gain_column(comparison(), "plentiful").parts["kem"] == pytest.approx([15.0] * 4)  # 20 % and 10 % everywhere


def test_several_seeds_take_the_place_of_groups_where_all_systems_have_them():
    assert task_column(several(), "plentiful", "semseg").over == "seeds"
    assert len(task_column(several(), "plentiful", "semseg").parts["kem"]) == 3
    found = comparison()
    found.regimes["plentiful"].systems["kem"] = System("KEM", "", [training(0.6, 0.9), training(0.7, 0.9, seed=2)])
    assert task_column(found, "plentiful", "semseg").means["kem"] == 0.6  # the others lack the second seed
    assert gain_column(found, "plentiful").parts["kem"] == pytest.approx([15.0] * 4)


def test_systems_without_a_common_seed_are_not_tested():
    found = comparison()
    systems = found.regimes["plentiful"].systems
    systems["kem"] = replace(systems["kem"], trainings=[training(0.6, 0.9, seed=7)])
    assert not lead(task_column(found, "plentiful", "semseg")).known
    assert "kem" not in gain_column(found, "plentiful").means


def test_relative_counts_what_is_better_as_positive_seed_by_seed():
    better = relative(comparison(), "plentiful", "none")
    assert {task: one.mean for task, one in better["kem"].items()} == pytest.approx({"semseg": 20, "depth": 10})
    assert {one.mean for one in better["none"].values()} == {0}
    found = several()
    systems = found.regimes["plentiful"].systems
    gains = [100 * (1 - mine.metrics["depth"]["rmse"] / base.metrics["depth"]["rmse"])
             for mine, base in zip(systems["kem"].trainings, systems["none"].trainings, strict=True)]  # fmt: skip
    one = relative(found, "plentiful", "none")["kem"]["depth"]
    assert (one.mean, one.deviation, one.count) == (
        pytest.approx(np.mean(gains)),
        pytest.approx(np.std(gains, ddof=1)),
        3,
    )


def test_the_front_holds_those_that_nobody_beats():
    points = {"cheap": (1, 0), "bad": (2, -1), "good": (2, 3), "same": (3, 3), "best": (4, 5)}
    assert front(points) == ["cheap", "good", "best"]
