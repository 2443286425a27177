"""Maps of what a token reads."""

import numpy as np
import pytest

from mtlviz.analysis.attention import Readable
from mtlviz.plots.attention import (
    CELL,
    HATCH_DARK,
    HATCH_LIGHT,
    VEIL,
    percent,
    source_bars,
    source_matrix,
    weight_panels,
    weight_scale,
)
from mtlviz.plots.style import BUDGET, colours, figure_bytes
from mtlviz.trace import TokenLayout

LAYOUT = TokenLayout(("semseg", "depth"), (2, 3))


def panels(row: list[float], candidates: list[int], read: list[int], **options: bool) -> tuple:
    weights = np.array(row)
    there = Readable(np.array(candidates, bool), np.array(read, bool))
    scale = weight_scale([weights], logarithmic=options.pop("logarithmic", False))
    return weight_panels(weights, there, LAYOUT, scale, model="KEM", reading_task="semseg", opacity=1.0)


def cell(panel: object, row: int, column: int) -> np.ndarray:
    return panel.layers[0].picture[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]


def test_read_tokens_are_coloured_unread_veiled_and_unreadable_hatched() -> None:
    own, other = panels([0] * 6 + [0.75, 0.25, 0, 0, 0, 0], [0] * 6 + [1] * 6, [0] * 6 + [1, 1, 1, 0, 0, 0])
    hatch = {tuple(pixel) for pixel in cell(own, 1, 1).reshape(-1, 4)}
    assert hatch == {HATCH_LIGHT, HATCH_DARK}
    np.testing.assert_array_equal(
        cell(other, 0, 0)[..., :3], np.broadcast_to(colours(np.ones(1), 0, 1), (CELL, CELL, 3))
    )
    assert (cell(other, 0, 0)[..., 3] == 255).all()
    assert (cell(other, 0, 2) == VEIL).all()
    assert (cell(other, 1, 0) == VEIL).all()
    assert own.note == "not read: the reader's own task"
    assert other.note == "100% of the weight"
    assert other.hover.texts[0, 0] == "75%, 4.5 times an even share"
    assert other.hover.texts[1, 0] == "free to be read, weight 0"
    assert own.hover.texts[0, 0] == "cannot be read"
    assert (own.task, other.task) == ("semseg", "depth")


def test_one_scale_covers_all_rows_and_starts_at_zero_or_at_the_smallest_weight() -> None:
    rows = [np.array([0.0, 0.5, 0.5]), np.array([0.01, 0.0, 0.99])]
    linear, logarithmic = (weight_scale(rows, logarithmic=choice) for choice in (False, True))
    assert (linear.low, linear.high) == (0, 0.99)
    assert (logarithmic.low, logarithmic.high) == (0.01, 0.99)
    np.testing.assert_allclose(linear.place(rows[1]), [0.01 / 0.99, np.nan, 1])
    np.testing.assert_allclose(logarithmic.place(np.array([0.01, np.sqrt(0.01 * 0.99)])), [0, 0.5])


@pytest.mark.parametrize("weights", [[0.0, 0.0], [0.5, 0.5], [1e-12, 1.0]])
def test_a_scale_of_any_row_has_an_extent_and_ticks_inside(weights: list[float]) -> None:
    for logarithmic in (False, True):
        scale = weight_scale([np.array(weights)], logarithmic=logarithmic)
        assert scale.low < scale.high
        places = [place for place, _ in scale.bar().ticks]
        assert places == sorted(places)
        assert 0 <= places[0] <= places[-1] <= 1
        assert not logarithmic or scale.high / scale.low < 1.001e4


@pytest.mark.parametrize(
    ("share", "text"), [(1, "100%"), (0.123, "12%"), (0.0134, "1.3%"), (0.00041, "0.041%"), (0, "0%")]
)
def test_per_cent_keeps_two_digits(share: float, text: str) -> None:
    assert percent(share) == text


def test_bars_divide_each_reader_by_source_task() -> None:
    fig = source_bars([("KEM", np.array([0.25, 0.75])), ("Cross-attention", np.array([0.0, 1.0]))], LAYOUT.tasks)
    assert [list(trace.x) for trace in fig.data] == [[0.25, 0], [0.75, 1]]
    assert list(fig.data[0].y) == ["KEM", "Cross-attention"]
    assert list(fig.data[0].text) == ["25%", ""]
    assert (fig.layout.legend.y, fig.layout.legend.yanchor) == (1, "bottom"), "away from the title of the axis below"


def test_the_matrix_has_readers_in_rows_and_one_range_for_all_models() -> None:
    fig = source_matrix(np.array([[0.25, 0.75], [1, 0]]), LAYOUT.tasks, "KEM")
    assert (fig.data[0].zmin, fig.data[0].zmax) == (0, 1)
    assert fig.data[0].text[0][1] == "75%"
    assert list(fig.data[0].x) == ["Segmentation", "Depth"]
    assert figure_bytes(fig) < BUDGET
