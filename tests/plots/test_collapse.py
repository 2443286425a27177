"""Figures of neural collapse hold exactly the numbers they are given."""

import numpy as np
import pytest

from mtlviz.analysis.collapse.names import STATISTICS
from mtlviz.analysis.collapse.record import ClassRow, Estimate
from mtlviz.plots.collapse import (
    MODEL_COLOURS,
    Course,
    Line,
    Spectrum,
    band_text,
    course_panel,
    key_rows,
    place_panel,
    spectrum_panel,
)
from mtlviz.plots.collapse_classes import MEASURES, ClassLine, frequency_figure, lag_figure, order
from mtlviz.plots.style import BUDGET, figure_bytes
from mtlviz.trace import PLACES

NC1, AGREEMENT = STATISTICS["nc1_cdnv"], STATISTICS["agreement"]
SPREAD, RECALL = MEASURES["spread within the class"], MEASURES["nearest mean is right"]


def line(side: int, *values: float | None) -> Line:
    """A model with one number a place and a band of 0.1 below and 0.2 above."""
    estimates = {
        place: Estimate(value, *(() if value is None else (value - 0.1, value + 0.2)))
        for place, value in zip(PLACES, values, strict=False)
    }
    return Line("AB"[side], side, estimates)


def rows(*values: tuple[str, float, float | None, float | None]) -> tuple[ClassRow, ...]:
    """Classes of (name, share, scatter, recall)."""
    return tuple(
        ClassRow(label, name, int(share * 1000), share, scatter=scatter, recall=recall)
        for label, (name, share, scatter, recall) in enumerate(values)
    )


ROWS = rows(("wall", 0.6, 0.5, 0.9), ("bed", 0.3, 2.0, 0.2), ("lamp", 0.01, 1.0, 0.5), ("box", 0.0, None, None))


def test_a_panel_holds_every_number_with_its_band_in_the_order_of_the_data_flow() -> None:
    fig = place_panel(NC1, [line(0, 5, 4, 3, 2, 1), line(1, 6, 5, 4, 3, 2)])
    assert [list(trace.y) for trace in fig.data] == [[5, 4, 3, 2, 1], [6, 5, 4, 3, 2]]
    for trace, colour in zip(fig.data, MODEL_COLOURS, strict=True):
        np.testing.assert_allclose(trace.error_y.array, 0.2)
        np.testing.assert_allclose(trace.error_y.arrayminus, 0.1)
        assert trace.marker.color == colour
        np.testing.assert_allclose(np.round(trace.x), range(5))
    assert [text.replace("<br>", " ") for text in fig.layout.xaxis.ticktext] == [
        "encoder", "task encoder", "inter. input", "inter. output", "decoder",
    ]  # fmt: skip
    assert fig.data[0].hovertext[2] == "A, interaction input: 3 (2.9 to 3.2)"
    assert figure_bytes(fig) < BUDGET


def test_two_models_stand_side_by_side_and_one_stands_in_the_middle() -> None:
    both = place_panel(NC1, [line(0, 1.0), line(1, 1.0)])
    assert both.data[0].x[0] < 0 < both.data[1].x[0]
    assert place_panel(NC1, [line(1, 1.0)]).data[0].x == (0,)


@pytest.mark.parametrize(("statistic", "collapsed"), [(NC1, 0), (AGREEMENT, 1)])
def test_exact_collapse_is_drawn_within_the_axis(statistic, collapsed) -> None:
    fig = place_panel(statistic, [line(0, 0.5, 0.6)])
    reference = fig.layout.shapes[0]
    assert (reference.y0, reference.y1) == (collapsed, collapsed)
    low, high = fig.layout.yaxis.range
    assert low < collapsed < high
    assert low < 0.4 < 0.8 < high, "bands fit"
    assert (fig.layout.yaxis.tickformat == ".0%") == (collapsed == 1)


def test_places_that_a_model_lacks_and_numbers_that_are_not_defined_are_left_out() -> None:
    fig = place_panel(NC1, [line(0, 5, None, 3), line(1, 6)])
    assert list(fig.data[0].y) == [5, 3]
    np.testing.assert_allclose(np.round(fig.data[0].x), [0, 2])
    assert list(fig.data[1].y) == [6]
    assert len(fig.layout.xaxis.ticktext) == 3
    empty = place_panel(NC1, [Line("A", 0, {})])
    assert empty.data[0].y == ()


def test_rows_of_one_place_have_a_mark_where_exact_collapse_puts_them() -> None:
    keys = ["nc3_self_duality", "nc3_cosine", "nc4"]
    found = {"nc3_self_duality": Estimate(1.5), "nc3_cosine": Estimate(0.4), "nc4": Estimate(0.2, 0.1, 0.3)}
    fig = key_rows([STATISTICS[key] for key in keys], [Line("A", 0, found)])
    marks, dots = fig.data
    assert list(marks.x) == [0, 1, 0]
    assert list(dots.x) == [1.5, 0.4, 0.2]
    assert list(dots.y) == [0, 1, 2]
    np.testing.assert_allclose(dots.error_x.array, [0, 0, 0.1])
    np.testing.assert_allclose(dots.error_x.arrayminus, [0, 0, 0.1])
    assert fig.layout.xaxis.range[1] > 1.5


