"""Figures of the comparison against numbers worked out by hand."""

import pytest

from mtlviz.analysis.systems import relative, table
from mtlviz.plots.style import BUDGET, figure_bytes
from mtlviz.plots.systems import LOOKS, OTHERS, axis_label, broken, gain_figure, gain_limits, looks, spread_text
from mtlviz.plots.systems_cost import PRICES, cost_figure
from mtlviz.plots.systems_tasks import parallel_figure
from mtlviz.plots.systems_training import training_figure
from tests.app.stored_comparison import HEADLINES, comparison, several


@pytest.fixture(scope="module")
def rows():
    return table(comparison(), "plentiful")


def trace(fig, name):
    return next(one for one in fig.data if one.name == name)


def test_every_known_system_has_a_look_of_its_own():
    every = [*LOOKS.values(), *OTHERS]
    assert len({(look.colour, look.symbol) for look in every}) == len(every)
    assert len({look.colour for look in every}) == len(every)
    assert len({look.symbol for look in LOOKS.values()}) >= len(LOOKS) - 2  # references share with one system each


def test_a_system_looks_the_same_beside_others():
    assert looks(["kem", "mine"])["kem"] == looks(["other", "mine", "kem"])["kem"] == LOOKS["kem"]
    assert looks(["mine", "yours"])["mine"] != looks(["mine", "yours"])["yours"]


def test_gains_are_filled_on_and_open_off_with_their_interval(rows):
    fig = gain_figure(rows, gain_limits(rows))
    on, off = trace(fig, "KEM"), trace(fig, "KEM, off")
    assert on.x[0] == pytest.approx(15)
    assert off.x[0] == pytest.approx(-5)  # 10% worse in segmentation, the same in depth
    assert off.marker.symbol == f"{on.marker.symbol}-open"
    ctal = next(row for row in rows if row.name == "ctal")
    assert trace(fig, "CTAL & co").error_x.array[0] == ctal.gain.deviation
    assert fig.layout.yaxis.ticktext[0] == "KEM"
    low, high = fig.layout.xaxis.range
    assert low < -5 < 15 < high
    assert trace(fig, "Hard sharing").error_x.array[0] == 0


def test_each_task_alone_has_no_gain_over_itself(rows):
    assert "Each task alone" not in [one.name for one in gain_figure(rows).data]
    assert gain_limits([row for row in rows if row.gain is None]) is None


def test_lines_over_tasks_rise_where_a_lower_metric_is_better(rows):
    reference = next(row for row in rows if row.name == "none")
    fig = parallel_figure(rows, reference, relative(comparison(), "plentiful", "none"), HEADLINES)
    assert trace(fig, "KEM").y == pytest.approx((20, 10))
    assert trace(fig, "Each task alone").y == (0, 0)
    assert "Hard sharing" not in [one.name for one in fig.data]
    assert "RMSE 0.9000" in trace(fig, "KEM").text[1]
    assert "+10.00 ± 0.00% better" in trace(fig, "KEM").text[1]


def test_names_stand_beside_those_that_nobody_beats(rows):
    for name, price in PRICES.items():
        named = [one.name for one in cost_figure(rows, price).data if one.text is not None]
        assert named == (["KEM"] if name == "memory" else ["Hard sharing", "KEM"])  # all need as much memory
    fig = cost_figure(rows, PRICES["parameters"])
    assert (trace(fig, "KEM").x[0], trace(fig, "KEM").y[0]) == (2, pytest.approx(15))
    assert trace(fig, "nobody beats these").line.shape == "hv"


def test_curves_are_drawn_as_they_are_or_against_hard_sharing():
    systems = comparison().regimes["plentiful"].systems
    plain = training_figure(systems, "depth")
    assert trace(plain, "Each task alone").y == (2, 1)
    assert len(plain.data) == len(systems)
    systems["kem"].trainings[0].curves[""].losses["depth"][:] = [1.0, 1.5]
    against = training_figure(systems, "depth", systems["none"])
    assert trace(against, "KEM").y == pytest.approx((-50, 50))
    assert trace(against, "Hard sharing").y == (0, 0)


def test_curves_of_several_seeds_are_their_mean_on_a_band_from_the_lowest_to_the_highest():
    systems = several().regimes["plentiful"].systems
    fig = training_figure(systems, "depth")
    assert len(fig.data) == 2 * len(systems)
    assert trace(fig, "KEM").y == (4, 2)  # losses of 2, 4 and 6, and of half of it
    assert "3 seeds from 2 to 6" in trace(fig, "KEM").text[0]
    band = trace(fig, "kem, seeds")
    assert sorted(zip(band.x, band.y, strict=True)) == [(100, 2), (100, 6), (200, 1), (200, 3)]
    against = training_figure(systems, "depth", systems["none"])
    assert trace(against, "KEM").y == pytest.approx((0, 0))
    assert trace(against, "kem, seeds").y == pytest.approx((0, 0, 0, 0))  # of the same seed, all are alike


def test_figures_stay_within_their_budget(rows):
    systems = comparison().regimes["plentiful"].systems
    for fig in (gain_figure(rows), cost_figure(rows, PRICES["GMAC"]), training_figure(systems, "depth")):
        assert figure_bytes(fig) < BUDGET


def test_labels_carry_unit_and_direction(rows):
    assert axis_label("depth", "rmse") == "Depth RMSE (m) ↓"
    assert axis_label("semseg", "miou") == "Segmentation mIoU ↑"
    assert spread_text("mean_angle", rows[0].scores["depth"]).startswith("1.00 ±")
    assert broken("Top-K cross-attention") == "Top-K<br>cross-attention"
    assert broken("KEM") == "KEM"
