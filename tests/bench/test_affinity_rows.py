"""The bench's click on the affinity page: what is timed is what the page shows."""

import numpy as np

from mtlviz.analysis.affinity.rows import pixel_rows
from mtlviz.bench import run
from mtlviz.bench.affinity_rows import Page, random_trace
from mtlviz.bench.catalogue import AFFINITY_SIZES, AffinitySize

SMALL = AffinitySize((6, 8), tasks=3, width=6, channels=4)


def test_a_click_draws_every_task_the_fused_row_and_the_disagreement():
    page = Page(random_trace(SMALL))
    figures = page.click()
    assert len(figures) == SMALL.tasks + 2
    texts = next(trace["text"] for trace in figures[1]["data"] if trace["name"] == "tokens")
    row = pixel_rows(page.trace, page.position).tasks[1]
    assert [text.split("<")[0] for text in texts] == [f"{value:+.3f}" for value in row]


def test_no_two_clicks_in_a_row_are_on_one_position():
    page = Page(random_trace(SMALL))
    assert len({page.rows().position for _ in range(20)}) == 20


def test_the_features_are_unit_vectors():
    trace = random_trace(SMALL)
    np.testing.assert_allclose(np.linalg.norm(trace.units, axis=-1), 1, atol=1e-6)


def test_the_figure_is_the_click_at_the_papers_size(monkeypatch):
    monkeypatch.setitem(AFFINITY_SIZES, "nyu", SMALL)
    monkeypatch.setitem(AFFINITY_SIZES, "app", SMALL)
    (found,) = run(["affinity_row_ms"])
    assert found.unit == "ms"
    assert found.value == found.detail["nyu"]["ms"]["click"] > found.detail["nyu"]["ms"]["rows"] > 0
