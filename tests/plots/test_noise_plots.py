"""Figures of the Attention noise page: outlines, histograms, floors and dose-response curves are what they say."""

import numpy as np
import pytest

from mtlviz.analysis.attention import Readable, noise_floor
from mtlviz.plots.attention import weight_panels, weight_scale
from mtlviz.plots.noise import Spread, pair_figure, spread_figure
from mtlviz.plots.noise_doses import COLOURS, SYMBOLS, Dot, Point, Response, dots_figure, response_figure
from mtlviz.plots.noise_floor import Measured, RangeMark, Setting, range_figure, task_figure, token_figure
from mtlviz.plots.noise_maps import CELL, outline, outlined, reader_panels
from mtlviz.plots.style import check_budget
from mtlviz.trace import TokenLayout

LAYOUT = TokenLayout(("semseg", "depth"), (3, 4))


def edge_cells(members) -> set[tuple[int, int]]:
    """Cells in which the outline drew something."""
    drawn = outline(np.array(members, bool)).picture[..., 3] > 0
    rows, columns = drawn.shape[0] // CELL, drawn.shape[1] // CELL
    blocks = drawn.reshape(rows, CELL, columns, CELL).any((1, 3))
    return set(zip(*map(list, np.nonzero(blocks)), strict=True))


def test_an_outline_runs_inside_the_members_and_not_between_them():
    assert edge_cells([[0, 0, 0], [0, 1, 0], [0, 0, 0]]) == {(1, 1)}
    every = edge_cells(np.ones((3, 4)))
    assert (1, 1) not in every
    assert (0, 0) in every
    assert not edge_cells(np.zeros((3, 4)))
    picture = outline(np.array([[True, True]])).picture
    assert not picture[CELL // 2, CELL - 4 : CELL + 4, 3].any()  # no line between two members


def test_the_note_of_a_map_says_what_share_of_its_mass_leaks():
    row = np.arange(24.0) / np.arange(24).sum()
    relevant, known = np.arange(24) % 2 == 0, np.ones(24, bool)
    panels = weight_panels(row, Readable(known, row > 0), LAYOUT, weight_scale([row], logarithmic=False), model="KEM")
    found = outlined(panels, row, relevant, known, LAYOUT)
    leaked = row[:12][~relevant[:12]].sum() / row[:12].sum()
    assert f"{leaked:.0%}" in found[0].note
    assert len(found[0].layers) == len(panels[0].layers) + 1
    plain = outlined(panels, row, np.zeros(24, bool), np.zeros(24, bool), LAYOUT)
    assert "leaks" not in plain[0].note
    assert len(plain[0].layers) == len(panels[0].layers)


def test_maps_of_readers_leave_out_who_has_no_number():
    values = np.array([0.25, np.nan, 0.75])
    first, second = reader_panels(values, np.array([0, 5, 11]), LAYOUT, model="KEM", texts=["a", "b", "c"])
    assert first.note == "mean 50%"
    assert second.note == "no reader with a label"
    assert (first.layers[0].picture[..., 3] > 0).sum() == 2
    assert first.hover.texts[2, 3] == "c"
    assert first.scale.low == 0
    assert first.scale.high == 1


def test_maps_against_chance_are_centred_at_zero():
    panel, _ = reader_panels(np.array([-0.1, 0.05]), np.array([0, 1]), LAYOUT, model="KEM", texts=["", ""], limit=0.2)
    assert (panel.scale.low, panel.scale.high) == (-0.2, 0.2)
    blue, red = panel.layers[0].picture[0, 0], panel.layers[0].picture[0, 1]
    assert blue[2] > blue[0]
    assert red[0] > red[2]


def test_a_histogram_holds_every_token_once():
    mass = np.array([0.0, 0.1, 0.1, 0.999, 1.0, np.nan])
    fig = spread_figure([Spread("KEM", 0, mass, np.full(6, 0.5))])
    assert sum(fig.data[0].y[:-1]) == pytest.approx(1)
    assert "n = 5 tokens" in fig.data[0].name
    assert [shape.x0 for shape in fig.layout.shapes] == [pytest.approx(np.nanmean(mass)), 0.5]


@pytest.mark.parametrize(("half_range", "floor"), [(1, 0.956), (2, 0.744), (3, 0.283), (4, 0.051)])
def test_the_sliders_give_the_published_floors(half_range, floor):
    """n = 9600 tokens of which 60 are relevant (kem.md 2.6)."""
    setting = Setting(tokens=9600, tasks=2, relevant=60, half_range=half_range)
    assert setting.floor == pytest.approx(floor, abs=6e-4)
    assert setting.floor == pytest.approx(noise_floor(9600, 60, half_range))


def test_the_needed_half_range_reaches_the_aim_exactly():
    setting = Setting(320, 4, 60, 0.0)
    needed = setting.half_range_for(0.1)
    assert Setting(320, 4, 60, needed).floor == pytest.approx(0.1)
    assert Setting(320, 4, 960, 1.0).half_range_for(0.1) == 0


def test_without_any_range_of_logits_the_floor_is_chance():
    setting = Setting(320, 3, 64, 0.0)
    assert setting.floor == pytest.approx(setting.chance) == pytest.approx(0.9)


def test_the_floor_rises_with_tokens_where_relevant_ones_stay_and_not_where_they_grow_along():
    setting = Setting(320, 4, 60, 2.0)
    fixed, along = (token_figure([], setting, grow=grow).data[0] for grow in (False, True))
    assert (np.diff(fixed.y) >= 0).all()
    assert fixed.y[-1] > 0.95
    assert set(np.round(along.y, 12)) == {round(setting.floor, 12)}
    nearest = int(np.abs(np.asarray(fixed.x) - setting.candidates).argmin())
    assert fixed.y[nearest] == pytest.approx(setting.floor, abs=0.02)


def test_every_task_adds_its_tokens_to_the_floor():
    setting = Setting(320, 4, 60, 2.0)
    line, cross = task_figure([], setting).data
    assert list(line.x) == [1, 2, 3]
    assert list(line.y) == pytest.approx([noise_floor(320 * count, 60, 2.0) for count in (1, 2, 3)])
    assert (cross.x[0], cross.y[0]) == (3, pytest.approx(setting.floor))


def test_a_model_without_a_floor_has_no_line_for_it():
    four, nothing = np.arange(1, 5) / 10, np.full(4, np.nan)
    names = [trace.name for trace in token_figure([Measured("KEM", 0, four * 1000, four, four, nothing)],
                                                  Setting(320, 4, 60, 2.0)).data]  # fmt: skip
    assert "KEM, measured" in names
    assert "KEM, its floor" not in names


def test_the_floor_falls_with_the_range_of_the_logits_and_slots_have_their_own():
    setting = Setting(320, 4, 60, 2.0)
    marks = [RangeMark("Attention", 1, 2.0, 1.5, 2.5, 0.7, "measured")]
    tokens, slots, mark = range_figure(marks, setting, 20).data
    assert (np.diff(tokens.y) < 0).all()
    assert tokens.y[0] == pytest.approx(setting.chance)
    assert slots.y[0] == pytest.approx(0.95)
    assert np.interp(2, slots.x, slots.y) == pytest.approx(noise_floor(20, 1, 2.0), abs=1e-3)
    assert (mark.error_x.array[0], mark.error_x.arrayminus[0]) == (0.5, 0.5)


def test_a_matrix_leaves_cells_without_a_number_empty():
    fig = pair_figure(np.array([[np.nan, 0.5], [0.25, np.nan]]), ["semseg", "depth"], "KEM")
    assert [list(row) for row in fig.data[0].text] == [["", "50%"], ["25%", ""]]
    assert (fig.data[0].zmin, fig.data[0].zmax) == (0, 1)


def response(place=0, singles=True):
    points = [Point(level, level / 10, level / 20, level / 5, f"noise {level}") for level in (0.5, 1.0)]
    return Response(f"model {place}", place, (*points, *([Point(1.1, 0.3, single=True)] if singles else [])))


def test_a_curve_starts_where_nothing_was_done_and_other_images_stand_beside_it():
    band, line, single = response_figure([response()], "leak", "dose").data
    assert line.x[0] == line.y[0] == 0
    assert len(line.x) == 3
    assert list(single.x) == [1.1]
    assert single.marker.symbol.endswith("-open")
    assert max(band.y) == 0.2


def test_a_curve_of_one_draw_has_no_band():
    one = Response("KEM", 0, (Point(1.0, 0.1), Point(2.0, 0.2)))
    (line,) = response_figure([one], "leak", "dose").data
    assert line.mode == "lines+markers"


def test_ten_models_have_ten_looks_and_fit_the_budget():
    assert len(set(COLOURS)) == len(set(SYMBOLS)) == 10
    fig = check_budget(response_figure([response(place) for place in range(12)], "leak", "dose"))
    looks = {(trace.line.color, trace.marker.symbol) for trace in fig.data if trace.mode == "lines+markers"}
    assert len(looks) == 10


def test_dots_stand_in_their_rows_with_their_intervals():
    dots = [Dot("same class", "KEM", 0, 0.1, 0.0, 0.3), Dot("same depth bin", "KEM", 0, -0.1),
            Dot("same class", "XA", 1, 0.2, 0.1, 0.3)]  # fmt: skip
    fig = dots_figure(dots, "this image", "gain")
    assert list(fig.layout.yaxis.ticktext) == ["same class", "same depth bin"]
    assert [round(y) for y in fig.data[0].y] == [0, 1]
    assert fig.data[0].y[0] != fig.data[1].y[0]
    assert list(fig.data[0].error_x.array) == [pytest.approx(0.2), 0]
    assert fig.layout.shapes[0].x0 == 0
