"""The affinity page in a real Chromium: a click on a map picks the pixel whose rows are shown."""

import pytest

from tests.browser.conftest import click_map, overflow, settle, visit

pytestmark = pytest.mark.browser

DEPTH_MAP, FUSED_MAP = 1, 4


def texts(page, chart: int) -> list[str]:
    """What hovering over a map reads."""
    return page.evaluate(
        "chart => document.querySelectorAll('.js-plotly-plot')[chart].data.find(t => t.name === 'tokens').text", chart
    )


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
