"""Maps of one image share one geometry."""

import numpy as np
import pytest

from mtlviz.data.letterbox import Letterbox
from mtlviz.plots import maps
from mtlviz.plots.style import BUDGET, figure_bytes

GRID = (16, 20)
ROOM = maps.Geometry.of(Letterbox((128, 160), (128, 160)), GRID)
WIDE = maps.Geometry.of(Letterbox((427, 640), (128, 160)), GRID)
TALL = maps.Geometry.of(Letterbox((640, 427), (128, 160)), GRID)


def image(geometry: maps.Geometry) -> np.ndarray:
    return np.zeros((*geometry.size, 3), np.uint8)


def tokens(fig) -> dict:
    return next(trace for trace in fig.data if trace.name == "tokens")


def test_without_padding_tokens_tile_the_image():
    assert ROOM.origin == (0, 0)
    assert ROOM.cell == (8, 8)
    assert ROOM.visible.all()


@pytest.mark.parametrize("geometry", [ROOM, WIDE, TALL])
def test_every_visible_token_is_found_again_at_its_centre(geometry):
    for row, column in zip(*np.nonzero(geometry.visible), strict=True):
        assert geometry.token_at(*geometry.centre(row, column)) == (row, column)


@pytest.mark.parametrize(("geometry", "axis"), [(WIDE, 0), (TALL, 1)])
def test_padding_lies_outside_of_the_image(geometry, axis):
    assert geometry.origin[axis] < 0
    assert not geometry.visible.all()
    assert geometry.visible.any(axis=1 - axis).sum() < GRID[axis]


def test_visible_tokens_are_those_of_the_letterbox():
    box = Letterbox((427, 640), (128, 160))
    row, column, rows, columns = box.token_box(8)
    expected = np.zeros(GRID, bool)
    expected[row : row + rows, column : column + columns] = True
    assert (WIDE.visible == expected).all()


def test_a_token_of_the_padding_is_moved_to_the_nearest_of_the_image():
    first = int(np.flatnonzero(WIDE.visible.any(1))[0])
    assert WIDE.clip(0, 7) == (first, 7)


@pytest.mark.parametrize("geometry", [ROOM, WIDE, TALL])
def test_all_maps_of_an_image_have_the_same_axes(geometry):
    plain = maps.draw(maps.Panel("plain"), geometry, image=image(geometry))
    cells = maps.Panel("cells", (maps.cells(np.random.rand(*GRID), 0, 1),), scale=maps.Scale(0, 1, "weight"))
    rich = maps.draw(cells, geometry, image=image(geometry), picked=(8, 10))
    assert plain.layout.xaxis == rich.layout.xaxis
    assert plain.layout.yaxis == rich.layout.yaxis
    assert plain.layout.yaxis.range == (geometry.size[0], 0)


def test_maps_in_a_row_have_the_same_height_and_margins():
    plain, scaled = maps.Panel("a"), maps.Panel("b", scale=maps.Scale(0, 1, "weight"), note="n = 3")
    first = maps.draw(plain, ROOM, room_for=[plain, scaled])
    second = maps.draw(scaled, ROOM, room_for=[plain, scaled])
    assert first.layout.height == second.layout.height
    assert first.layout.margin == second.layout.margin


def test_cells_cover_the_grid_and_not_the_image():
    layer = maps.cells(np.random.rand(*GRID), 0, 1)
    picture = maps.draw(maps.Panel("cells", (layer,)), WIDE).layout.images[0]
    assert (picture.y, picture.x) == WIDE.origin
    assert picture.sizey == pytest.approx(16 * WIDE.cell[0], rel=1e-5)


def test_a_cell_without_a_value_is_not_drawn():
    values = np.zeros(GRID)
    values[2, 3] = np.nan
    alpha = maps.cells(values, 0, 1).picture[..., 3]
    assert alpha[2, 3] == 0
    assert (alpha == 0).sum() == 1


def test_pictures_of_one_place_are_told_apart():
    layers = tuple(maps.Layer(np.zeros((128, 160, 4), np.uint8)) for _ in range(3))
    pictures = maps.draw(maps.Panel("stack", layers), ROOM, image=image(ROOM)).layout.images
    assert len({picture.sizex for picture in pictures}) == 4


def test_what_an_opaque_map_hides_is_not_sent():
    covered = maps.Panel("depth", (maps.Layer(image(ROOM)),))
    assert len(maps.draw(covered, ROOM, image=image(ROOM)).layout.images) == 1
    shining = maps.Panel("depth", (maps.Layer(image(ROOM), opacity=0.5),))
    assert len(maps.draw(shining, ROOM, image=image(ROOM)).layout.images) == 2


def test_clicks_find_exactly_the_visible_tokens():
    found = {tuple(place) for place in tokens(maps.draw(maps.Panel("x"), WIDE)).customdata}
    assert found == set(zip(*(indices.tolist() for indices in np.nonzero(WIDE.visible)), strict=True))


def test_hovering_over_a_token_reads_its_own_text():
    texts = np.array([[f"r{row}c{column}" for column in range(20)] for row in range(16)])
    grid = tokens(maps.draw(maps.Panel("x", hover=maps.Hover(texts)), WIDE))
    for place, text in zip(grid.customdata, grid.text, strict=True):
        assert text.startswith("r{}c{}<br>".format(*place))


def test_values_of_the_image_take_the_place_of_the_tokens():
    fig = maps.draw(maps.Panel("x", hover=maps.Hover(on="image", values=np.ones((64, 80), np.float32))), ROOM)
    reader = fig.data[0]
    assert reader.type == "heatmap"
    assert (reader.x0, reader.dx) == (1, 2)
    assert reader.opacity == 0


def test_the_picked_token_is_outlined_in_black_and_white():
    shapes = maps.draw(maps.Panel("x"), ROOM, picked=(2, 3)).layout.shapes
    assert [shape.line.color for shape in shapes] == ["#000000", "#ffffff"]
    assert (shapes[0].x0, shapes[0].y0, shapes[0].x1, shapes[0].y1) == (24, 16, 32, 24)


def test_a_panel_can_do_without_the_picked_token():
    assert not maps.draw(maps.Panel("x", picked=False), ROOM, picked=(2, 3)).layout.shapes


def test_marks_sit_on_their_tokens():
    marks = maps.Marks([1, 2], [3, 4], ["#ff0000", "#00ff00"], texts=["one", "two"])
    drawn = maps.draw(maps.Panel("x", marks=(marks,)), ROOM).data[-1]
    assert list(drawn.x) == [28, 36]
    assert list(drawn.y) == [12, 20]
    assert [list(place) for place in drawn.customdata] == [[1, 3], [2, 4]]


def test_a_board_links_the_zoom_of_its_maps():
    board = maps.board([maps.Panel(str(n)) for n in range(4)], ROOM, image=image(ROOM), columns=3)
    assert board.layout.xaxis4.matches == "x"
    assert board.layout.yaxis4.matches == "y"
    domains = {(board.layout[f"xaxis{n}"].domain, board.layout[f"yaxis{n}"].domain) for n in ("", 2, 3, 4)}
    assert len(domains) == 4


def test_a_board_of_noise_is_within_the_budget(rng):
    noise = rng.integers(0, 255, (768, 1024, 3)).astype(np.uint8)
    geometry = maps.Geometry.of(Letterbox((768, 1024), (128, 160)), GRID)
    assert figure_bytes(maps.draw(maps.Panel("x"), geometry, image=noise)) < BUDGET
