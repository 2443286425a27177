"""The routing figures show what the analysis says."""

import numpy as np
import pytest

from mtlviz.analysis.composite import token_provenance
from mtlviz.analysis.routing import slot_routing
from mtlviz.analysis.routing_summary import routing_summary, summary_of_one
from mtlviz.analysis.slot_card import slot_card
from mtlviz.plots.maps import Geometry
from mtlviz.plots.routing import routing_figures
from mtlviz.plots.routing_bars import occupancy_figure, set_occupancy_figure, token_weights_figure
from mtlviz.plots.routing_exchange import exchange_matrices, exchange_sankey
from mtlviz.plots.routing_maps import MOST_DRAWN, PAPER, marker_size, pale, pick_markers, routing_panels, slot_panels
from mtlviz.plots.routing_provenance import provenance_figure
from mtlviz.plots.style import BUDGET, figure_bytes
from tests.analysis.slot_traces import GRID, TASKS, half_padding, random_trace, slot_trace

GEOMETRY = Geometry((80, 100), GRID, (0.0, 0.0), (20.0, 20.0))
IMAGE = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)


@pytest.fixture
def trace():
    return random_trace(0)


@pytest.fixture
def routing(trace):
    return slot_routing(trace)


def grid_layer(panel) -> np.ndarray:
    return next(layer.picture for layer in panel.layers if layer.on == "grid")


def test_of_slots_that_take_in_every_token_the_best_picks_are_drawn_and_the_map_says_so():
    routing = slot_routing(random_trace(0, count=len(TASKS) * GRID[0] * GRID[1]))
    drawn = [len(pick_markers(routing, task, GEOMETRY)[1].x) for task in TASKS]
    assert sum(drawn) == MOST_DRAWN * routing.slots
    notes = [panel.note for panel in routing_panels(routing, "winners")]
    assert notes[0] == f"{drawn[0]} of {sum(drawn)} best picks, the first {MOST_DRAWN} of every slot"


def test_every_pick_is_a_marker_on_the_map_of_its_task(routing):
    drawn = []
    for task in TASKS:
        marks = pick_markers(routing, task, GEOMETRY)[1]
        drawn += [(task, *place, int(text)) for place, text in zip(marks.customdata, marks.text, strict=True)]
    expected = [(pick.task, pick.row, pick.column, pick.slot) for pick in routing.picks]
    assert sorted(drawn) == sorted(expected)


def test_markers_lie_on_their_token_unless_they_share_it():
    layout = slot_trace(np.zeros((1, 1))).layout
    shared, alone = layout.token("depth", 1, 2), layout.token("depth", 3, 0)
    routing = slot_routing(slot_trace(np.array([[shared], [shared], [alone]])))
    dots, marks = pick_markers(routing, "depth", GEOMETRY)
    assert list(zip(dots.x, dots.y, strict=True)) == [(50.0, 30.0)]
    places = dict(zip(marks.text, zip(marks.x, marks.y, strict=True), strict=True))
    assert places["2"] == (10.0, 70.0)
    assert places["0"] != places["1"]
    assert all(np.hypot(places[slot][0] - 50, places[slot][1] - 30) < 20 for slot in ("0", "1"))


def test_a_chosen_slot_stands_out(routing):
    marks = pick_markers(routing, "semseg", GEOMETRY, slot=routing.picks[0].slot)[1]
    assert {text for text in marks.text if text} <= {str(routing.picks[0].slot)}
    assert set(marks.marker.opacity) <= {1.0, 0.2}


def test_the_area_of_a_marker_grows_with_its_weight():
    sizes = [marker_size(weight, 0) ** 2 for weight in (0.0, 0.5, 1.0)]
    assert sizes[1] - sizes[0] == pytest.approx(sizes[2] - sizes[1])


def test_the_opacity_of_a_cell_is_the_winning_weight(routing):
    for index, panel in enumerate(routing_panels(routing, "readers")):
        alpha = grid_layer(panel)[..., 3].ravel() / 255
        assert np.allclose(alpha, routing.write.weight[index * 20 : (index + 1) * 20], atol=1 / 255)


def test_a_uniform_write_map_is_almost_blank_and_a_decided_one_is_solid():
    picks = np.arange(20)[:, None]
    faint = routing_panels(slot_routing(slot_trace(picks)), "readers")[0]
    decided = slot_trace(picks, write=np.eye(20, dtype=np.float32)[np.arange(60) % 20])
    solid = routing_panels(slot_routing(decided), "readers")[0]
    assert grid_layer(faint)[..., 3].max() <= 255 * 0.06
    assert (grid_layer(solid)[..., 3] == 255).all()


