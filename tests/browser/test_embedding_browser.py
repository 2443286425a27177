"""The Embedding page in a real Chromium: a box over points selects their tokens, and UMAP can be stopped."""

import re

import pytest

from tests.browser.conftest import click_map, overflow, settle, visit

pytestmark = pytest.mark.browser

SELECTED = re.compile(r"([\d,]+) of 1,280 tokens are selected")


def drag(page, chart: int, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over a chart between two places, given as shares of its width and height."""
    surface = page.locator(".js-plotly-plot").nth(chart).locator(".nsewdrag").first
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    corners = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    page.mouse.move(*corners[1], steps=6)
    page.mouse.up()


def test_a_box_selects_on_the_map_and_on_the_image_and_a_click_picks(page, app_url):
    visit(page, f"{app_url}/embedding?embedding_drag=box")
    page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    drag(page, 0, (0.02, 0.02), (0.98, 0.98))
    page.get_by_text(SELECTED).wait_for()
    settle(page)
    assert int(SELECTED.search(page.inner_text("body"))[1].replace(",", "")) > 1000
    drag(page, 2, (0.01, 0.01), (0.24, 0.24))  # the upper left of the depth map: 5 columns of 20, 4 rows of 16
    page.get_by_text("20 of 1,280 tokens are selected").wait_for()
    settle(page)
    page.get_by_role("button", name="Clear the selection").click()
    page.get_by_text("look most like it").wait_for()
    page.get_by_test_id("stMain").get_by_role("radio", name="click").click()
    page.wait_for_function("() => !document.location.search.includes('embedding_drag')")
    settle(page)
    click_map(page, 2, (5 + 0.5) / 20, (3 + 0.5) / 16)
    page.get_by_text("Depth, row 3, column 5").wait_for()


def test_umap_shows_how_far_it_is_and_can_be_stopped(page, app_url):
    visit(page, f"{app_url}/embedding?embedding_map=UMAP")
    page.get_by_role("button", name="Compute UMAP of 1,280 tokens").click()
    page.get_by_text(re.compile("UMAP: .* s. PCA is shown")).wait_for()
    page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. It usually takes").wait_for()
    assert page.get_by_role("button", name="Compute UMAP of 1,280 tokens").is_enabled()


def test_the_page_fits_a_phone(page, app_url):
    page.set_viewport_size({"width": 420, "height": 900})
    visit(page, f"{app_url}/embedding")
    assert overflow(page) <= 1
