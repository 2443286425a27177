"""Points carry their tokens, colours agree between map and image, and figures stay small."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mtlviz.analysis.neighbourhood import Agreement, Silhouette
from mtlviz.analysis.projection import Projection
from mtlviz.analysis.token_cloud import SHARED, TokenCloud
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.plots.embedding import MOST_DRAWN_AS_SHAPES, Highlight, embedding_figure
from mtlviz.plots.embedding_bars import counts_figure, places_figure, silhouettes_figure
from mtlviz.plots.embedding_maps import CHOSEN, OTHERS, PATCH, image_panel, spread_out, token_panels, token_patch
from mtlviz.plots.geometry import Geometry
from mtlviz.plots.style import BUDGET, figure_bytes, slot_colour
from mtlviz.plots.token_colours import NOTHING, OWN, by_class, by_error, by_slot, by_task, class_name
from mtlviz.tasks import TASKS

TASKS_SHOWN = ("semseg", "depth")


def cloud(count: int = 240, groups: tuple[str, ...] = TASKS_SHOWN, images: int = 1) -> TokenCloud:
    """Tokens in a grid of 10 columns."""
    rng = np.random.default_rng(0)
    each = count // len(groups) // images
    group, image = (
        np.tile(np.repeat(np.arange(len(groups)), each), images),
        np.repeat(np.arange(images), count // images),
    )
    position = np.tile(np.arange(each), len(groups) * images)
    slot = rng.integers(0, 5, count).astype(np.int16)
    columns = {
        "image": image.astype(np.int32), "group": group.astype(np.int16), "row": (position // 10).astype(np.int16),
        "column": (position % 10).astype(np.int16), "priority": rng.random(count), "slot": slot,
        "weight": rng.random(count).astype(np.float32), "picked": np.where(rng.random(count) < 0.05, 2, UNKNOWN),
        "truth semseg": rng.integers(-1, 6, count).astype(np.int16), "said semseg": slot,
        "error semseg": rng.random(count).astype(np.float32),
        "error depth": np.where(rng.random(count) < 0.1, np.nan, 3 * rng.random(count)).astype(np.float32),
    }  # fmt: skip
    names = tuple(f"room {index}" for index in range(images))
    features = rng.normal(size=(count, 8)).astype(np.float32)
    return TokenCloud("decoder", groups, (-(-each // 10), 10), names, count, 5, features, columns)


def projection(tokens: TokenCloud, axes: int = 2, method: str = "PCA") -> Projection:
    explained = np.array([0.4, 0.2, 0.1])[:axes] if method == "PCA" else np.zeros(0)
    return Projection(method, tokens.features[:, :axes], explained)


def points(fig, mode: str = "customdata") -> list[tuple[int, ...]]:
    """(task, row, column, image) of all coloured points."""
    traces = [trace for trace in fig.data if trace.hovertemplate]
    return [tuple(row) for trace in traces for row in np.asarray(trace[mode])]


def test_classes_are_those_of_the_model_and_not_of_the_built_in_task():
    names, palette = tuple(f"thing {label}" for label in range(40)), tuple((label, 0, 9) for label in range(40))
    task = replace(TASKS["semseg"], channels=40, class_names=names, palette=palette)
    built_in = cloud()
    labels = np.full(len(built_in), 39, np.int16)
    tokens = replace(built_in, columns={**built_in.columns, "truth semseg": labels}, tasks=(task,))
    colouring = by_class(tokens, "semseg")
    assert colouring.names[39] == class_name(tokens.task("semseg"), 39) == "thing 39"
    assert (colouring.rgb == (39, 0, 9)).all()
    assert list(counts_figure(tokens, np.arange(4), "semseg").data[0].y) == ["thing 39"]
    assert built_in.task("semseg") == TASKS["semseg"]


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("by", ["task", "class", "slot", "error"])
def test_every_token_is_one_point_that_carries_where_it_lies(axes, by):
    tokens = cloud()
    colouring = {
        "task": by_task(tokens), "class": by_class(tokens, "semseg"), "slot": by_slot(tokens),
        "error": by_error(tokens, "depth"),
    }[by]  # fmt: skip
    fig = embedding_figure(projection(tokens, axes), tokens, colouring)
    expected = zip(tokens["group"], tokens["row"], tokens["column"], tokens["image"], strict=True)
    assert sorted(points(fig)) == sorted(tuple(map(int, row)) for row in expected)
    for trace in fig.data:
        for index, (task, row, column, _) in enumerate(np.asarray(trace.customdata)):
            token = np.flatnonzero((tokens["group"] == task) & (tokens["row"] == row) & (tokens["column"] == column))[0]
            assert trace.x[index] == tokens.features[token, 0]
            assert trace.y[index] == tokens.features[token, 1]


def test_axes_say_what_share_of_the_variance_they_hold_and_umap_has_none():
    tokens = cloud()
    first = embedding_figure(projection(tokens), tokens, by_task(tokens)).layout
    assert first.xaxis.title.text == "component 1 · 40.0% of the variance"
    assert first.yaxis.title.text == "component 2 · 20.0% of the variance"
    assert first.yaxis.scaleanchor == "x"
    other = embedding_figure(projection(tokens, method="UMAP"), tokens, by_task(tokens)).layout
    assert other.xaxis.title.text == "UMAP 1 (no unit)"
    assert not other.xaxis.showticklabels


def test_the_legend_names_every_class_once_and_rare_ones_lie_on_top():
    tokens = cloud()
    fig = embedding_figure(projection(tokens), tokens, by_class(tokens, "semseg"))
    shown = [trace.name for trace in fig.data if trace.showlegend]
    labels, counts = np.unique(tokens["truth semseg"], return_counts=True)
    names = ["none" if label < 0 else TASKS["semseg"].class_names[label] for label in labels]
    assert sorted(shown) == sorted(names)
    assert shown == [names[index] for index in np.argsort(-counts, kind="stable")]


def test_what_is_not_selected_fades_and_the_picked_token_is_ringed():
    tokens = cloud()
    selected = tokens["group"] == 1
    fig = embedding_figure(projection(tokens), tokens, by_task(tokens), Highlight(selected, np.array([3]), 7))
    assert {row[0] for row in points(fig)} == {1}
    faded = next(trace for trace in fig.data if trace.name == "not selected")
    assert faded.marker.color == NOTHING
    assert len(faded.x) == (~selected).sum()
    ringed = [trace for trace in fig.data if trace.name == "picked token"]
    assert [trace.x[0] for trace in ringed] == [tokens.features[7, 0]] * 2


def test_many_points_are_drawn_by_webgl_and_stay_small():
    few, many = cloud(MOST_DRAWN_AS_SHAPES), cloud(20_000)
    assert {trace.type for trace in embedding_figure(projection(few), few, by_task(few)).data} == {"scatter"}
    for colouring in (by_class(many, "semseg"), by_slot(many), by_error(many, OWN)):
        for axes, kind in ((2, "scattergl"), (3, "scatter3d")):
            fig = embedding_figure(projection(many, axes), many, colouring)
            assert {trace.type for trace in fig.data} == {kind}
            assert figure_bytes(fig) < BUDGET / 2
    assert "bdata" in json.dumps(json.loads(fig.to_json())["data"][0]["x"])


def test_dragging_does_what_was_chosen():
    tokens = cloud()
    modes = {
        drag: embedding_figure(projection(tokens), tokens, by_task(tokens), drag=drag).layout.dragmode
        for drag in ("click", "box", "lasso")
    }
    assert modes == {"click": "pan", "box": "select", "lasso": "lasso"}


def test_colours_are_those_of_classes_slots_and_errors():
    tokens = cloud()
    classes, slots = by_class(tokens, "semseg"), by_slot(tokens)
    palette = np.array(TASKS["semseg"].palette)
    known = tokens["truth semseg"] >= 0
    assert np.array_equal(classes.rgb[known], palette[tokens["truth semseg"][known]])
    assert (classes.rgb[~known] == 128).all()
    assert slots.palette == tuple(slot_colour(slot) for slot in range(5))
    errors = by_error(tokens, "depth")
    assert "(m)" in errors.scale.label
    assert (errors.rgb[np.isnan(tokens["error depth"])] == 128).all()
    assert by_error(tokens, "semseg").scale.high == 1
    assert by_error(tokens, OWN).scale.high == 1


def test_cells_of_the_image_have_the_colours_of_the_points():
    tokens = cloud()
    colouring = by_class(tokens, "semseg")
    selected = tokens["row"] < 3
    panels = token_panels(tokens, colouring, Highlight(selected, np.array([0]), 0))
    assert [panel.task for panel in panels] == list(TASKS_SHOWN)
    assert panels[0].note == "30 of 120 tokens selected"
    for group, panel in enumerate(panels):
        members = np.flatnonzero(tokens["group"] == group)
        cells = panel.layers[0].picture[tokens["row"][members], tokens["column"][members]]
        assert np.array_equal(cells[:, :3], colouring.rgb[members])
        assert np.array_equal(cells[:, 3], np.where(selected[members], round(CHOSEN * 255), round(OTHERS * 255)))
    assert len(panels[0].marks) == 1
    assert not panels[1].marks


def test_tokens_outside_the_sample_leave_their_cells_free():
    tokens = cloud()
    half = tokens.take(np.arange(len(tokens)) % 2 == 0)
    picture = token_panels(half, by_task(half), Highlight())[0].layers[0].picture
    assert (picture[..., 3] > 0).sum() == 60


def test_an_image_of_a_set_shows_its_own_selected_tokens():
    tokens = cloud(480, images=2)
    selected = (tokens["image"] == 1) & (tokens["row"] == 2)
    first, second = (image_panel(tokens, image, by_task(tokens), Highlight(selected)) for image in (0, 1))
    assert not first.layers[0].picture[..., 3].any()
    assert set(np.nonzero(second.layers[0].picture[..., 3])[0]) == {2}
    assert second.title == "room 1"
    assert second.note == "20 tokens selected"
    assert "Depth" in second.hover.texts[2, 0]


def test_a_shared_token_belongs_to_all_tasks():
    tokens = cloud(120, groups=(SHARED,))
    (panel,) = token_panels(tokens, by_task(tokens), Highlight())
    assert panel.title == "All tasks"
    assert panel.task is None


def test_a_patch_shows_the_token_in_its_middle_and_grey_beyond_the_image():
    image = np.zeros((64, 80, 3), np.uint8)
    image[16:24, 32:40] = (200, 10, 30)  # the token in row 2, column 4 of 8-pixel cells
    geometry = Geometry((64, 80), (8, 10), (0, 0), (8, 8))
    patch = token_patch(image, geometry, 2, 4, (1, 2, 3))
    assert patch.shape == (PATCH, PATCH, 3)
    assert tuple(patch[PATCH // 2, PATCH // 2]) == (200, 10, 30)
    assert tuple(patch[0, 0]) == (1, 2, 3)
    assert tuple(patch[12, PATCH // 2]) == (0, 0, 0)
    assert tuple(token_patch(image, geometry, 0, 0, (1, 2, 3))[12, 12]) == (128, 128, 128)


def test_some_of_many_are_spread_evenly():
    assert spread_out(np.arange(100), 5).tolist() == [0, 25, 50, 74, 99]
    assert spread_out(np.arange(3), 5).tolist() == [0, 1, 2]


def test_counts_add_up():
    tokens = cloud()
    chosen = np.flatnonzero(tokens["row"] < 5)
    fig = counts_figure(tokens, chosen, "semseg")
    assert sum(sum(trace.x) for trace in fig.data) == len(chosen)
    assert {trace.name for trace in fig.data} == {"Segmentation", "Depth"}
    assert sum(sum(trace.x) for trace in counts_figure(tokens, chosen, None).data) == len(chosen)


def test_silhouettes_are_a_dot_a_task_and_class():
    ones = (Silhouette(0, 2, 0.3, 10), Silhouette(1, 2, -0.4, 10), Silhouette(0, 5, 0.1, 9))
    fig = silhouettes_figure(ones, TASKS_SHOWN, TASKS["semseg"])
    assert sorted(x for trace in fig.data for x in trace.x) == [-0.4, 0.1, 0.3]
    assert fig.layout.xaxis.range[0] < -0.4


def test_places_keep_their_order_and_leave_gaps():
    none = Agreement(float("nan"), float("nan"), 0)
    found = {"encoder": (none, Agreement(0.5, 0.2, 9)), "decoder": (Agreement(0.9, 0.25, 9), Agreement(0.6, 0.2, 9))}
    fig = places_figure(found)
    shares = {trace.name: list(trace.y) for trace in fig.data}
    assert shares["same class"] == [0.5, 0.6]
    assert np.isnan(shares["same task"][0])
    assert list(fig.data[0].x) == ["encoder", "decoder"]
