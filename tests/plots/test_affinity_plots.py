"""Maps and matrices of affinities: signed colours centred at 0, one scale where things compare, exact hovers."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mtlviz.analysis.affinity.effect import diffusion_effect
from mtlviz.analysis.affinity.fusion import fusion_weights
from mtlviz.analysis.affinity.overview import blocks_by_position, blocks_by_segment, pooled_affinity
from mtlviz.analysis.affinity.rows import pixel_rows
from mtlviz.analysis.affinity.walk import random_walk
from mtlviz.plots.affinity import QUANTITIES, effect_panels, fused_panels, fusion_panels, row_panels, walk_panels
from mtlviz.plots.affinity_matrices import Segments, agreement_figure, block_names, overview_figure
from mtlviz.plots.style import BUDGET, DIVERGING, SEQUENTIAL, colours, figure_bytes
from tests.analysis.affinity_traces import GRID, TASKS, N, case, features, module, padded

POSITION = 8


def test_every_task_the_fused_row_and_the_disagreement_have_a_map():
    trace = case().trace
    rows = pixel_rows(trace, POSITION)
    panels = row_panels(rows, trace.layout, opacity=1.0)
    assert [panel.task for panel in panels] == [*TASKS, None, None]
    for panel, row in zip(panels, rows.tasks, strict=False):
        assert (panel.scale.low, panel.scale.high, panel.scale.colours) == (-1, 1, DIVERGING)
        expected = colours(row, -1, 1, DIVERGING).reshape(*GRID, 3)
        np.testing.assert_array_equal(panel.layers[0].picture[..., :3], expected)
        assert panel.hover.texts[1, 2] == f"{row[7]:+.3f}"
    fused, disagreement = panels[-2:]
    assert -fused.scale.low == fused.scale.high == pytest.approx(np.abs(rows.fused).max())
    assert disagreement.scale.low == 0
    assert disagreement.scale.colours == SEQUENTIAL
    assert f"deviation {rows.disagreement[7]:.2f}" in disagreement.hover.texts[1, 2]


def test_nothing_on_the_maps_is_called_a_probability():
    trace = case().trace
    for panel in row_panels(pixel_rows(trace, POSITION), trace.layout):
        assert "prob" not in f"{panel.title} {panel.note} {panel.scale.label}".lower()


def test_less_its_mean_a_row_is_centred_on_a_shared_scale():
    trace = case().trace
    rows = pixel_rows(trace, POSITION)
    panels = row_panels(rows, trace.layout, centred=True)
    centred = rows.tasks - rows.tasks.mean(1, keepdims=True)
    (end,) = {panel.scale.high for panel in panels[: len(TASKS)]}
    assert end == pytest.approx(np.abs(centred).max())
    assert "less its mean" in panels[0].scale.label
    values = [float(text) for text in panels[1].hover.texts.ravel()]
    np.testing.assert_allclose(values, centred[1], atol=6e-4)


def test_padding_is_not_drawn():
    made = case(padded())
    panels = row_panels(pixel_rows(made.trace, POSITION), made.trace.layout)
    for panel in panels:
        assert not panel.layers[0].picture[[0, -1], :, 3].any()
        assert panel.layers[0].picture[1:-1, :, 3].all()


def test_a_row_without_any_value_is_drawn_white():
    trace = case(fusion="mean").trace
    rows = pixel_rows(trace, POSITION)
    rows.fused[:] = 0
    assert row_panels(rows, trace.layout)[-2].scale.high == 1


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_fusion_maps_share_one_scale_and_the_bias_has_its_own(quantity):
    trace = case().trace
    found = fusion_weights(trace)
    panels = fusion_panels(found, trace.layout, quantity)
    assert len({(panel.scale.low, panel.scale.high) for panel in panels[:-1]}) == 1
    assert panels[0].scale.colours == (SEQUENTIAL if quantity == "share" else DIVERGING)
    assert panels[-1].title == "Bias"
    assert panels[-1].hover.texts[0, 0] == f"{found.bias[0]:+.3f}"


def test_a_walk_at_rest_is_drawn_at_rest():
    trace = case().trace
    walk = random_walk(trace, 0)
    rest = walk.rest.astype(np.float32)
    (panel, *_) = walk_panels([rest] * 3, ["at rest"] * 3, trace.layout, [rest] * 3)
    white = colours(np.zeros(1), -1, 1, DIVERGING)[0]
    assert (panel.layers[0].picture[..., :3] == white).all()
    assert panel.hover.texts[0, 0].endswith("1.00 times the rest")


@pytest.mark.parametrize(
    ("farthest", "said"),
    [(5.2, ["1/16×", "1/4×", "1×", "4×", "16×"]), (1.4, ["1/2×", "1×", "2×"]), (0.5, ["0.707×", "1×", "1.41×"])],
)
def test_the_scale_of_what_a_walk_remembers_names_its_middle(farthest, said):
    trace = case().trace
    even = np.full(N, 1 / N, np.float32)
    (panel, *_) = walk_panels([even * 2.0**farthest] * 3, [""] * 3, trace.layout, [even] * 3)
    assert [text for _, text in panel.scale.ticks] == said
    assert panel.scale.ticks[len(said) // 2] == (0, "1×")


def test_a_row_of_g_and_its_parts_share_a_scale_unless_a_softmax_lies_between_them():
    for softmax in (False, True):
        trace = case(softmax=softmax).trace
        rows = pixel_rows(trace, POSITION)
        whole, *parts = fused_panels(rows, trace.layout, "depth", "CTAL", [0.2, 0.3, 0.5], softmax=softmax)
        assert len({part.scale for part in parts}) == 1
        assert (whole.scale == parts[0].scale) != softmax
        assert whole.scale.low == (0 if softmax else -whole.scale.high)
        assert parts[0].scale.high >= np.abs(rows.parts).max()


def test_one_task_alone_has_no_map_of_disagreement():
    given = {"depth": features()["depth"]}
    trace = case(given=given, interaction=module(tasks=("depth",))).trace
    assert [panel.title for panel in row_panels(pixel_rows(trace, POSITION), trace.layout)] == ["Depth", "Fused row G"]


def test_a_few_large_changes_do_not_darken_the_others():
    trace = case().trace
    effect = diffusion_effect(trace, 1)
    change = effect.change.copy()
    change[POSITION] = 1e3
    _, _, panel = effect_panels(replace(effect, change=change), trace.layout, "depth", 0.05)
    assert panel.scale.high == pytest.approx(np.percentile(change, 99))


def test_a_walk_shows_its_probability_and_how_far_it_is_from_even():
    trace = case().trace
    spread = random_walk(trace, 1).spread(POSITION, 2)
    panels = walk_panels([spread] * 3, [""] * 3, trace.layout)
    assert panels[0].scale.high == pytest.approx(spread.max() * N)
    assert f"{spread[0] * N:.2f} times even" in panels[0].hover.texts[0, 0]
    nowhere = np.where(np.arange(N) == 0, 1, 0).astype(np.float32)  # log of 0 elsewhere
    walk_panels([nowhere] * 3, [""] * 3, trace.layout, [np.full(N, 1 / N, np.float32)] * 3)


def test_before_and_after_share_their_colours():
    trace = case().trace
    effect = diffusion_effect(trace, 1, 0.0)
    before, after, change = effect_panels(effect, trace.layout, "depth", 0.0)
    np.testing.assert_array_equal(before.layers[0].picture, after.layers[0].picture)
    assert change.scale.low == 0
    assert "γ = 0" in change.note


def test_an_overview_holds_its_values_and_lines_between_segments():
    trace = case().trace
    labels = np.repeat([0, 2], N // 2)
    blocks = blocks_by_segment(trace, labels, 8)
    segments = Segments(("wall", "door", "bed"), ("#112233", "#445566", "#778899"))
    names = block_names(blocks, GRID, segments)
    pooled = pooled_affinity(trace, 0, blocks)
    fig = overview_figure(pooled, blocks, names, "Depth", limit=1.0, what="mean cosine", segments=segments)
    np.testing.assert_array_equal(fig.data[0].z, pooled)
    assert (fig.data[0].zmin, fig.data[0].zmax) == (-1, 1)
    assert len(fig.layout.shapes) == 2  # one border, across and down
    assert fig.layout.shapes[0].y0 == 3.5
    assert [text.split(" <")[0] for text in fig.layout.xaxis.ticktext] == ["wall", "bed"]
    assert len(set(names)) == len(names) == 8
    assert names[0].startswith("wall, part 1 of 4 (row 0")


def test_an_overview_of_64_blocks_is_small():
    rng = np.random.default_rng(0)
    trace = case().trace
    blocks = blocks_by_position(trace, N)
    fig = overview_figure(rng.normal(size=(N, N)), blocks, block_names(blocks, GRID), "G", limit=3.0, what="mean of G")
    assert figure_bytes(fig) < BUDGET / 50
    assert json.loads(fig.to_json())["layout"]["xaxis"]["type"] == "category"


def test_an_overview_by_position_names_the_rows_of_the_image():
    trace = case().trace
    blocks = blocks_by_position(trace, 6)
    names = block_names(blocks, GRID)
    fig = overview_figure(np.zeros((6, 6)), blocks, names, "G", limit=1.0, what="mean of G")
    assert list(fig.layout.xaxis.ticktext) == ["row 0", "row 2"]
    assert list(fig.layout.xaxis.tickvals) == [names[0], names[3]]


def test_an_agreement_matrix_writes_its_numbers():
    values = np.array([[1, 0.5], [0.5, np.nan]])
    fig = agreement_figure(values, ["Depth", "Edges"], "Linear CKA", signed=False)
    assert agreement_figure(-values, ["a", "b"], "", signed=True).data[0].text[0][1] == "−0.50"
    assert [list(row) for row in fig.data[0].text] == [["1.00", "0.50"], ["0.50", "none"]]
    assert (fig.data[0].zmin, fig.data[0].zmax) == (0, 1)
    assert agreement_figure(values, ["a", "b"], "", signed=True).data[0].zmin == -1
