"""The routing page in a real Chromium: clicks pick tokens, a long set can be stopped."""

import re

import pytest

from tests.browser.conftest import click_map, overflow, settle, visit

pytestmark = pytest.mark.browser

READS = re.compile(r"(\w+), row (\d+), column (\d+) reads")
DEPTH_MAP = 1


LONELIEST_PICK = """() => {
    const found = [...document.querySelectorAll('.js-plotly-plot')].slice(0, 4).flatMap((plot, chart) => {
        const trace = plot.data.find(trace => trace.name === 'picks');
        if (!trace) return [];
        const {xaxis, yaxis} = plot._fullLayout;
        const at = [...trace.x].map((x, i) => [xaxis.d2p(x), yaxis.d2p(trace.y[i])]);
        return at.map(([x, y], i) => ({
            room: Math.min(...at.map(([a, b], k) => k === i ? Infinity : Math.hypot(a - x, b - y))),
            pick: [chart, x / xaxis._length, y / yaxis._length, ...trace.customdata[i]],
        }));
    });
    return found.reduce((best, other) => other.room > best.room ? other : best).pick;
}"""
"""Chart, place on it (shares of its width and height), row and column of the pick that no other one covers."""


def picked(page) -> tuple[str, ...]:
    """(task, row, column) that the token's panel names."""
    return READS.search(page.inner_text("body")).groups()


def test_a_click_on_a_map_changes_the_token_its_panel_and_the_link(page, app_url):
    visit(page, f"{app_url}/slots?slots_show=readers")
    assert picked(page) == ("Segmentation", "8", "10")
    bars = page.locator(".js-plotly-plot").nth(4).inner_html()
    click_map(page, DEPTH_MAP, 0.125, 0.22)
    page.wait_for_function("() => document.body.innerText.includes('Depth, row 3, column 2 reads')")
    settle(page)
    assert page.locator(".js-plotly-plot").nth(4).inner_html() != bars
    assert all(part in page.url for part in ("task=depth", "row=3", "column=2"))


def test_a_click_on_a_winners_marker_follows_that_winner(page, app_url):
    visit(page, f"{app_url}/slots")
    chart, *place = page.evaluate(LONELIEST_PICK)
    click_map(page, chart, *place[:2])
    page.wait_for_function(f"() => document.body.innerText.includes('row {place[2]}, column {place[3]} reads')")


def test_a_long_set_can_be_stopped_and_keeps_what_is_done(page, app_url):
    visit(page, f"{app_url}/slots?slots_detail=set+of+images")
    page.get_by_label("How many (1 to 200)").fill("200")
    page.get_by_label("How many (1 to 200)").press("Enter")
    settle(page)
    page.get_by_role("button", name="Start").click()
    page.wait_for_function("() => /[1-9]\\d* of 200 images/.test(document.body.innerText)")
    page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
    page.wait_for_function("() => /Stopped after \\d+ of 200/.test(document.body.innerText)")
    assert re.search(r"Over n = \d+ image", page.inner_text("body"))


def test_the_page_fits_a_phone(page, app_url):
    page.set_viewport_size({"width": 420, "height": 900})
    visit(page, f"{app_url}/slots")
    assert overflow(page) <= 1
