"""The figures of Slot surgery show the numbers that they are given."""

import numpy as np

from mtlviz.plots.style import BUDGET, figure_bytes
from mtlviz.plots.surgery import CHOSEN, Points, effects_figure, faithfulness_figure

SHARES = np.array([[0.5, np.nan], [0.25, 0.0], [0.1, 2.0]])
ROWS, COLUMNS, KEYS = ["slot 7", "slot 2", "slot 0"], ["Depth", "Normals"], [7, 2, 0]
TEXTS = [[f"{row} {column}" for column in COLUMNS] for row in ROWS]


def test_every_cell_prints_its_share_and_hands_on_the_key_of_its_row():
    fig = effects_figure(SHARES, TEXTS, ROWS, COLUMNS, KEYS, chosen=2)
    cells = fig.data[1]
    assert list(cells.text) == ["0.50", "", "0.25", "·", "0.10", "2.00"]
    assert [key for (key,) in cells.customdata] == [7, 7, 2, 2, 0, 0]
    assert list(cells.hovertext) == [text for line in TEXTS for text in line]
    assert list(fig.layout.yaxis.ticktext) == ROWS
    assert fig.layout.yaxis.range[0] > fig.layout.yaxis.range[1]
    (outline,) = fig.layout.shapes
    assert (outline.y0, outline.y1, outline.line.color) == (0.5, 1.5, CHOSEN)


def test_the_scale_starts_at_nothing_and_ends_at_the_largest_share():
    heat = effects_figure(SHARES, TEXTS, ROWS, COLUMNS, KEYS).data[0]
    assert (heat.zmin, heat.zmax) == (0, 2)
    flat = effects_figure(np.zeros((3, 2)), TEXTS, ROWS, COLUMNS, KEYS, chosen=99)
    assert flat.data[0].zmax == 1
    assert not flat.layout.shapes
    empty = effects_figure(np.full((3, 2), np.nan), TEXTS, ROWS, COLUMNS, KEYS)
    assert set(empty.data[1].text) == {""}


def test_many_slots_stay_within_the_budget():
    shares = np.random.default_rng(0).random((200, 6))
    texts = [["x" * 120] * 6] * 200
    assert figure_bytes(effects_figure(shares, texts, ["slot"] * 200, ["task"] * 6, list(range(200)))) < BUDGET


def test_marks_lie_at_their_weight_and_effect_and_keys_travel():
    mark = Points("slot 3", np.array([0.2]), np.array([0.01]), "#123456", "star", ["text"], ["3"], [3])
    fig = faithfulness_figure([mark], "weight", "effect", percent=True)
    (trace,) = fig.data
    assert (trace.x[0], trace.y[0], trace.customdata[0][0], trace.text[0]) == (0.2, 0.01, 3, "3")
    assert "%" in fig.layout.yaxis.tickformat
    assert fig.layout.xaxis.rangemode == fig.layout.yaxis.rangemode == "tozero"


def test_the_legend_names_only_what_holds_no_points():
    none = np.empty(0)
    groups = [
        Points("Depth silenced", none, none, "#123456", "circle", ()),
        Points("a pair", np.ones(1), np.ones(1), "#123456", "circle", ["text"]),
    ]
    fig = faithfulness_figure(groups, "weight", "effect", legend=True)
    assert [trace.showlegend for trace in fig.data] == [True, False]
    assert fig.layout.showlegend
