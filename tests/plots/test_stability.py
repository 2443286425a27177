"""Figures of the Stability page: what is drawn is what was measured."""

import numpy as np
import pytest

from mtlviz.analysis.stability.comparison import clean_selection, compare_change
from mtlviz.analysis.stability.names import PAIRED, measure
from mtlviz.analysis.stability.perturbations import IDENTITY, Perturbation
from mtlviz.plots.collapse import MODEL_COLOURS, MODEL_SYMBOLS
from mtlviz.plots.geometry import Geometry
from mtlviz.plots.stability import Course, SetDot, SlotLine, curve_figure, set_figure, slot_figure
from mtlviz.plots.stability_maps import FATES, Mark, mark_traces, pick_marks, pick_panel
from mtlviz.plots.stability_shares import ClassDot, share_figure
from mtlviz.plots.style import check_budget
from tests.analysis.brightest import Brightest, spotted


def shifted(places, seed=0):
    clean = clean_selection(Brightest(), spotted(places))
    return compare_change(clean, Brightest(), Perturbation("shift", 2), seed)


def test_an_unchanged_image_has_kept_picks_alone():
    clean = clean_selection(Brightest(), spotted({0: [(3, 4)], 1: [(5, 3)]}))
    before, after = pick_marks(compare_change(clean, Brightest(), IDENTITY, 0), None)
    assert {mark.fate for mark in before} == {"kept"}
    assert before == after


def test_a_pick_that_left_the_image_is_outside_and_its_successor_new():
    """A spot in each corner: whatever the direction of the shift, at least one corner leaves the image."""
    found = shifted({0: [(0, 0), (0, 9), (7, 0)], 1: [(3, 3), (4, 4), (4, 6)]})
    before, after = pick_marks(found, "semseg")
    assert {mark.slot for mark in before} == {0}
    assert "outside" in {mark.fate for mark in before}
    assert {mark.fate for mark in pick_marks(found, "depth")[0]} == {"kept"}
    assert len(before) == len(after) == 3


def test_picks_are_drawn_where_they_are_in_their_own_image():
    found = shifted({0: [(3, 4), (4, 5), (3, 6)], 1: [(5, 3), (4, 4), (3, 3)]})
    before, after = pick_marks(found, "semseg")
    moved = {(b.row - a.row, b.column - a.column) for b, a in zip(before, after, strict=True)}
    assert len(moved) == 1
    assert moved != {(0, 0)}


def test_the_note_of_a_map_counts_what_its_traces_draw():
    marks = [Mark(0, "semseg", 1, 1, "kept"), Mark(1, "semseg", 2, 2, "lost"), Mark(2, "depth", 2, 2, "lost")]
    geometry = Geometry((64, 80), (8, 10), (0.0, 0.0), (8.0, 8.0))
    traces = {trace.name: trace for trace in mark_traces(marks, geometry)}
    assert pick_panel("x", marks, (16, 20), 20).note == "1 kept, 2 lost"
    assert pick_panel("x", [], (16, 20), 20).note == "no pick among the tokens of this task"
    assert list(traces["kept"].text) == ["0"]
    assert (traces["kept"].x[0], traces["kept"].y[0]) == geometry.centre(1, 1)
    shared = list(zip(traces["lost"].x, traces["lost"].y, strict=True))
    assert len(set(shared)) == 2  # two slots on one token are drawn apart
    np.testing.assert_allclose(np.mean(shared, 0), geometry.centre(2, 2))


def test_fates_differ_by_more_than_colour():
    symbols = {(look.symbol, look.fill) for look in FATES.values()}
    assert len(symbols) == len(FATES)
    assert len({FATES[fate].symbol for fate in ("kept", "lost", "new")}) == 3


def test_slots_are_drawn_with_their_values_and_unknown_ones_with_none():
    values = {key: np.array([0.5, np.nan, 1.0]) for key in PAIRED}
    shown = [measure("tokens"), measure("margin")]
    fig = slot_figure([SlotLine("KEM", 0, values), SlotLine("sKEM", 1, {k: v[:2] for k, v in values.items()})], shown)
    check_budget(fig)
    assert len(fig.data) == 4
    np.testing.assert_array_equal(fig.data[0].y, values["tokens"])
    assert "unknown" in fig.data[0].text[1]
    assert [trace.showlegend for trace in fig.data] == [True, True, False, False]
    assert fig.data[1].x.max() < 2


def test_a_curve_has_its_band_around_its_mean():
    values = np.array([[1.0, 1.0], [0.4, 0.6]])
    fig = curve_figure([Course("KEM", 0, (0.0, 0.1), values)], measure("tokens"), "sigma", 0.05)
    band, line = fig.data
    assert list(line.y) == [1.0, 0.5]
    assert list(band.y) == [1.0, 0.6, 0.4, 1.0]
    assert fig.layout.shapes[0].x0 == 0.05


def test_a_set_has_a_row_a_change_and_an_interval_a_model():
    dots = [
        SetDot("nothing", 0, 1.0, 1.0, 1.0, 5),
        SetDot("nothing", 1, 1.0, None, None, 1),
        SetDot("noise", 0, 0.5, 0.4, 0.7, 5),
    ]
    fig = set_figure(dots, {0: "KEM", 1: "sKEM"}, measure("tokens"))
    assert list(fig.layout.yaxis.ticktext) == ["nothing", "noise"]
    np.testing.assert_allclose(fig.data[0].error_x.array, [0, 0.2])
    np.testing.assert_allclose(fig.data[0].error_x.arrayminus, [0, 0.1])
    assert list(fig.data[1].error_x.array) == [0]
    assert fig.layout.yaxis.range[0] > fig.layout.yaxis.range[1]  # drawn from above


def test_the_second_model_alone_keeps_its_colour_and_marker():
    alone = set_figure([SetDot("noise", 1, 0.5, 0.4, 0.7, 5)], {1: "sKEM"}, measure("tokens"))
    assert (alone.data[0].marker.color, alone.data[0].marker.symbol) == (MODEL_COLOURS[1], MODEL_SYMBOLS[1])
    shares = share_figure([ClassDot("lamp", "#ffdd00", 1, 0.02, 0.2)], {1: "sKEM"})
    assert {trace.marker.symbol for trace in shares.data[1:]} == {MODEL_SYMBOLS[1]}


def test_shares_in_proportion_lie_on_the_line_and_need_no_name():
    dots = [ClassDot("wall", "#cccccc", 0, 0.5, 0.5), ClassDot("lamp", "#ffdd00", 0, 0.02, 0.2)]
    fig = share_figure(dots, {0: "KEM"})
    marks = fig.data[1]
    assert marks.x[0] == marks.y[0] == pytest.approx(0.5**0.5)
    assert list(marks.text) == ["", "lamp"]
    assert list(marks.marker.color) == ["#cccccc", "#ffdd00"]
    assert "20.0% of the picks" in marks.hovertext[1]


def test_a_class_is_named_once_where_it_is_farthest_from_the_line():
    dots = [ClassDot("lamp", "#ffdd00", 0, 0.02, 0.2), ClassDot("lamp", "#ffdd00", 1, 0.02, 0.4)]
    fig = share_figure(dots, {0: "KEM", 1: "sKEM"})
    assert [list(trace.text) for trace in fig.data if trace.text is not None] == [[""], ["lamp"]]
