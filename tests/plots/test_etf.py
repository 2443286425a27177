"""The ETF figures show what the analysis says."""

import numpy as np
import pytest

from mtlviz.analysis.etf_chance import chance
from mtlviz.analysis.etf_geometry import class_geometry, ideal_angle, ideal_gram, simplex_vertices
from mtlviz.plots.etf import BIN, Named, angle_histogram, gram_figure, norm_bars, vertex_scatter
from mtlviz.plots.etf_frames import frame_names
from mtlviz.plots.etf_models import Change, change_figure
from mtlviz.plots.etf_space import LOOKS, Cloud, space_extent, space_figure
from mtlviz.plots.label_places import CANVAS, LETTER, label_places
from mtlviz.plots.style import BUDGET, figure_bytes
from mtlviz.tasks import TASKS

SEMSEG = TASKS["semseg"]


def shown(classes: int) -> Named:
    return Named.of(SEMSEG.class_names, SEMSEG.palette, range(classes))


@pytest.fixture
def geometry(rng):
    return class_geometry(rng.standard_normal((6, 16)))


def notes(fig) -> str:
    return "\n".join(note.text for note in fig.layout.annotations)


def test_cosines_are_drawn_on_one_scale_centred_at_0(geometry):
    for cosines in (geometry.cosines, ideal_gram(6)):
        matrix = gram_figure(cosines, shown(6), "KEM").data[0]
        assert (matrix.zmin, matrix.zmax) == (-1, 1)
        assert np.asarray(matrix.z) == pytest.approx(cosines, abs=1e-6)


def test_a_cell_says_how_far_it_is_from_the_frame(geometry):
    text = gram_figure(geometry.cosines, shown(6), "KEM", ideal_gram(6)).data[0].hovertext[0][1]
    gap = geometry.cosines[0, 1] + 1 / 5
    assert text.startswith("wall and floor: cosine")
    assert f"difference {gap:+.3f}" in text
    assert f"{ideal_angle(6):.1f}°" in text


def test_class_names_stand_on_both_axes_with_their_colours(geometry):
    fig = gram_figure(geometry.cosines, shown(6), "KEM")
    assert fig.layout.xaxis.ticktext == fig.layout.yaxis.ticktext
    assert fig.layout.xaxis.ticktext[0].startswith("wall")
    assert "#c7c7c7" in fig.layout.xaxis.ticktext[0]


def test_the_histogram_holds_every_pair_once_and_marks_the_exact_angle(geometry, rng):
    other = class_geometry(rng.standard_normal((4, 16)))
    fig = angle_histogram([("KEM", geometry), ("sKEM", other)], chance(6, 16, draws=5))
    assert [trace.name for trace in fig.data] == ["KEM", "sKEM"]
    for trace, sides in zip(fig.data, (geometry, other), strict=True):
        assert sum(trace.y) == pytest.approx(1)
        inside = (sides.angles >= 90) & (sides.angles < 90 + BIN)
        assert trace.y[int(90 / BIN)] == pytest.approx(inside.mean())
    lines = [shape.x0 for shape in fig.layout.shapes if shape.type == "line"]
    assert sorted(lines) == pytest.approx(sorted([ideal_angle(6), ideal_angle(4)]))


def test_an_angle_of_180_degrees_is_counted():
    fig = angle_histogram([("two", class_geometry(np.eye(2)))], None)
    assert fig.data[0].y[-1] == 1


def test_lengths_are_drawn_in_units_of_their_mean(geometry):
    fig = norm_bars(geometry, shown(6), "KEM")
    assert np.mean(fig.data[0].y) == pytest.approx(1)
    assert list(fig.data[0].x) == list(shown(6).names)
    assert f"all at their mean, {geometry.norms.mean():.3g}" in notes(fig)


def test_every_class_has_one_mark_and_one_of_few_tokens_is_hollow():
    angles, shares = np.array([10.0, 20, 30]), np.array([0.5, 0.05, 0.001])
    fig = vertex_scatter(angles, shares, np.array([200, 20, 2]), shown(3), "KEM", top=40, chance=15)
    marks = fig.data[0]
    assert list(marks.marker.symbol) == ["circle", "circle", "circle-open"]
    assert list(marks.y) == angles.tolist()
    assert fig.layout.xaxis.type == "log"
    assert "ceiling: 30.0° from its vertex<br>0.10% of the pixels, 2 tokens" in marks.hovertext[2]
    assert "random directions, 15°" in notes(fig)


