"""The affinity page in a real Chromium: a click on a map picks the pixel whose rows are shown."""

import pytest
import torch

from mtlviz.models.multitask import NetworkConfig
from tests.app.conftest import SHARED, TINY, save_random
from tests.browser.conftest import click_map, overflow, serving, settle, visit

pytestmark = pytest.mark.browser

DEPTH_MAP, FUSED_MAP = 1, 4
LARGE = (72, 96)
"""The grid of the benchmarks' size, 576 x 768 pixels."""
VISIBLE = 90
"""Columns of it that a room of 128 x 160 pixels covers; three on each side are padding."""


def texts(page, chart: int) -> list[str]:
    """What hovering over a map reads."""
    return page.evaluate(
        "chart => document.querySelectorAll('.js-plotly-plot')[chart].data.find(t => t.name === 'tokens').text", chart
    )


def outline(page, chart: int) -> list[float]:
    """Where a map outlines the picked cell."""
    return page.evaluate(
        "chart => { const shape = document.querySelectorAll('.js-plotly-plot')[chart].layout.shapes.at(-1);"
        " return [shape.x0, shape.y0]; }", chart
    )  # fmt: skip


def test_a_click_on_any_map_picks_the_pixel_of_all_of_them(page, app_url):
    visit(page, f"{app_url}/affinity?model=ctal")
    before = texts(page, FUSED_MAP)
    click_map(page, DEPTH_MAP, 0.125, 0.22)
    page.wait_for_function("() => document.body.innerText.includes('row 3, column 2')")
    settle(page)
    assert texts(page, FUSED_MAP) != before
    assert all(part in page.url for part in ("task=depth", "row=3", "column=2"))
    click_map(page, FUSED_MAP, 0.875, 0.47)  # no task of its own: the task stays
    page.wait_for_function("() => document.body.innerText.includes('row 7, column 17')")
    assert "task=depth" in page.url


def test_the_page_fits_a_phone(page, app_url):
    page.set_viewport_size({"width": 420, "height": 900})
    visit(page, f"{app_url}/affinity?model=ctal&affinity_detail=agreement")
    assert overflow(page) <= 1


@pytest.fixture
def large_url(tmp_path):
    """A server whose only model is a CTAL on the large grid."""
    torch.manual_seed(0)
    config = NetworkConfig(encoder=TINY, width=8, decoder_widths=(8, 8), interaction="ctal", options={"grid": LARGE})
    save_random("large", "Large", config, SHARED, tmp_path / "models", LARGE)
    with serving(tmp_path / "models", tmp_path / "server.log") as address:
        yield address


def test_a_click_shows_all_rows_on_the_large_grid(page, large_url):
    visit(page, f"{large_url}/affinity?model=large")
    maps = range(len(SHARED) + 2)  # one a task, G, the disagreement
    before = [texts(page, chart) for chart in maps]
    assert all(len(rows) == LARGE[0] * VISIBLE for rows in before)
    places = [outline(page, chart) for chart in maps]
    click_map(page, DEPTH_MAP, 9.5 / VISIBLE, 30.5 / LARGE[0])
    page.wait_for_function("() => document.body.innerText.includes('row 30, column 12')")
    settle(page)
    assert "task=depth" in page.url
    moved = [outline(page, chart) for chart in maps]
    assert all(now == moved[0] != place for now, place in zip(moved, places, strict=True))
    changed = [texts(page, chart) != rows for chart, rows in zip(maps, before, strict=True)]
    assert changed[0]
    assert changed[FUSED_MAP]
    assert changed[FUSED_MAP + 1]