def test_padding_is_not_drawn():
    routing = slot_routing(random_trace(0, valid=half_padding()))
    for panel in routing_panels(routing, "readers", certainty=False):
        assert (grid_layer(panel)[:2, :, 3] == 255).all()
        assert not grid_layer(panel)[2:, :, 3].any()


def test_a_slots_maps_share_one_scale(trace, routing):
    panels = slot_panels(slot_card(trace, routing, 2), trace.layout)
    assert {(panel.scale.low, panel.scale.high) for panel in panels} == {(0, float(trace.write[:, 2].max()))}
    assert sum(len(marks.rows) for panel in panels for marks in panel.marks) == 3


def test_a_pale_image_tends_to_paper():
    assert (pale(IMAGE, 0.0) == PAPER).all()
    assert (pale(IMAGE, 1.0) == IMAGE).all()


def test_one_line_leads_to_every_pick_that_is_read(trace):
    provenance = token_provenance(trace, 7)
    fig = provenance_figure(provenance, trace.layout, GEOMETRY, IMAGE)
    lines = [shape for shape in fig.layout.shapes if shape.type == "path"]
    assert len(lines) == (provenance.through > 0).sum()
    widths = [line.line.width for line in lines]
    assert widths == sorted(widths)
    assert len(next(one for one in fig.data if one.name == "sources").x) == len(provenance.sources)


def test_titles_over_the_maps_are_the_tasks_shares(trace):
    provenance = token_provenance(trace, 7)
    fig = provenance_figure(provenance, trace.layout, GEOMETRY, IMAGE)
    shown = [int(note.text.split("· ")[1].rstrip("%")) for note in fig.layout.annotations]
    assert shown == [round(100 * weight) for weight in provenance.tasks.values()]


def test_what_flows_into_a_slot_of_the_sankey_flows_out(routing):
    link = exchange_sankey(routing.exchange).data[0].link
    into, out = np.zeros(40), np.zeros(40)
    np.add.at(into, list(link.target), link.value)
    np.add.at(out, list(link.source), link.value)
    slots = slice(len(TASKS), len(TASKS) + routing.slots)
    assert np.allclose(into[slots], out[slots])
    assert np.allclose(into[slots], routing.occupancy)


def test_a_chosen_slots_bands_stand_out_in_the_sankey(routing):
    sankey = exchange_sankey(routing.exchange, slot=2).data[0]
    node = len(TASKS) + 2
    for colour, *ends in zip(sankey.link.color, sankey.link.source, sankey.link.target, strict=True):
        assert colour.endswith("0.8)") == (node in ends)


def test_the_matrices_print_their_shares(routing):
    exchange = routing.exchange
    fig = exchange_matrices(exchange.writers, exchange.readers, exchange.tasks)
    printed = [[0.0 if text == "·" else float(text) for text in fig.data[index].text] for index in (1, 3)]
    assert np.allclose(printed[0], exchange.writers.ravel(), atol=0.006)
    assert np.allclose(printed[1], exchange.readers.ravel(), atol=0.006)


def test_bars_are_the_numbers_they_stand_for(trace, routing):
    provenance = token_provenance(trace, 7)
    assert np.allclose(occupancy_figure(routing).data[0].y, routing.occupancy)
    assert np.allclose(token_weights_figure(provenance).data[0].x, provenance.slots)


def test_equal_bars_do_not_fill_the_figure():
    figure = occupancy_figure(slot_routing(slot_trace(np.arange(20)[:, None])))
    assert figure.layout.yaxis.range[1] > 2 / 20


def test_a_set_has_whiskers_and_a_single_image_has_none(routing):
    many = set_occupancy_figure(routing_summary([random_trace(0), random_trace(1)]))
    assert np.all(np.asarray(many.data[0].error_y.array) > 0)
    assert set_occupancy_figure(summary_of_one(routing)).data[0].error_y.array is None


def test_all_figures_of_an_image_are_within_budget():
    image = np.random.default_rng(0).integers(0, 255, (480, 600, 3), np.uint8)
    geometry = Geometry((480, 600), GRID, (0.0, 0.0), (120.0, 120.0))
    figures = routing_figures(random_trace(0, slots=20), geometry, image)
    assert set(figures) == {"winners", "readers", "occupancy", "token_weights", "provenance", "slot",
                            "writers_and_readers", "flows"}  # fmt: skip
    assert all(figure_bytes(figure) < BUDGET for figure in figures.values())