def test_labels_keep_off_their_neighbours():
    """Two points side by side: their labels do not both go in between."""
    x, y = np.array([0.4, 0.5]), np.array([0.5, 0.5])
    assert label_places(x, y, ["curtain", "cabinet"]) != ["middle right", "middle left"]
    assert label_places(np.array([0.99]), np.array([0.5]), ["curtain"])[0].endswith("left")
    assert len("curtain") * LETTER < CANVAS[0]


def cloud(classes: int, rng, vertices: bool = True) -> Cloud:
    corners = np.zeros((classes, 3))
    simplex = simplex_vertices(classes)[:, :3]
    corners[:, : simplex.shape[1]] = simplex
    tokens = rng.standard_normal((50, 3))
    labels = rng.integers(0, classes, 50)
    return Cloud(shown(classes), corners if vertices else None, 0.8 * corners, tokens, labels, np.full(classes, 12))


def test_the_view_draws_vertices_means_and_every_token(rng):
    drawn = cloud(4, rng)
    fig = space_figure(drawn, "KEM")
    tokens = [trace for trace in fig.data if trace.mode == "markers" and trace.hoverinfo == "skip"]
    assert sum(len(trace.x) for trace in tokens) == 50
    vertices = next(trace for trace in fig.data if trace.name == "vertices")
    assert np.stack([vertices.x, vertices.y, vertices.z], 1) == pytest.approx(drawn.vertices, abs=1e-6)
    assert [note.text for note in fig.layout.scene.annotations] == [f"<b>{name}</b>" for name in drawn.shown.names]
    edges = next(trace for trace in fig.data if trace.name == "frame")
    assert np.isnan(np.asarray(edges.x, float)).sum() == 6  # a tetrahedron has six edges


def test_a_turned_view_stays_turned_until_another_look_is_chosen(rng):
    start, *_, last = LOOKS
    first, again, other = (space_figure(cloud(4, rng), "KEM", look=look) for look in (start, start, last))
    assert first.layout.scene.uirevision == again.layout.scene.uirevision
    assert first.layout.scene.uirevision != other.layout.scene.uirevision
    assert first.layout.scene.camera.projection.type == "orthographic"


@pytest.mark.parametrize(("classes", "vertices"), [(2, True), (9, True), (5, False)])
def test_other_numbers_of_classes_are_drawn_too(classes, vertices, rng):
    drawn = cloud(classes, rng, vertices)
    fig = space_figure(drawn, "KEM")
    assert any(trace.name == "vertices" for trace in fig.data) == vertices
    assert space_extent(drawn) >= np.abs(drawn.means).max()
    assert fig.layout.scene.xaxis.range == (-space_extent(drawn), space_extent(drawn))


def test_a_view_without_tokens_is_drawn(rng):
    drawn = cloud(3, rng)
    empty = Cloud(drawn.shown, drawn.vertices, drawn.means, np.zeros((0, 3)), np.zeros(0, int), drawn.counts)
    assert space_figure(empty, "KEM").data


def test_a_thousand_tokens_stay_within_the_budget(rng):
    drawn = cloud(17, rng)
    many = Cloud(drawn.shown, drawn.vertices, drawn.means, rng.standard_normal((1500, 3)), rng.integers(0, 17, 1500),
                 drawn.counts)  # fmt: skip
    assert figure_bytes(space_figure(many, "KEM")) < BUDGET / 10


def test_a_frame_has_the_names_of_its_tasks_or_numbers():
    owners = [TASKS["semseg"], TASKS["human_parts"]]
    assert frame_names(owners, 24).names == (*SEMSEG.class_names, *TASKS["human_parts"].class_names)
    assert frame_names([], 64).names[-1] == "63"
    big = gram_figure(np.eye(64), frame_names([], 64), "frame")
    assert big.layout.xaxis.ticktext is None


def test_models_are_drawn_from_before_to_after():
    fig = change_figure([Change("kem", 12.0, 13.0), Change("skem", 6.0, 3.0), Change("odd", np.nan, 3.0)], 5.8)
    before, after = (trace for trace in fig.data if trace.mode == "markers")
    assert list(before.x)[:2] == [12.0, 6.0]
    assert list(after.x) == [13.0, 3.0, 3.0]
    assert "5.8°" in notes(fig)