def test_a_course_holds_the_steps_and_the_numbers_that_were_logged() -> None:
    fig = course_panel(NC1, [Course("A", 0, (0, 100, 200), (3.0, None, 1.0)), Course("B", 1, (50,), (2.0,))])
    assert [(list(trace.x), list(trace.y)) for trace in fig.data] == [([0, 100, 200], [3, None, 1]), ([50], [2])]
    assert fig.layout.shapes[0].y0 == 0
    assert fig.layout.xaxis.range[0] < 0 < 200 < fig.layout.xaxis.range[1]


def test_a_spectrum_is_cut_behind_as_many_axes_as_the_target_has() -> None:
    fig = spectrum_panel("Normals", [Spectrum("A", 0, (0.5, 0.3, 0.1, 0.1))], 3)
    assert list(fig.data[0].x) == [1, 2, 3, 4]
    assert list(fig.data[0].y) == [0.5, 0.3, 0.1, 0.1]
    assert fig.layout.shapes[0].x0 == 3.5


def test_classes_are_ordered_from_the_one_that_lags_most_whatever_the_direction() -> None:
    assert order(ROWS, SPREAD) == [1, 2, 0], "the widest first"
    assert order(ROWS, RECALL) == [1, 2, 0], "the least often right first"
    assert order(ROWS[3:], SPREAD) == []


def test_a_classifier_that_points_away_from_its_class_means_stays_in_view() -> None:
    fig = key_rows([STATISTICS["nc3_cosine"]], [Line("A", 0, {"nc3_cosine": Estimate(-0.4)})])
    assert fig.layout.xaxis.range[0] < -0.4


def test_the_lag_figure_holds_both_models_class_by_class() -> None:
    other = rows(("wall", 0.6, 0.7, 0.9), ("bed", 0.3, 1.0, 0.2), ("lamp", 0.01, None, 0.5), ("box", 0, None, None))
    fig = lag_figure([ClassLine("A", 0, ROWS), ClassLine("B", 1, other)], SPREAD, [1, 2, 0])
    assert list(fig.layout.yaxis.ticktext) == ["bed (30%)", "lamp (1.0%)", "wall (60%)"]
    assert [(list(trace.x), list(trace.y)) for trace in fig.data] == [([2, 1, 0.5], [0, 1, 2]), ([1, 0.7], [0, 2])]
    joined = [(shape.x0, shape.x1, shape.y0) for shape in fig.layout.shapes[1:]]
    assert joined == [(1, 2, 0), (0.5, 0.7, 2)], "only classes that both models have"
    assert "n = 300" in fig.data[0].hovertext[0]


def test_the_frequency_figure_holds_shares_and_numbers_in_the_colours_of_the_classes() -> None:
    colours = ["#111111", "#222222", "#333333", "#444444"]
    fig = frequency_figure([ClassLine("A", 0, ROWS), ClassLine("B", 1, ROWS)], RECALL, colours, [1, 2, 0])
    for trace in fig.data:
        assert list(trace.x) == [0.6, 0.3, 0.01]
        assert list(trace.y) == [0.9, 0.2, 0.5]
        assert list(trace.marker.color) == colours[:3]
    assert list(fig.data[0].text) == ["wall", "bed", "lamp"]
    assert fig.data[1].text is None, "names are written once"
    assert fig.layout.xaxis.type == "log"
    low, high = fig.layout.xaxis.range
    assert low < np.log10(0.01) < np.log10(0.6) < high
    assert fig.layout.shapes[0].y0 == 1


@pytest.mark.parametrize("title", list(MEASURES))
def test_every_measure_says_its_direction_on_the_axis(title) -> None:
    measure = MEASURES[title]
    full = tuple(ClassRow(i, f"c{i}", 10, 0.1, 1, 1.0, 1.0, 30.0, 0.5, 0.5, 0.5) for i in range(3))
    fig = lag_figure([ClassLine("A", 0, full)], measure, [0, 1, 2])
    direction = "higher is more collapsed" if measure.higher_is_better else "lower is more collapsed"
    assert direction in fig.layout.xaxis.title.text
    assert fig.layout.shapes[0].x0 == measure.collapsed


def test_numbers_are_written_with_their_bands() -> None:
    assert band_text(Estimate(0.8123, 0.7, 0.9)) == "0.812 (0.7 to 0.9)"
    assert band_text(Estimate(0.8123)) == "0.812"
    assert band_text(Estimate(None)) == "not defined"
    assert SPREAD.text(None) == "too few positions"
    assert RECALL.text(0.123) == "12%"
    assert MEASURES["angle to the simplex vertex"].text(31.4) == "31°"
